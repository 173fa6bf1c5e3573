//! What is in a room, for statistics. Counts and ids; no names of people.

use serde::Serialize;

use super::Room;
use super::ids::PeerId;
use super::peer::Peer;

/// How much of everything there is in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomCensus {
    /// Who have joined, broadcasters not counted.
    pub participants: usize,
    /// Connections that have not joined yet.
    pub joining: usize,
    /// Senders and receivers without a WebSocket.
    pub broadcasters: usize,
    /// Who wait in the lobby.
    pub waiting: usize,
    /// Who have joined and are hidden.
    pub hidden: usize,
    /// Who have joined and record.
    pub recorders: usize,
    /// Who have joined and moderate.
    pub moderators: usize,
    /// Connections about which nothing is decided yet.
    pub pending: usize,
    /// Whether the room waits to be told who was in the meeting before it moved here.
    pub awaits_returning: bool,
    /// What they have together.
    #[serde(flatten)]
    pub holdings: Holdings,
}

/// Things of the media plane that somebody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holdings {
    /// Transports, WebRTC and plain.
    pub transports: usize,
    /// Streams into the room.
    pub producers: usize,
    /// Streams out of the room.
    pub consumers: usize,
    /// Data channels into the room.
    pub data_producers: usize,
    /// Data channels out of the room.
    pub data_consumers: usize,
}

/// One participant, connection or broadcaster.
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerReport {
    /// As it calls itself.
    pub peer_id: String,
    /// Whether it has joined.
    pub joined: bool,
    /// Whether it has no WebSocket.
    pub broadcaster: bool,
    /// Whether it moderates.
    pub moderator: bool,
    /// Whether others are not told of it.
    pub hidden: bool,
    /// Whether it records.
    pub recorder: bool,
    /// `chrome`, `firefox`, …; as it says.
    pub device: Option<String>,
    /// What it has.
    #[serde(flatten)]
    pub holdings: Holdings,
}

impl Room {
    /// What is in the room now.
    pub fn census(&self) -> RoomCensus {
        let count = |is_one: &dyn Fn(&Peer) -> bool| self.peers.values().filter(|peer| is_one(peer)).count();
        let add = |sum: Holdings, peer: &Peer| sum.and(holdings(peer));
        RoomCensus {
            participants: self.participants(),
            joining: self.unjoined().count(),
            broadcasters: count(&|peer| peer.is_broadcaster),
            waiting: self.lobby.len(),
            hidden: count(&|peer| peer.joined.is_some() && peer.grant.hidden),
            recorders: count(&|peer| peer.joined.is_some() && peer.grant.recorder),
            moderators: count(&|peer| peer.joined.is_some() && peer.moderates()),
            pending: self.pending.len(),
            awaits_returning: self.terms.is_locked && self.returning.is_awaited(),
            holdings: self.peers.values().fold(Holdings::default(), add),
        }
    }

    /// Who is in the room now.
    pub fn peers(&self) -> Vec<PeerReport> {
        let report = |(id, peer): (&PeerId, &Peer)| PeerReport {
            peer_id: id.0.clone(),
            joined: peer.joined.is_some(),
            broadcaster: peer.is_broadcaster,
            moderator: peer.moderates(),
            hidden: peer.grant.hidden,
            recorder: peer.grant.recorder,
            device: peer.joined.as_ref().and_then(|joined| joined.device.flag.clone()),
            holdings: holdings(peer),
        };
        self.peers.iter().map(report).collect()
    }
}

impl Holdings {
    fn and(self, other: Self) -> Self {
        Self {
            transports: self.transports + other.transports,
            producers: self.producers + other.producers,
            consumers: self.consumers + other.consumers,
            data_producers: self.data_producers + other.data_producers,
            data_consumers: self.data_consumers + other.data_consumers,
        }
    }
}

fn holdings(peer: &Peer) -> Holdings {
    Holdings {
        transports: peer.transports.len(),
        producers: peer.producers.len(),
        consumers: peer.consumers.len(),
        data_producers: peer.data_producers.len(),
        data_consumers: peer.data_consumers.len(),
    }
}

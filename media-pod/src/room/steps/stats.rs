//! Statistics of a room: counts and ids, without names of people.

use serde::Serialize;

use crate::room::interface::ids::PeerId;
use crate::room::people::peer::Peer;
use crate::room::state::Room;

/// Counts of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomStats {
    /// Participants who have joined; broadcasters, recorders and hidden participants do not count.
    pub participants: usize,
    /// Connections that have not joined yet.
    pub joining: usize,
    /// Senders and receivers without a WebSocket.
    pub broadcasters: usize,
    /// Clients in the lobby.
    pub waiting: usize,
    /// Hidden participants who have joined.
    pub hidden: usize,
    /// Viewers who have joined; they count as participants.
    pub viewers: usize,
    /// Recorders that have joined.
    pub recorders: usize,
    /// Moderators who have joined.
    pub moderators: usize,
    /// Prepared connections: they have transports, and have not entered.
    pub prepared: usize,
    /// Connections that are not decided yet.
    pub pending: usize,
    /// Whether the room waits for the list of people who were in the meeting before it moved here.
    pub awaits_returning: bool,
    /// Whether the room waits for the backup of the meeting's earlier room.
    pub awaits_backup: bool,
    /// Totals of all peers and prepared connections.
    #[serde(flatten)]
    pub holdings: Holdings,
}

/// Objects of the media plane.
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
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerReport {
    /// Chosen by the client.
    pub peer_id: String,
    /// Whether it has joined.
    pub joined: bool,
    /// Whether it has no WebSocket.
    pub broadcaster: bool,
    /// Whether it moderates.
    pub moderator: bool,
    /// Whether the others do not see it.
    pub hidden: bool,
    /// Whether it is a viewer.
    pub viewer: bool,
    /// Whether it records.
    pub recorder: bool,
    /// `chrome`, `firefox`, …, as the client says.
    pub device: Option<String>,
    /// Its transports, producers and consumers.
    #[serde(flatten)]
    pub holdings: Holdings,
}

impl Room {
    /// The current counts of the room.
    pub fn stats(&self) -> RoomStats {
        let count = |is_one: fn(&Peer) -> bool| {
            self.seats.iter().filter(|(_, peer)| peer.joined.is_some() && is_one(peer)).count()
        };
        RoomStats {
            participants: self.participants(),
            joining: self.seats.unjoined().count(),
            broadcasters: self.broadcasters.len(),
            waiting: self.lobby.len(),
            hidden: count(|peer| peer.grant.hidden),
            viewers: self.seats.viewers(),
            recorders: count(|peer| peer.grant.recorder),
            moderators: count(Peer::moderates),
            prepared: self.prepared.len(),
            pending: self.pending.len(),
            awaits_returning: self.settings.is_locked && self.pending.awaits_returning(),
            awaits_backup: self.pending.awaits_backup(),
            holdings: self.all_holdings(),
        }
    }

    /// The peers currently in the room.
    pub fn peers(&self) -> Vec<PeerReport> {
        let report = |(id, peer): (&PeerId, &Peer)| PeerReport {
            peer_id: id.0.clone(),
            joined: peer.joined.is_some(),
            broadcaster: peer.is_broadcaster,
            moderator: peer.moderates(),
            hidden: peer.grant.hidden,
            viewer: peer.grant.viewer,
            recorder: peer.grant.recorder,
            device: peer.joined.as_ref().and_then(|joined| joined.device.flag.clone()),
            holdings: self.holdings(id),
        };
        self.seats.iter().map(report).collect()
    }

    fn all_holdings(&self) -> Holdings {
        let seated = self.seats.iter().fold(Holdings::default(), |sum, (id, _)| sum.and(self.holdings(id)));
        self.prepared.owners().fold(seated, |sum, id| sum.and(self.holdings(&id)))
    }

    fn holdings(&self, id: &PeerId) -> Holdings {
        let (media, channels) = (self.tracks.counts(id), self.data.counts(id));
        Holdings {
            transports: media.transports,
            producers: media.producers,
            consumers: media.consumers,
            data_producers: channels.data_producers,
            data_consumers: channels.data_consumers,
        }
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

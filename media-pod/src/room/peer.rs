//! One participant of a room: what it said of itself and what it owns.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::message::{ConsumerScore, Device, Direction, MediaKind, PeerInfo, Source};
use serde_json::Value;

use super::ids::{ConnectionId, ConsumerId, PeerId, ProducerId, TransportId};

/// One participant.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) connection: ConnectionId,
    /// Set by `join`.
    pub(super) joined: Option<Joined>,
    /// Newer clients get statistics in an object, older ones bare.
    pub(super) wraps_stats: bool,
    pub(super) transports: BTreeMap<TransportId, TransportState>,
    pub(super) producers: BTreeMap<ProducerId, ProducerState>,
    pub(super) consumers: BTreeMap<ConsumerId, ConsumerState>,
    /// Requests to the client that wait for their answer.
    pub(super) offers: BTreeMap<u64, Offer>,
    next_offer: u64,
}

/// What a participant said when it joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) display_name: String,
    pub(super) device: Device,
    /// `None`: receives nothing.
    pub(super) rtp_capabilities: Option<Value>,
}

#[derive(Debug)]
pub(super) struct TransportState {
    pub(super) direction: Direction,
    pub(super) since: Duration,
    pub(super) lost_since: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct ProducerState {
    pub(super) kind: MediaKind,
    pub(super) source: Source,
    pub(super) is_paused: bool,
}

#[derive(Debug)]
pub(super) struct ConsumerState {
    pub(super) producer: ProducerId,
    pub(super) score: ConsumerScore,
}

/// A consumer that was offered to the client.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) consumer: ConsumerId,
    pub(super) since: Duration,
}

impl Peer {
    pub(super) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            joined: None,
            wraps_stats: false,
            transports: BTreeMap::new(),
            producers: BTreeMap::new(),
            consumers: BTreeMap::new(),
            offers: BTreeMap::new(),
            next_offer: 1,
        }
    }

    /// What others are told of this participant, once it has joined.
    pub(super) fn info(&self, id: &PeerId) -> Option<PeerInfo> {
        self.joined.as_ref().map(|joined| PeerInfo {
            peer_id: id.0.clone(),
            id: id.0.clone(),
            display_name: joined.display_name.clone(),
            device: joined.device.clone(),
            remote_address: String::new(),
        })
    }

    /// The newest transport of a direction: an older one may be what a failed attempt left.
    pub(super) fn transport(&self, direction: Direction) -> Option<&TransportId> {
        let of_direction = self.transports.iter().filter(|(_, state)| state.direction == direction);
        of_direction.max_by_key(|(_, state)| state.since).map(|(id, _)| id)
    }

    /// Notes an offer and gives the id of its request.
    pub(super) fn offer(&mut self, consumer: ConsumerId, now: Duration) -> u64 {
        let id = self.next_offer;
        self.next_offer += 1;
        self.offers.insert(id, Offer { consumer, since: now });
        id
    }

    /// Since when media has found no way, if so.
    pub(super) fn lost_since(&self) -> Option<Duration> {
        self.transports.values().filter_map(|state| state.lost_since).min()
    }
}

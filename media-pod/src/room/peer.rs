//! One participant of a room: what it said of itself and what it owns.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::message::{Channel, ConsumerScore, Device, Direction, MediaKind, PeerInfo, Source};
use serde_json::Value;

use super::effect::Operation;
use super::ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, ProducerId, TransportId};

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
    pub(super) data_producers: BTreeMap<DataProducerId, Channel>,
    /// By whose messages they bring; `None` for the bot's.
    pub(super) data_consumers: BTreeMap<DataConsumerId, Option<DataProducerId>>,
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

/// What was offered to the client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Offered {
    Consumer(ConsumerId),
    DataConsumer(DataConsumerId),
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) offered: Offered,
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
            data_producers: BTreeMap::new(),
            data_consumers: BTreeMap::new(),
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
    pub(super) fn offer(&mut self, offered: Offered, now: Duration) -> u64 {
        let id = self.next_offer;
        self.next_offer += 1;
        self.offers.insert(id, Offer { offered, since: now });
        id
    }

    /// Forgets what was offered and is not wanted; gives the operation that drops it.
    pub(super) fn drop_offered(&mut self, offered: Offered) -> Operation {
        match offered {
            Offered::Consumer(consumer) => {
                self.consumers.remove(&consumer);
                Operation::CloseConsumer(consumer)
            }
            Offered::DataConsumer(consumer) => {
                self.data_consumers.remove(&consumer);
                Operation::CloseDataConsumer(consumer)
            }
        }
    }

    /// Since when media has found no way, if so.
    pub(super) fn lost_since(&self) -> Option<Duration> {
        self.transports.values().filter_map(|state| state.lost_since).min()
    }
}

//! The data channels of all peers, and questions about them.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::message::Channel;
use convene_service::rate::{Rate, TokenBucket};

use super::coming::Coming;
use super::voice::Voice;
use crate::room::answer::Refusal;
use crate::room::interface::ids::{DataConsumerId, DataProducerId, PeerId};
use crate::room::interface::limits::Limits;
use crate::room::interface::media::MediaEvent;

/// Messages of up to 1 KiB that a participant may send to all others: by signaling and on all its data channels combined.
const MESSAGE_RATE: Rate = Rate { per_second: 30, burst: 150 };

/// The data channels of all peers.
#[derive(Debug)]
pub(crate) struct DataChannels {
    pub(super) peers: BTreeMap<PeerId, PeerChannels>,
    pub(super) coming: Coming,
    pub(super) limits: Limits,
}

/// The data channels of one peer.
#[derive(Debug)]
pub(super) struct PeerChannels {
    pub(super) producers: BTreeMap<DataProducerId, Channel>,
    /// With the data producers that they forward; `None` for the bot.
    pub(super) consumers: BTreeMap<DataConsumerId, Option<DataProducerId>>,
    pub(super) voice: Voice,
    /// Its budget for messages, by signaling and on data channels combined.
    pub(super) rate: TokenBucket,
    /// When its data channels were paused, if they are.
    pub(super) throttled: Option<Duration>,
}

/// Number of data channels of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelCounts {
    pub(crate) data_producers: usize,
    pub(crate) data_consumers: usize,
}

impl DataChannels {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { peers: BTreeMap::new(), coming: Coming::default(), limits }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn add_peer(&mut self, id: &PeerId) {
        let (producers, consumers) = (BTreeMap::new(), BTreeMap::new());
        let rate = TokenBucket::full(MESSAGE_RATE);
        let channels = PeerChannels { producers, consumers, voice: Voice::None, rate, throttled: None };
        self.peers.insert(id.clone(), channels);
    }

    pub(crate) fn clear(&mut self) {
        self.peers.clear();
    }

    pub(crate) fn counts(&self, id: &PeerId) -> ChannelCounts {
        let count = |channels: &PeerChannels| ChannelCounts {
            data_producers: channels.producers.len(),
            data_consumers: channels.consumers.len(),
        };
        self.peers.get(id).map(count).unwrap_or_default()
    }

    /// Whether a peer has no data channels.
    pub(crate) fn is_idle(&self, id: &PeerId) -> bool {
        self.counts(id) == ChannelCounts::default()
    }

    pub(crate) fn owner_of(&self, producer: &DataProducerId) -> Option<&PeerId> {
        self.peers.iter().find(|(_, channels)| channels.producers.contains_key(producer)).map(|(id, _)| id)
    }

    /// Whether an event may be of a data producer whose creation is on its way.
    pub(crate) fn may_be_coming(&self, event: &MediaEvent) -> bool {
        match event {
            MediaEvent::BotMessage(message) | MediaEvent::ChatMessage(message) => {
                !self.coming.is_empty() && self.owner_of(&message.producer).is_none()
            }
            _ => false,
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        self.coming.is_empty()
    }

    /// A data producer of the peer, by the id that its client sent.
    pub(crate) fn producer(&self, peer: &PeerId, id: &str) -> Result<DataProducerId, Refusal> {
        let producers = self.peers.get(peer).map(|channels| &channels.producers);
        let own = producers.and_then(|producers| producers.get_key_value(&DataProducerId::from(id)));
        own.map(|(own, _)| own.clone()).ok_or_else(|| Refusal::not_found("data producer", id))
    }

    /// A data consumer of the peer, by the id that its client sent.
    pub(crate) fn consumer(&self, peer: &PeerId, id: &str) -> Result<DataConsumerId, Refusal> {
        let consumers = self.peers.get(peer).map(|channels| &channels.consumers);
        let own = consumers.and_then(|consumers| consumers.get_key_value(&DataConsumerId::from(id)));
        own.map(|(own, _)| own.clone()).ok_or_else(|| Refusal::not_found("data consumer", id))
    }
}

impl PeerChannels {
    /// The participant's own channels, without the one on which the room speaks for it.
    pub(super) fn own_producers(&self) -> Vec<DataProducerId> {
        let voice = self.voice.producer();
        self.producers.keys().filter(|producer| Some(*producer) != voice).cloned().collect()
    }
}

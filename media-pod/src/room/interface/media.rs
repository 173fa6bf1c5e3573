//! Unsolicited events of the media plane. Plain data.

use convene_protocol::message::{ConsumerScore, DownlinkBwe, Layers};
use serde_json::Value;

use super::ids::{ConsumerId, DataProducerId, ProducerId, TransportId};

/// An event of the media plane.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// ICE connected the transport, for the first time or again.
    TransportConnected(TransportId),
    /// ICE lost the connection of the transport.
    TransportDisconnected(TransportId),
    /// Quality of what a client sends.
    ProducerScore(ProducerId, Value),
    /// Quality of what a client receives.
    ConsumerScore(ConsumerId, ConsumerScore),
    /// The forwarded layers have changed.
    ConsumerLayers(ConsumerId, Option<Layers>),
    /// Volumes of producers, in dBvo; empty on silence.
    Volumes(Vec<(ProducerId, i8)>),
    /// A participant sent a message to the bot.
    BotMessage(DataMessage),
    /// A participant sent a message to the others.
    ChatMessage(DataMessage),
    /// The estimated bandwidth to a client.
    DownlinkBwe(TransportId, DownlinkBwe),
    /// The producer of the dominant speaker.
    DominantSpeaker(ProducerId),
    /// The worker has ended, and with it every handle of the room.
    WorkerDied,
}

impl MediaEvent {
    /// Whether it is about quality or volume only, and changes nothing that a room publishes.
    pub(crate) fn is_report(&self) -> bool {
        match self {
            Self::ProducerScore(..)
            | Self::ConsumerScore(..)
            | Self::ConsumerLayers(..)
            | Self::Volumes(_)
            | Self::DownlinkBwe(..)
            | Self::DominantSpeaker(_) => true,
            Self::TransportConnected(_)
            | Self::TransportDisconnected(_)
            | Self::BotMessage(_)
            | Self::ChatMessage(_)
            | Self::WorkerDied => false,
        }
    }
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMessage {
    /// The data producer that it came from.
    pub producer: DataProducerId,
    /// Its length.
    pub bytes: usize,
    /// Its text, if it is text and not too long.
    pub text: Option<String>,
}

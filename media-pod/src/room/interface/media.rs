//! Unsolicited events of the media plane. Plain data.

use convene_protocol::message::{ConsumerScore, DownlinkBwe, Layers};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ConsumerId, DataProducerId, ProducerId, TransportId};

/// An event of the media plane. It may come before the outcome of the operation that has created its object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    /// A media pod that served some of the transports is gone, and with it what was on them.
    SiteLost(Vec<TransportId>),
}

impl MediaEvent {
    /// The id of the object that it is about, if it is about one.
    pub(crate) fn object(&self) -> Option<&str> {
        match self {
            Self::TransportConnected(id) | Self::TransportDisconnected(id) | Self::DownlinkBwe(id, _) => Some(&id.0),
            Self::ProducerScore(id, _) | Self::DominantSpeaker(id) => Some(&id.0),
            Self::ConsumerScore(id, _) | Self::ConsumerLayers(id, _) => Some(&id.0),
            Self::BotMessage(message) | Self::ChatMessage(message) => Some(&message.producer.0),
            Self::Volumes(_) | Self::WorkerDied | Self::SiteLost(_) => None,
        }
    }

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
            | Self::WorkerDied
            | Self::SiteLost(_) => false,
        }
    }
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataMessage {
    /// The data producer that it came from.
    pub producer: DataProducerId,
    /// Its length.
    pub bytes: usize,
    /// Its text, if it is text and not too long.
    pub text: Option<String>,
}

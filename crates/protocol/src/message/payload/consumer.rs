//! Consumers: streams from the room to a client.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::producer::{MediaKind, Source};

/// Names a consumer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConsumerRef {
    /// The consumer.
    pub consumer_id: String,
}

/// Payload of `setConsumerPreferredLayers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct PreferredLayers {
    /// The consumer.
    pub consumer_id: String,
    /// Highest spatial layer, from 0.
    pub spatial_layer: u8,
    /// Highest temporal layer, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal_layer: Option<u8>,
}

/// Payload of `setConsumerPriority`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct Priority {
    /// The consumer.
    pub consumer_id: String,
    /// 1 to 255; higher is served first.
    pub priority: u8,
}

/// Payload of `newConsumer`. `id` is the older spelling of `consumerId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct NewConsumer {
    /// The sender.
    pub peer_id: String,
    /// The receiver's transport.
    pub transport_id: String,
    /// The new consumer.
    pub consumer_id: String,
    /// Same as `consumerId`.
    pub id: String,
    /// The sender's producer.
    pub producer_id: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// mediasoup's `RtpParameters`.
    #[ts(type = "import('mediasoup-client').types.RtpParameters")]
    pub rtp_parameters: Value,
    /// `simple`, `simulcast` or `svc`.
    #[serde(rename = "type")]
    pub consumer_type: String,
    /// Whether the sender has paused.
    pub producer_paused: bool,
    /// Quality at the start.
    pub consumer_score: ConsumerScore,
    /// Sender and source.
    pub app_data: ConsumerAppData,
}

/// `appData` of a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ConsumerAppData {
    /// The sender.
    pub peer_id: String,
    /// Microphone, camera or screen.
    pub source: Source,
    /// Marks a shared screen in the older dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<bool>,
}

/// mediasoup's score of a consumer; 0 (worst) to 10.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConsumerScore {
    /// Score of the stream to this client.
    pub score: u8,
    /// Score of the sender's stream that is currently forwarded.
    pub producer_score: u8,
    /// Scores of all of the sender's streams.
    pub producer_scores: Vec<u8>,
}

/// Payload of `consumerScore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ScoreOf {
    /// The consumer.
    pub consumer_id: String,
    /// Its score.
    pub score: ConsumerScore,
}

/// A spatial and a temporal layer, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct Layers {
    /// Size.
    pub spatial_layer: u8,
    /// Frame rate.
    pub temporal_layer: Option<u8>,
}

/// Payload of `consumerLayersChanged`: flat for the older dialect, nested for the newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConsumerLayers {
    /// The consumer.
    pub consumer_id: String,
    /// The layers currently received; absent when nothing is received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub layers: Option<Layers>,
    /// Same as in `layers`.
    pub spatial_layer: Option<u8>,
    /// Same as in `layers`.
    pub temporal_layer: Option<u8>,
}

impl ConsumerLayers {
    /// The payload for `layers`, which is `None` when nothing is received.
    pub fn new(consumer_id: String, layers: Option<Layers>) -> Self {
        let temporal_layer = layers.and_then(|layers| layers.temporal_layer);
        Self { consumer_id, layers, spatial_layer: layers.map(|layers| layers.spatial_layer), temporal_layer }
    }
}

/// Payload of `producerLayers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProducerLayers {
    /// The producer.
    pub producer_id: String,
    /// The highest spatial layer that is worth sending, from 0.
    pub spatial_layer: u8,
}

/// Payload of `downlinkBwe`; all in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DownlinkBwe {
    /// The bitrate that all consumers together would use.
    pub desired_bitrate: u32,
    /// The bitrate that they can use now.
    pub effective_desired_bitrate: u32,
    /// The estimated available bitrate.
    pub available_bitrate: u32,
}

/// Answer to the statistics requests of the newer dialect; the older one gets the bare array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct StatsAnswer {
    /// mediasoup's statistics of the object.
    #[ts(type = "unknown[]")]
    pub stats: Value,
}

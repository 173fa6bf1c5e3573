//! Producers: streams from a client into the room.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum MediaKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

/// The source of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum Source {
    /// Microphone.
    Audio,
    /// Camera.
    Video,
    /// A shared screen.
    Screensharing,
}

/// Payload of `produce`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Produce {
    /// A transport of the direction `producer`.
    pub transport_id: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// mediasoup's `RtpParameters`.
    #[ts(type = "import('mediasoup-client').types.RtpParameters")]
    pub rtp_parameters: Value,
    /// Whether it starts paused, so that the others never see a muted stream as on. Older pods ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// `{ source }` in the newer dialect, `{ share: true }` for screens in the older one.
    #[serde(default)]
    #[ts(type = "{ source: Source }")]
    pub app_data: Value,
}

impl Produce {
    /// The source in either spelling, or by kind.
    pub fn source(&self) -> Source {
        let named = self.app_data.get("source").and_then(|source| Source::deserialize(source).ok());
        let is_share = self.app_data.get("share").and_then(Value::as_bool) == Some(true);
        match (named, is_share, self.kind) {
            (Some(source), _, _) => source,
            (None, true, MediaKind::Video) => Source::Screensharing,
            (None, _, MediaKind::Video) => Source::Video,
            (None, _, MediaKind::Audio) => Source::Audio,
        }
    }
}

/// Answer to `produce`. `id` is the older spelling of `producerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProduceAnswer {
    /// The new producer.
    pub producer_id: String,
    /// Same as `producerId`.
    pub id: String,
}

/// Names a producer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProducerRef {
    /// The producer.
    pub producer_id: String,
}

/// Payload of `producerScore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProducerScore {
    /// The producer.
    pub producer_id: String,
    /// mediasoup's score of each stream: `encodingIdx`, `ssrc`, `rid?`, `score`.
    #[ts(type = "{ encodingIdx: number, ssrc: number, rid?: string, score: number }[]")]
    pub score: Value,
}

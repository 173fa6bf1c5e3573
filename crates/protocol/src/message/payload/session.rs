//! The connection itself: joining, the client's name and program, and sessions that outlive their sockets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::absent::null_is_default;
use super::device::Device;
use super::peer::PeerInfo;

/// An empty payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts", type = "Record<string, never>")]
pub struct NoData {}

/// Payload of `join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Join {
    /// 1 to 64 characters.
    pub display_name: String,
    /// The client's program.
    #[serde(default, deserialize_with = "null_is_default")]
    pub device: Device,
    /// mediasoup's `RtpCapabilities`; absent for a client that receives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "import('mediasoup-client').types.RtpCapabilities | null")]
    pub rtp_capabilities: Option<Value>,
}

/// Answer to `join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct JoinAnswer {
    /// All participants in the room.
    pub peers: Vec<PeerInfo>,
}

/// Payload of `changeDisplayName`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DisplayName {
    /// 1 to 64 characters.
    pub display_name: String,
}

/// Payload of the version notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ProtocolVersion {
    /// Version of the mediasoup crate.
    pub version: String,
}

/// Payload of `session`: the state of the client's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct SignalingSession {
    /// The id with which the client resumes the session; a secret.
    pub id: String,
    /// Whether the old session continues; if not, this is a new connection.
    pub resumed: bool,
    /// How many of the client's messages the pod has received; the client sends the others again.
    #[ts(type = "number")]
    pub received: u64,
    /// How long the pod waits for the client after an interruption, in seconds.
    #[ts(type = "number")]
    pub resume_seconds: u64,
    /// Whether the connection is prepared: it enters the room with its `join`.
    // Older pods do not send it.
    #[serde(default)]
    pub prepared: bool,
}

/// Payload of the throttle requests. The fields that the demo sends, its secret included, are not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts", type = "{ secret: string }")]
pub struct Throttle {}

//! Transports: what a client sends to create and connect one, and the answers.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::absent::null_is_default;

/// The direction of media, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum Direction {
    /// The client sends.
    Producer,
    /// The client receives.
    Consumer,
}

/// Payload of `createWebRtcTransport`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct CreateTransport {
    /// ICE over TCP only.
    #[serde(deserialize_with = "null_is_default")]
    pub force_tcp: bool,
    /// Newer dialect: holds the direction.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "with_direction")]
    pub app_data: Option<TransportAppData>,
    /// Older dialect: the client sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(skip)]
    pub producing: Option<bool>,
    /// Older dialect: the client receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(skip)]
    pub consuming: Option<bool>,
}

impl CreateTransport {
    /// The direction in either spelling.
    pub fn direction(&self) -> Option<Direction> {
        match (&self.app_data, self.producing, self.consuming) {
            (Some(app_data), _, _) => Some(app_data.direction),
            (None, Some(true), _) => Some(Direction::Producer),
            (None, _, Some(true)) => Some(Direction::Consumer),
            _ => None,
        }
    }
}

/// `appData` of a transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct TransportAppData {
    /// The direction of media.
    pub direction: Direction,
}

/// In the older dialect `appData` is free; it is used only if it has a direction.
fn with_direction<'de, D: Deserializer<'de>>(field: D) -> Result<Option<TransportAppData>, D::Error> {
    let app_data = Value::deserialize(field)?;
    match app_data.get("direction") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => TransportAppData::deserialize(app_data).map(Some).map_err(serde::de::Error::custom),
    }
}

/// Payload of `connectWebRtcTransport`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConnectTransport {
    /// The transport.
    pub transport_id: String,
    /// mediasoup's `DtlsParameters`.
    #[ts(type = "import('mediasoup-client').types.DtlsParameters")]
    pub dtls_parameters: Value,
}

/// Names a transport of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct TransportRef {
    /// The transport.
    pub transport_id: String,
}

/// Answer to `createWebRtcTransport`. `id` is the older spelling of `transportId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct TransportAnswer {
    /// The new transport.
    pub transport_id: String,
    /// Same as `transportId`.
    pub id: String,
    /// mediasoup's `IceParameters`.
    #[ts(type = "import('mediasoup-client').types.IceParameters")]
    pub ice_parameters: Value,
    /// mediasoup's `IceCandidate`s.
    #[ts(type = "import('mediasoup-client').types.IceCandidate[]")]
    pub ice_candidates: Value,
    /// mediasoup's `DtlsParameters`.
    #[ts(type = "import('mediasoup-client').types.DtlsParameters")]
    pub dtls_parameters: Value,
    /// mediasoup's `SctpParameters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "import('mediasoup-client').types.SctpParameters | null")]
    pub sctp_parameters: Option<Value>,
}

/// Answer to `restartIce`: the parameters at top level and under their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct IceParametersAnswer {
    /// mediasoup's `IceParameters`.
    #[ts(type = "import('mediasoup-client').types.IceParameters")]
    pub ice_parameters: Value,
    /// The same again at top level.
    #[serde(flatten)]
    #[ts(skip)]
    pub flat: Value,
}

/// Answer to `getRouterRtpCapabilities`: the capabilities at top level and under their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct RouterCapabilitiesAnswer {
    /// mediasoup's `RtpCapabilities`.
    #[ts(type = "import('mediasoup-client').types.RtpCapabilities")]
    pub router_rtp_capabilities: Value,
    /// The same again at top level.
    #[serde(flatten)]
    #[ts(skip)]
    pub flat: Value,
}

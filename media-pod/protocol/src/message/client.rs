//! Messages from clients, read and bounded. Requests and notifications share their names: the newer demo notifies where the
//! older one asks, so each is accepted as either.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use ts_rs::TS;

/// Longest display name, in characters.
pub(crate) const MAX_DISPLAY_NAME: usize = 64;

/// Longest label and protocol of a data channel, in bytes.
const MAX_LABEL: usize = 128;

/// Longest chat message that is kept and passed on by signaling, in bytes.
pub const MAX_CHAT_TEXT: usize = 4096;

/// Everything a client may ask or tell. The JSON is `{ "method": …, "data": … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "method", content = "data", rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum ClientRequest {
    /// Where a client may send RTC statistics.
    GetRtcStatsUrl(NoData),
    /// What the room's router can receive and send.
    GetRouterRtpCapabilities(NoData),
    /// A new WebRTC transport.
    CreateWebRtcTransport(CreateTransport),
    /// The client's DTLS parameters.
    ConnectWebRtcTransport(ConnectTransport),
    /// New ICE credentials for a transport.
    RestartIce(TransportRef),
    /// Enter the room.
    Join(Join),
    /// Send audio or video.
    Produce(Produce),
    /// Send messages over a data channel.
    ProduceData(ProduceData),
    /// Stop sending.
    CloseProducer(ProducerRef),
    /// Stop sending for a while.
    PauseProducer(ProducerRef),
    /// Send again.
    ResumeProducer(ProducerRef),
    /// Receive nothing of a consumer for a while.
    PauseConsumer(ConsumerRef),
    /// Receive again.
    ResumeConsumer(ConsumerRef),
    /// Ask the sender for a key frame.
    RequestConsumerKeyFrame(ConsumerRef),
    /// Which layers of a simulcast or SVC stream to receive at most.
    SetConsumerPreferredLayers(PreferredLayers),
    /// Share of the bandwidth when it is short.
    SetConsumerPriority(Priority),
    /// A new name.
    ChangeDisplayName(DisplayName),
    /// Statistics of a transport.
    GetTransportStats(TransportRef),
    /// Statistics of a producer.
    GetProducerStats(ProducerRef),
    /// Statistics of a consumer.
    GetConsumerStats(ConsumerRef),
    /// Statistics of a data producer.
    GetDataProducerStats(DataProducerRef),
    /// Statistics of a data consumer.
    GetDataConsumerStats(DataConsumerRef),
    /// Our own: what has been said in the chat.
    GetChatHistory(ChatHistory),
    /// Our own: say something in the chat without a data channel.
    SendChatMessage(ChatText),
    /// Make the network worse, for tests of the demo's authors. Known, and never offered.
    ApplyNetworkThrottle(Throttle),
    /// The end of it (older name).
    ResetNetworkThrottle(Throttle),
    /// The end of it (newer name).
    StopNetworkThrottle(Throttle),
}

/// An empty payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts", type = "Record<string, never>")]
pub struct NoData {}

/// Which way media flows, seen from the client.
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
    pub force_tcp: bool,
    /// Newer dialect: holds the direction.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// Which way media flows.
    pub direction: Direction,
}

/// Payload of `connectWebRtcTransport`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConnectTransport {
    /// Which transport.
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
    /// Which transport.
    pub transport_id: String,
}

/// Names a producer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProducerRef {
    /// Which producer.
    pub producer_id: String,
}

/// Names a consumer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConsumerRef {
    /// Which consumer.
    pub consumer_id: String,
}

/// The client's program, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Device {
    /// `chrome`, `firefox`, `safari`, … or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Version for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Payload of `join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Join {
    /// 1 to 64 characters.
    pub display_name: String,
    /// The client's program.
    #[serde(default)]
    pub device: Device,
    /// mediasoup's `RtpCapabilities`; absent for a client that receives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "import('mediasoup-client').types.RtpCapabilities | null")]
    pub rtp_capabilities: Option<Value>,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// Where media comes from.
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
#[ts(export, export_to = "messages.ts")]
pub struct Produce {
    /// A transport of the direction `producer`.
    pub transport_id: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// mediasoup's `RtpParameters`.
    #[ts(type = "import('mediasoup-client').types.RtpParameters")]
    pub rtp_parameters: Value,
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

/// What a data channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum Channel {
    /// Messages to everybody.
    Chat,
    /// Messages to the room's bot, which answers to everybody.
    Bot,
}

/// Payload of `produceData`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProduceData {
    /// A transport of the direction `producer`.
    pub transport_id: String,
    /// mediasoup's `SctpStreamParameters`.
    #[ts(type = "import('mediasoup-client').types.SctpStreamParameters")]
    pub sctp_stream_parameters: Value,
    /// Older dialect: `bot` for the bot, anything else for the chat.
    #[serde(default)]
    pub label: String,
    /// Free.
    #[serde(default)]
    pub protocol: String,
    /// `{ channel }` in the newer dialect, free in the older one.
    #[serde(default)]
    #[ts(type = "{ channel: Channel }")]
    pub app_data: Value,
}

impl ProduceData {
    /// The channel in either spelling.
    pub fn channel(&self) -> Channel {
        let named = self.app_data.get("channel").and_then(|channel| Channel::deserialize(channel).ok());
        named.unwrap_or(if self.label == "bot" { Channel::Bot } else { Channel::Chat })
    }
}

/// Names a data producer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DataProducerRef {
    /// Which data producer.
    pub data_producer_id: String,
}

/// Names a data consumer of the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DataConsumerRef {
    /// Which data consumer.
    pub data_consumer_id: String,
}

/// Payload of `setConsumerPreferredLayers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct PreferredLayers {
    /// Which consumer.
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
    /// Which consumer.
    pub consumer_id: String,
    /// 1 to 255; higher is served first.
    pub priority: u8,
}

/// Payload of `changeDisplayName`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DisplayName {
    /// 1 to 64 characters.
    pub display_name: String,
}

/// Payload of `getChatHistory`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ChatHistory {
    /// Whether later messages are to come as `chatMessage` notifications: for clients without data channels.
    #[ts(as = "Option<bool>")]
    pub follow: bool,
}

/// Payload of `sendChatMessage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ChatText {
    /// 1 to 4096 bytes.
    pub text: String,
}

/// Payload of the throttle requests. What the demo sends in it, its secret included, is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts", type = "{ secret: string }")]
pub struct Throttle {}

/// Why a message of a client cannot be acted on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// No such method.
    #[error("unknown method {method:?}")]
    UnknownMethod {
        /// As sent, shortened.
        method: String,
    },
    /// The payload does not fit the method.
    #[error("invalid data for {method:?}: {problem}")]
    InvalidData {
        /// The method.
        method: String,
        /// What does not fit.
        problem: String,
    },
}

impl RequestError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownMethod { .. } => "MethodUnknown",
            Self::InvalidData { .. } => "DataInvalid",
        }
    }

    /// The error code of the answer; unknown methods get 500, as in the demo.
    pub fn code(&self) -> u16 {
        match self {
            Self::UnknownMethod { .. } => 500,
            Self::InvalidData { .. } => 400,
        }
    }
}

impl ClientRequest {
    /// Reads and checks a method and its payload.
    pub fn parse(method: &str, data: Value) -> Result<Self, RequestError> {
        let shown: String = method.chars().take(40).collect();
        let message = [("method".to_owned(), Value::from(method)), ("data".to_owned(), data)];
        let request = Self::deserialize(Value::Object(message.into_iter().collect())).map_err(|error| {
            let problem: String = error.to_string().chars().take(200).collect();
            if problem.starts_with("unknown variant") && problem.contains(&format!("`{method}`")) {
                RequestError::UnknownMethod { method: shown.clone() }
            } else {
                RequestError::InvalidData { method: shown.clone(), problem }
            }
        })?;
        request.check().map_err(|problem| RequestError::InvalidData { method: shown, problem: problem.to_owned() })?;
        Ok(request)
    }

    /// The method's name, for metric labels.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GetRtcStatsUrl(_) => "getRtcStatsUrl",
            Self::GetRouterRtpCapabilities(_) => "getRouterRtpCapabilities",
            Self::CreateWebRtcTransport(_) => "createWebRtcTransport",
            Self::ConnectWebRtcTransport(_) => "connectWebRtcTransport",
            Self::RestartIce(_) => "restartIce",
            Self::Join(_) => "join",
            Self::Produce(_) => "produce",
            Self::ProduceData(_) => "produceData",
            Self::CloseProducer(_) => "closeProducer",
            Self::PauseProducer(_) => "pauseProducer",
            Self::ResumeProducer(_) => "resumeProducer",
            Self::PauseConsumer(_) => "pauseConsumer",
            Self::ResumeConsumer(_) => "resumeConsumer",
            Self::RequestConsumerKeyFrame(_) => "requestConsumerKeyFrame",
            Self::SetConsumerPreferredLayers(_) => "setConsumerPreferredLayers",
            Self::SetConsumerPriority(_) => "setConsumerPriority",
            Self::ChangeDisplayName(_) => "changeDisplayName",
            Self::GetTransportStats(_) => "getTransportStats",
            Self::GetProducerStats(_) => "getProducerStats",
            Self::GetConsumerStats(_) => "getConsumerStats",
            Self::GetDataProducerStats(_) => "getDataProducerStats",
            Self::GetDataConsumerStats(_) => "getDataConsumerStats",
            Self::GetChatHistory(_) => "getChatHistory",
            Self::SendChatMessage(_) => "sendChatMessage",
            Self::ApplyNetworkThrottle(_) => "applyNetworkThrottle",
            Self::ResetNetworkThrottle(_) => "resetNetworkThrottle",
            Self::StopNetworkThrottle(_) => "stopNetworkThrottle",
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Join(join) => check_name(&join.display_name),
            Self::ChangeDisplayName(name) => check_name(&name.display_name),
            Self::CreateWebRtcTransport(create) if create.direction().is_none() => {
                Err("appData.direction says neither producer nor consumer")
            }
            Self::ProduceData(data) if data.label.len() > MAX_LABEL || data.protocol.len() > MAX_LABEL => {
                Err("label and protocol must have 128 bytes at most")
            }
            Self::SetConsumerPriority(Priority { priority: 0, .. }) => Err("priority must be 1 to 255"),
            Self::SendChatMessage(chat) if chat.text.trim().is_empty() || chat.text.len() > MAX_CHAT_TEXT => {
                Err("text must have 1 to 4096 bytes")
            }
            _ => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_fit = !name.trim().is_empty() && name.chars().count() <= MAX_DISPLAY_NAME;
    if is_fit { Ok(()) } else { Err("displayName must have 1 to 64 characters") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_dialects_name_the_direction() {
        let cases = [
            (json!({ "appData": { "direction": "producer" } }), Some(Direction::Producer)),
            (json!({ "appData": { "direction": "consumer" } }), Some(Direction::Consumer)),
            (json!({ "forceTcp": true, "producing": true, "consuming": false }), Some(Direction::Producer)),
            (json!({ "forceTcp": false, "producing": false, "consuming": true }), Some(Direction::Consumer)),
        ];
        for (data, direction) in cases {
            let Ok(ClientRequest::CreateWebRtcTransport(create)) =
                ClientRequest::parse("createWebRtcTransport", data.clone())
            else {
                panic!("refused: {data}");
            };
            assert_eq!(create.direction(), direction, "{data}");
        }
    }

    #[test]
    fn both_dialects_name_the_source() {
        let cases = [
            (MediaKind::Audio, json!({ "source": "audio" }), Source::Audio),
            (MediaKind::Video, json!({ "source": "screensharing" }), Source::Screensharing),
            (MediaKind::Video, json!({ "share": true }), Source::Screensharing),
            (MediaKind::Video, json!({}), Source::Video),
            (MediaKind::Audio, json!(null), Source::Audio),
        ];
        for (kind, app_data, source) in cases {
            let produce =
                Produce { transport_id: "t".into(), kind, rtp_parameters: json!({}), app_data: app_data.clone() };
            assert_eq!(produce.source(), source, "{app_data}");
        }
    }

    #[test]
    fn both_dialects_name_the_channel() {
        let cases = [
            ("chat", json!({ "channel": "bot" }), Channel::Bot),
            ("bot", json!({ "channel": "chat" }), Channel::Chat),
            ("bot", json!({ "info": "my-bot-DataProducer" }), Channel::Bot),
            ("chat", json!({}), Channel::Chat),
            ("", json!(null), Channel::Chat),
        ];
        for (label, app_data, channel) in cases {
            let data = json!({ "transportId": "t", "sctpStreamParameters": {}, "label": label, "appData": app_data });
            let Ok(ClientRequest::ProduceData(produce)) = ClientRequest::parse("produceData", data.clone()) else {
                panic!("refused: {data}");
            };
            assert_eq!(produce.channel(), channel, "{data}");
        }
    }

    #[test]
    fn wrong_messages_say_what_is_wrong() {
        let cases = [
            ("launchRockets", json!({}), "unknown method \"launchRockets\""),
            ("join", json!({}), "invalid data for \"join\": missing field `displayName`"),
            (
                "join",
                json!({ "displayName": "  " }),
                "invalid data for \"join\": displayName must have 1 to 64 characters",
            ),
            (
                "join",
                json!({ "displayName": "x".repeat(65) }),
                "invalid data for \"join\": displayName must have 1 to 64 characters",
            ),
            ("join", json!("x"), "invalid data for \"join\": invalid type: string \"x\", expected struct Join"),
            (
                "createWebRtcTransport",
                json!({}),
                "invalid data for \"createWebRtcTransport\": appData.direction says neither producer nor consumer",
            ),
            (
                "setConsumerPriority",
                json!({ "consumerId": "c", "priority": 0 }),
                "invalid data for \"setConsumerPriority\": priority must be 1 to 255",
            ),
        ];
        for (method, data, message) in cases {
            assert_eq!(ClientRequest::parse(method, data).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_kind_that_does_not_exist_is_no_unknown_method() {
        let data = json!({ "transportId": "t", "kind": "smell", "rtpParameters": {} });
        assert!(matches!(ClientRequest::parse("produce", data), Err(RequestError::InvalidData { .. })));
    }
}

//! Messages from clients: their shapes in both dialects, and what they mean. Requests and notifications share their names: the
//! newer demo notifies where the older one asks, so each is accepted as either. What may be absent may also be null.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::moderation::{
    Knock, MuteParticipant, PeerRef, RaiseHand, RoomLobby, RoomLock, SendReaction, SetModerator, SetPermissions,
    WatchedPeers,
};

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
    /// Our own: ask to be noticed, or no more.
    RaiseHand(RaiseHand),
    /// Our own: show the others something for a moment.
    SendReaction(SendReaction),
    /// Our own: whom the client looks at.
    SetWatchedPeers(WatchedPeers),
    /// Our own, in the lobby only: say who waits.
    Knock(Knock),
    /// Our own, as all that follow for moderators: let somebody in who waits in the lobby.
    AdmitPeer(PeerRef),
    /// Send somebody away who waits in the lobby.
    RefusePeer(PeerRef),
    /// Let everybody in who waits.
    AdmitAll(NoData),
    /// Let nobody new in any more, or again.
    SetRoomLock(RoomLock),
    /// Let newcomers wait until a moderator admits them, or no more.
    SetRoomLobby(RoomLobby),
    /// Pause what somebody sends, or close their screen.
    MuteParticipant(MuteParticipant),
    /// Ask somebody to send sound again.
    AskToUnmute(PeerRef),
    /// Take somebody out for good.
    RemoveParticipant(PeerRef),
    /// What somebody may send from now on.
    SetPermissions(SetPermissions),
    /// Who moderates from now on.
    SetModerator(SetModerator),
    /// Take somebody's hand down.
    LowerHand(PeerRef),
    /// Close the meeting for everybody.
    EndMeeting(NoData),
    /// Make the network worse, for tests of the demo's authors. Known, and never offered.
    ApplyNetworkThrottle(Throttle),
    /// The end of it (older name).
    ResetNetworkThrottle(Throttle),
    /// The end of it (newer name).
    StopNetworkThrottle(Throttle),
}

/// Clients in other languages than JavaScript write null for what they leave out.
pub(super) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    field: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(field)?.unwrap_or_default())
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
    /// Which way media flows.
    pub direction: Direction,
}

/// In the older dialect `appData` is free, and says nothing unless it has a direction.
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
    #[serde(default, deserialize_with = "null_is_default")]
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
    #[serde(default, deserialize_with = "null_is_default")]
    pub label: String,
    /// Free.
    #[serde(default, deserialize_with = "null_is_default")]
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
    #[serde(deserialize_with = "null_is_default")]
    #[ts(as = "Option<bool>")]
    pub follow: bool,
    /// Only messages with a smaller number than this one: the page before one that is known. Absent: the newest page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub before: Option<u64>,
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
    fn app_data_without_a_direction_leaves_it_to_the_older_spelling() {
        for app_data in [json!({}), json!({ "direction": null }), json!(null), json!({ "info": "x" })] {
            let data = json!({ "producing": false, "consuming": true, "appData": app_data });
            let create: CreateTransport = serde_json::from_value(data).unwrap();
            assert_eq!((create.direction(), create.app_data), (Some(Direction::Consumer), None), "{app_data}");
        }
        let wrong = json!({ "consuming": true, "appData": { "direction": "sideways" } });
        assert!(serde_json::from_value::<CreateTransport>(wrong).is_err());
    }

    #[test]
    fn null_stands_for_what_is_left_out() {
        let cases = [
            ("createWebRtcTransport", json!({ "producing": true, "consuming": null, "forceTcp": null })),
            ("join", json!({ "displayName": "Ada", "device": null, "rtpCapabilities": null })),
            ("produceData", json!({ "transportId": "t", "sctpStreamParameters": {}, "label": null, "protocol": null })),
            ("setConsumerPreferredLayers", json!({ "consumerId": "c", "spatialLayer": 1, "temporalLayer": null })),
            ("getChatHistory", json!({ "follow": null })),
        ];
        for (method, with_null) in cases {
            let mut without = with_null.clone();
            without.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let (read, expected) = (ClientRequest::parse(method, with_null), ClientRequest::parse(method, without));
            assert!(expected.is_ok(), "{expected:?}");
            assert_eq!(read, expected);
        }
    }
}

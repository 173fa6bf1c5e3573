//! Messages to clients: answers, requests and notifications, each written so that both dialects find their fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::client::{Channel, Device, MediaKind, Source};
use super::people::{
    HandRaised, Lobby, LobbyPeers, MutedByModerator, PeerChanged, PeerReaction, PeerSends, Permissions, RoomState,
    Sends, yes,
};
use crate::admission::PublishGrant;

/// What the media pod asks of a client. The JSON is `{ "method": …, "data": … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "method", content = "data", rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum ServerRequest {
    /// Receive a producer of somebody else; resumed once accepted.
    NewConsumer(Box<NewConsumer>),
    /// Receive the messages of somebody else, or of the bot.
    NewDataConsumer(Box<NewDataConsumer>),
}

/// What the media pod tells clients. The JSON is `{ "method": …, "data": … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "method", content = "data", rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum ServerNotification {
    /// The version of the mediasoup worker (newer name).
    MediasoupVersion(ProtocolVersion),
    /// The version of the mediasoup worker (older name).
    #[serde(rename = "mediasoup-version")]
    MediasoupVersionLegacy(ProtocolVersion),
    /// Somebody joined.
    NewPeer(Box<NewPeer>),
    /// Somebody left.
    PeerClosed(PeerClosed),
    /// Somebody changed their name.
    PeerDisplayNameChanged(DisplayNameChanged),
    /// Quality of what the client sends.
    ProducerScore(ProducerScore),
    /// Quality of what the client receives.
    ConsumerScore(ScoreOf),
    /// The sender paused.
    ConsumerPaused(super::ConsumerRef),
    /// The sender resumed.
    ConsumerResumed(super::ConsumerRef),
    /// The consumer is gone.
    ConsumerClosed(super::ConsumerRef),
    /// The data consumer is gone.
    DataConsumerClosed(super::DataConsumerRef),
    /// Other layers arrive now.
    ConsumerLayersChanged(ConsumerLayers),
    /// Who speaks.
    ActiveSpeaker(ActiveSpeaker),
    /// How loud everybody is.
    SpeakingPeers(SpeakingPeers),
    /// What the client's way can carry, as estimated.
    DownlinkBwe(DownlinkBwe),
    /// Our own: somebody said something in the chat.
    ChatMessage(ChatMessage),
    /// Our own, as all that follow: what the receiver may do.
    Permissions(Box<Permissions>),
    /// How it stands with the receiver in the lobby.
    Lobby(Lobby),
    /// To moderators: who waits in the lobby.
    LobbyPeers(LobbyPeers),
    /// What the room goes by.
    RoomState(RoomState),
    /// Somebody's part or rights have changed.
    PeerChanged(PeerChanged),
    /// Somebody sends something else now.
    PeerSends(PeerSends),
    /// A moderator has paused or closed what the receiver sends.
    MutedByModerator(MutedByModerator),
    /// A moderator asks the receiver to send sound again.
    UnmuteRequested(super::NoData),
    /// Somebody's hand went up or down.
    HandRaised(HandRaised),
    /// Somebody shows something.
    Reaction(PeerReaction),
    /// To who asked for a session that outlives its sockets: the first message on each of them, and not one of those that are counted.
    Session(SignalingSession),
}

impl ServerNotification {
    /// Whether this is our own: the mediasoup demo has none of that name, and its clients log it as an error.
    pub fn is_extension(&self) -> bool {
        matches!(
            self,
            Self::ChatMessage(_)
                | Self::Permissions(_)
                | Self::Lobby(_)
                | Self::LobbyPeers(_)
                | Self::RoomState(_)
                | Self::PeerChanged(_)
                | Self::PeerSends(_)
                | Self::MutedByModerator(_)
                | Self::UnmuteRequested(_)
                | Self::HandRaised(_)
                | Self::Reaction(_)
                | Self::Session(_)
        )
    }

    /// Whether a client that falls behind may miss this one: a later one makes up for it, or it is of interest for a moment only. A chat
    /// message can be asked for with `getChatHistory`.
    pub fn may_be_missed(&self) -> bool {
        matches!(
            self,
            Self::ProducerScore(_)
                | Self::ConsumerScore(_)
                | Self::ActiveSpeaker(_)
                | Self::SpeakingPeers(_)
                | Self::DownlinkBwe(_)
                | Self::ChatMessage(_)
                | Self::Reaction(_)
        )
    }
}

/// Payload of the version notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ProtocolVersion {
    /// Version of the mediasoup crate.
    pub version: String,
}

/// Payload of `session`: how it stands with the session that a socket is to go on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct SignalingSession {
    /// What to come back with; a secret of the client.
    pub id: String,
    /// Whether the old session goes on; if not, this is a connection like any new one.
    pub resumed: bool,
    /// How many of the client's messages the pod has taken; the client sends the others again.
    #[ts(type = "number")]
    pub received: u64,
    /// How long the pod waits for the client after a cut, in seconds.
    #[ts(type = "number")]
    pub resume_seconds: u64,
}

#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
/// A person in the room. `id` is the older spelling of `peerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerInfo {
    /// The peer's own choice, unique in the room.
    pub peer_id: String,
    /// Same as `peerId`.
    pub id: String,
    /// Name for people.
    pub display_name: String,
    /// The client's program.
    pub device: Device,
    /// Left empty for others: addresses of people are nobody else's business.
    pub remote_address: String,
    /// Our own, as all that follow: whether they moderate.
    pub moderator: bool,
    /// Whether nobody has vouched for who they are.
    pub guest: bool,
    /// Whether it is a recorder.
    pub recorder: bool,
    /// Whether their hand is up.
    pub hand_raised: bool,
    /// What they may send.
    pub publish: PublishGrant,
    /// What they send now.
    #[serde(default)]
    pub sends: Sends,
    /// Whether the media pod hears of them; false soon after their page or their network is gone.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// Payload of `newPeer`: flat for the older dialect, nested for the newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct NewPeer {
    /// The newcomer.
    pub peer: PeerInfo,
    /// The same again at top level.
    #[serde(flatten)]
    #[ts(skip)]
    pub flat: PeerInfo,
}

impl From<PeerInfo> for NewPeer {
    fn from(peer: PeerInfo) -> Self {
        Self { flat: peer.clone(), peer }
    }
}

/// Payload of `peerClosed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerClosed {
    /// Who left.
    pub peer_id: String,
}

/// Payload of `peerDisplayNameChanged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DisplayNameChanged {
    /// Who.
    pub peer_id: String,
    /// The name now.
    pub display_name: String,
    /// The name before.
    pub old_display_name: String,
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

/// Answer to `join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct JoinAnswer {
    /// Everybody who is there already.
    pub peers: Vec<PeerInfo>,
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

/// Answer to `produceData`. `id` is the older spelling of `dataProducerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProduceDataAnswer {
    /// The new data producer.
    pub data_producer_id: String,
    /// Same as `dataProducerId`.
    pub id: String,
}

/// Answer to the statistics requests of the newer dialect; the older one gets the bare array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct StatsAnswer {
    /// mediasoup's statistics of the object.
    #[ts(type = "unknown[]")]
    pub stats: Value,
}

/// Payload of `newConsumer`. `id` is the older spelling of `consumerId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct NewConsumer {
    /// Who sends.
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
    /// Who and what.
    pub app_data: ConsumerAppData,
}

/// `appData` of a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ConsumerAppData {
    /// Who sends.
    pub peer_id: String,
    /// What is sent.
    pub source: Source,
    /// Older dialect's mark of a shared screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<bool>,
}

/// Payload of `newDataConsumer`. `id` is the older spelling of `dataConsumerId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct NewDataConsumer {
    /// Who sends; null for the bot.
    pub peer_id: Option<String>,
    /// The receiver's transport.
    pub transport_id: String,
    /// The new data consumer.
    pub data_consumer_id: String,
    /// Same as `dataConsumerId`.
    pub id: String,
    /// The sender's data producer.
    pub data_producer_id: String,
    /// mediasoup's `SctpStreamParameters`.
    #[ts(type = "import('mediasoup-client').types.SctpStreamParameters")]
    pub sctp_stream_parameters: Value,
    /// As the sender named it.
    pub label: String,
    /// As the sender named it.
    pub protocol: String,
    /// Who and what.
    pub app_data: DataConsumerAppData,
}

/// `appData` of a data consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct DataConsumerAppData {
    /// Who sends; absent for the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// What it is for.
    pub channel: Channel,
}

/// mediasoup's score of a consumer; 0 (worst) to 10.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ConsumerScore {
    /// Of the stream to this client.
    pub score: u8,
    /// Of the stream that is forwarded now.
    pub producer_score: u8,
    /// Of each of the sender's streams.
    pub producer_scores: Vec<u8>,
}

/// Payload of `consumerScore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ScoreOf {
    /// Which consumer.
    pub consumer_id: String,
    /// Its score.
    pub score: ConsumerScore,
}

/// Payload of `producerScore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProducerScore {
    /// Which producer.
    pub producer_id: String,
    /// mediasoup's score of each stream: `encodingIdx`, `ssrc`, `rid?`, `score`.
    #[ts(type = "{ encodingIdx: number, ssrc: number, rid?: string, score: number }[]")]
    pub score: Value,
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
    /// Which consumer.
    pub consumer_id: String,
    /// What arrives now; absent when nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub layers: Option<Layers>,
    /// Same as in `layers`.
    pub spatial_layer: Option<u8>,
    /// Same as in `layers`.
    pub temporal_layer: Option<u8>,
}

impl ConsumerLayers {
    /// The payload for `layers`, which is `None` when nothing arrives.
    pub fn new(consumer_id: String, layers: Option<Layers>) -> Self {
        let temporal_layer = layers.and_then(|layers| layers.temporal_layer);
        Self { consumer_id, layers, spatial_layer: layers.map(|layers| layers.spatial_layer), temporal_layer }
    }
}

/// Payload of `activeSpeaker`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ActiveSpeaker {
    /// Who speaks.
    pub peer_id: Option<String>,
    /// In dBvo, -127 to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<i8>,
}

/// Payload of `speakingPeers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct SpeakingPeers {
    /// The loudest first; empty when all are silent.
    pub peer_volumes: Vec<PeerVolume>,
}

/// Payload of `downlinkBwe`; all in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DownlinkBwe {
    /// What all consumers together would like.
    pub desired_bitrate: u32,
    /// What they can use now.
    pub effective_desired_bitrate: u32,
    /// What the way is estimated to carry.
    pub available_bitrate: u32,
}

/// Something said in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ChatMessage {
    /// Counts up from 1 in a room.
    #[ts(type = "number")]
    pub id: u64,
    /// Who said it.
    pub peer_id: String,
    /// Their name at that time.
    pub display_name: String,
    /// What.
    pub text: String,
    /// When, in milliseconds since 1970.
    #[ts(type = "number")]
    pub sent_at: u64,
}

/// Answer to `getChatHistory`: the newest messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ChatHistoryAnswer {
    /// One page: as many as fit into an answer. Their numbers have no gaps in the room; a client that misses some was too slow for them.
    pub messages: Vec<ChatMessage>,
    /// Whether the room has older ones.
    #[serde(default)]
    pub more: bool,
}

/// Answer to `sendChatMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ChatSent {
    /// The message's number.
    #[ts(type = "number")]
    pub id: u64,
    /// When, in milliseconds since 1970.
    #[ts(type = "number")]
    pub sent_at: u64,
}

/// How loud somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerVolume {
    /// Who.
    pub peer_id: String,
    /// In dBvo, -127 to 0.
    pub volume: i8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_carry_both_spellings() {
        let peer = PeerInfo {
            peer_id: "p".into(),
            id: "p".into(),
            display_name: "Ada".into(),
            device: Device::default(),
            remote_address: String::new(),
            moderator: false,
            guest: true,
            recorder: false,
            hand_raised: true,
            sends: Sends::default(),
            connected: true,
            publish: PublishGrant::default(),
        };
        let told = serde_json::to_value(ServerNotification::NewPeer(Box::new(peer.into()))).unwrap();
        let flat = json!({
            "peerId": "p", "id": "p", "displayName": "Ada", "device": {}, "remoteAddress": "",
            "moderator": false, "guest": true, "recorder": false, "handRaised": true,
            "publish": { "audio": true, "video": true, "share": true },
            "sends": { "audio": false, "video": false, "share": false }, "connected": true,
        });
        let mut data = flat.clone();
        data["peer"] = flat;
        assert_eq!(told, json!({ "method": "newPeer", "data": data }));

        let capabilities = json!({ "codecs": [], "headerExtensions": [] });
        let answer = RouterCapabilitiesAnswer { router_rtp_capabilities: capabilities.clone(), flat: capabilities };
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({ "codecs": [], "headerExtensions": [], "routerRtpCapabilities": { "codecs": [], "headerExtensions": [] } })
        );
    }

    #[test]
    fn layers_are_flat_and_nested() {
        let layers = Some(Layers { spatial_layer: 2, temporal_layer: Some(1) });
        assert_eq!(
            serde_json::to_value(ConsumerLayers::new("c".into(), layers)).unwrap(),
            json!({ "consumerId": "c", "layers": { "spatialLayer": 2, "temporalLayer": 1 }, "spatialLayer": 2, "temporalLayer": 1 })
        );
        assert_eq!(
            serde_json::to_value(ConsumerLayers::new("c".into(), None)).unwrap(),
            json!({ "consumerId": "c", "spatialLayer": null, "temporalLayer": null })
        );
    }

    #[test]
    fn both_version_notifications_have_their_names() {
        let version = ProtocolVersion { version: "1".into() };
        let new = serde_json::to_value(ServerNotification::MediasoupVersion(version.clone())).unwrap();
        let old = serde_json::to_value(ServerNotification::MediasoupVersionLegacy(version)).unwrap();
        assert_eq!((&new["method"], &old["method"]), (&json!("mediasoupVersion"), &json!("mediasoup-version")));
    }
}

//! Requests and notifications of the media pod to its clients. Each carries the fields of both dialects.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::payload::{
    ActiveSpeaker, ChatMessage, ConsumerLayers, ConsumerRef, DataConsumerRef, DisplayNameChanged, DownlinkBwe,
    HandRaised, Lobby, LobbyPeers, Moving, MutedByModerator, NewConsumer, NewDataConsumer, NewPeer, NoData,
    PeerChanged, PeerClosed, PeerReaction, PeerSends, Permissions, ProducerLayers, ProducerScore, ProtocolVersion,
    RoomState, ScoreOf, SignalingSession, SpeakingPeers, ViewerHands, Viewers,
};

/// Requests of the media pod to a client. The JSON is `{ "method": …, "data": … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "method", content = "data", rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum ServerRequest {
    /// Receive a producer of another participant; resumed once accepted.
    NewConsumer(Box<NewConsumer>),
    /// Receive the messages of another participant, or of the bot.
    NewDataConsumer(Box<NewDataConsumer>),
}

/// Notifications of the media pod to clients. The JSON is `{ "method": …, "data": … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "method", content = "data", rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum ServerNotification {
    /// The version of the mediasoup worker (newer name).
    MediasoupVersion(ProtocolVersion),
    /// The version of the mediasoup worker (older name).
    #[serde(rename = "mediasoup-version")]
    MediasoupVersionLegacy(ProtocolVersion),
    /// A participant joined.
    NewPeer(Box<NewPeer>),
    /// A participant left.
    PeerClosed(PeerClosed),
    /// A participant changed their display name.
    PeerDisplayNameChanged(DisplayNameChanged),
    /// Quality of a producer.
    ProducerScore(ProducerScore),
    /// Quality of a consumer.
    ConsumerScore(ScoreOf),
    /// The sender paused.
    ConsumerPaused(ConsumerRef),
    /// The sender resumed.
    ConsumerResumed(ConsumerRef),
    /// The consumer was closed.
    ConsumerClosed(ConsumerRef),
    /// The data consumer was closed.
    DataConsumerClosed(DataConsumerRef),
    /// The received layers have changed.
    ConsumerLayersChanged(ConsumerLayers),
    /// The dominant speaker.
    ActiveSpeaker(ActiveSpeaker),
    /// Volumes of the participants who are speaking.
    SpeakingPeers(SpeakingPeers),
    /// The estimated bandwidth to the client.
    DownlinkBwe(DownlinkBwe),
    /// Not part of the demo: a new chat message.
    ChatMessage(ChatMessage),
    /// Not part of the demo, like all below: what the receiver may do.
    Permissions(Box<Permissions>),
    /// The receiver's state in the lobby.
    Lobby(Lobby),
    /// To moderators: the clients in the lobby.
    LobbyPeers(LobbyPeers),
    /// The state of the room.
    RoomState(RoomState),
    /// A participant's permissions or presence have changed.
    PeerChanged(PeerChanged),
    /// What a participant sends has changed.
    PeerSends(PeerSends),
    /// A moderator has muted the receiver.
    MutedByModerator(MutedByModerator),
    /// A moderator asks the receiver to unmute.
    UnmuteRequested(NoData),
    /// A hand was raised or lowered.
    HandRaised(HandRaised),
    /// A participant sent a reaction.
    Reaction(PeerReaction),
    /// The number of viewers has changed; sent at most once a second.
    Viewers(Viewers),
    /// To moderators: the viewers who have raised a hand; sent at most once a second.
    ViewerHands(ViewerHands),
    /// To senders of simulcast: the highest layer that is received.
    ProducerLayers(ProducerLayers),
    /// To clients with a session that outlives its sockets: the first message on each socket. It is not counted.
    Session(SignalingSession),
    /// To clients that sent `moves=1`: the meeting continues on another pod. They connect there, and answer `moved` once they receive it all.
    Moving(Moving),
    /// To the same clients: this connection is over, and they close it.
    Over(NoData),
    /// To the same clients: their transports have ended with the media pod that served them, with everything on them. They create others on the
    /// same connection, within 3 seconds.
    TransportsLost(NoData),
}

impl ServerNotification {
    /// Whether this notification is Convene's own: the mediasoup demo does not have it, and its clients log it as an error.
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
                | Self::Viewers(_)
                | Self::ViewerHands(_)
                | Self::ProducerLayers(_)
                | Self::Session(_)
                | Self::Moving(_)
                | Self::Over(_)
                | Self::TransportsLost(_)
        )
    }

    /// Whether a client that falls behind may miss this one: a later one supersedes it, or it is of interest only briefly. A chat
    /// message can be requested with `getChatHistory`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::PublishGrant;
    use crate::message::{Device, Layers, PeerInfo, RouterCapabilitiesAnswer, Sends};
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

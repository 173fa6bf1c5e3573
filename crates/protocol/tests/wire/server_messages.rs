//! Requests and notifications of the media pod to clients, and the clients' answers.

use convene_protocol::admission::PublishGrant;
use convene_protocol::frame;
use convene_protocol::message::{
    ActiveSpeaker, Channel, ConsumerAppData, ConsumerLayers, ConsumerRef, ConsumerScore, DataConsumerAppData,
    DataConsumerRef, DisplayNameChanged, DownlinkBwe, HandRaised, Layers, Lobby, LobbyPeer, LobbyPeers, LobbyState,
    MediaKind, Moving, MutedByModerator, NewConsumer, NewDataConsumer, NoData, PeerChanged, PeerClosed, PeerReaction,
    PeerSends, PeerVolume, Permissions, ProducerLayers, ProducerScore, ProtocolVersion, PublishSource, Reaction,
    RoomState, ScoreOf, Sends, ServerNotification, ServerRequest, SignalingSession, Source, SpeakingPeers, ViewerHand,
    ViewerHands, Viewers,
};
use serde_json::{Value, json};

use crate::client_messages::{bob, chat_message};
use crate::values::{received_rtp_parameters, sctp_stream_parameters};

/// The id of every request in the goldens.
const ID: u64 = 3;

/// A frame to a client, and when it looks like this.
pub(crate) struct ServerMessage {
    pub(crate) about: &'static str,
    pub(crate) frame: Value,
}

impl ServerMessage {
    pub(crate) fn method(&self) -> &str {
        self.frame["method"].as_str().unwrap()
    }
}

pub(crate) fn all() -> Vec<ServerMessage> {
    [requests(), peers(), streams(), room(), rights(), people(), sessions(), moves()].into_iter().flatten().collect()
}

/// Answers of clients to requests: they accept, or they opened the page without receiving.
pub(crate) fn client_answers() -> [Value; 3] {
    [
        json!({ "response": true, "id": ID, "ok": true, "data": {} }),
        json!({ "response": true, "id": ID, "ok": false, "errorCode": 403, "errorReason": "this page receives nothing" }),
        // protoo-server leaves `ok` out.
        json!({ "response": true, "id": ID, "errorCode": 403, "errorReason": "this page receives nothing" }),
    ]
}

fn asked(about: &'static str, request: &ServerRequest) -> ServerMessage {
    ServerMessage { about, frame: serde_json::from_str(&frame::request(ID, &json!(request))).unwrap() }
}

fn told(about: &'static str, notification: &ServerNotification) -> ServerMessage {
    ServerMessage { about, frame: serde_json::from_str(&frame::notification(&json!(notification))).unwrap() }
}

fn requests() -> Vec<ServerMessage> {
    let consumer = |source: Source| {
        ServerRequest::NewConsumer(Box::new(NewConsumer {
            peer_id: "bob".into(),
            transport_id: "transport-2".into(),
            consumer_id: "consumer-1".into(),
            id: "consumer-1".into(),
            producer_id: "producer-2".into(),
            kind: MediaKind::Video,
            rtp_parameters: received_rtp_parameters(),
            consumer_type: "simulcast".into(),
            producer_paused: false,
            consumer_score: score(),
            app_data: ConsumerAppData {
                peer_id: "bob".into(),
                source,
                share: (source == Source::Screensharing).then_some(true),
            },
        }))
    };
    let data_consumer = |peer_id: Option<&str>, channel: Channel| {
        let label = if channel == Channel::Bot { "bot" } else { "chat" };
        ServerRequest::NewDataConsumer(Box::new(NewDataConsumer {
            peer_id: peer_id.map(str::to_owned),
            transport_id: "transport-2".into(),
            data_consumer_id: "data-consumer-1".into(),
            id: "data-consumer-1".into(),
            data_producer_id: "data-producer-2".into(),
            sctp_stream_parameters: sctp_stream_parameters(),
            label: label.into(),
            protocol: String::new(),
            app_data: DataConsumerAppData { peer_id: peer_id.map(str::to_owned), channel },
        }))
    };
    vec![
        asked("camera", &consumer(Source::Video)),
        asked("shared screen", &consumer(Source::Screensharing)),
        asked("chat of a participant", &data_consumer(Some("bob"), Channel::Chat)),
        asked("the bot", &data_consumer(None, Channel::Bot)),
    ]
}

fn score() -> ConsumerScore {
    ConsumerScore { score: 10, producer_score: 9, producer_scores: vec![10, 10, 9] }
}

fn peers() -> Vec<ServerMessage> {
    let version = ProtocolVersion { version: "3.20.1".into() };
    let renamed =
        DisplayNameChanged { peer_id: "bob".into(), display_name: "Bob B.".into(), old_display_name: "Bob".into() };
    let left = PeerClosed { peer_id: "bob".into(), viewer: false };
    let now_viewer = PeerClosed { peer_id: "bob".into(), viewer: true };
    vec![
        told("newer name", &ServerNotification::MediasoupVersion(version.clone())),
        told("older name", &ServerNotification::MediasoupVersionLegacy(version)),
        told("a participant joined", &ServerNotification::NewPeer(Box::new(bob().into()))),
        told("a participant left", &ServerNotification::PeerClosed(left)),
        told("a participant has become a viewer", &ServerNotification::PeerClosed(now_viewer)),
        told("a new name", &ServerNotification::PeerDisplayNameChanged(renamed)),
    ]
}

fn streams() -> Vec<ServerMessage> {
    let consumer = ConsumerRef { consumer_id: "consumer-1".into() };
    let scores = json!([{ "encodingIdx": 0, "ssrc": 111_222_333, "rid": "r0", "score": 10 }]);
    let produced = ProducerScore { producer_id: "producer-1".into(), score: scores };
    let score = ScoreOf { consumer_id: "consumer-1".into(), score: score() };
    let layers = |layers| ServerNotification::ConsumerLayersChanged(ConsumerLayers::new("consumer-1".into(), layers));
    let wanted = ProducerLayers { producer_id: "producer-1".into(), spatial_layer: 1 };
    let gone = DataConsumerRef { data_consumer_id: "data-consumer-1".into() };
    vec![
        told("of a stream that the client sends", &ServerNotification::ProducerScore(produced)),
        told("of a stream that it receives", &ServerNotification::ConsumerScore(score)),
        told("its largest size is not received", &ServerNotification::ProducerLayers(wanted)),
        told("the sender paused", &ServerNotification::ConsumerPaused(consumer.clone())),
        told("the sender resumed", &ServerNotification::ConsumerResumed(consumer.clone())),
        told("the stream ended", &ServerNotification::ConsumerClosed(consumer)),
        told("other layers arrive", &layers(Some(Layers { spatial_layer: 2, temporal_layer: Some(1) }))),
        told("nothing arrives", &layers(None)),
        told("the channel ended", &ServerNotification::DataConsumerClosed(gone)),
    ]
}

fn room() -> Vec<ServerMessage> {
    let speaker = |peer_id: Option<&str>, volume| {
        ServerNotification::ActiveSpeaker(ActiveSpeaker { peer_id: peer_id.map(str::to_owned), volume })
    };
    let speaking = |volumes: &[i8]| {
        let peer_volumes = volumes.iter().map(|volume| PeerVolume { peer_id: "bob".into(), volume: *volume });
        ServerNotification::SpeakingPeers(SpeakingPeers { peer_volumes: peer_volumes.collect() })
    };
    let estimate =
        DownlinkBwe { desired_bitrate: 5_000_000, effective_desired_bitrate: 1_800_000, available_bitrate: 2_000_000 };
    vec![
        told("a participant speaks", &speaker(Some("bob"), None)),
        told("a participant speaks, with a volume", &speaker(Some("bob"), Some(-32))),
        told("no participant speaks", &speaker(None, None)),
        told("a participant has a volume", &speaking(&[-32])),
        told("silence", &speaking(&[])),
        told("once a second at most", &ServerNotification::DownlinkBwe(estimate)),
        told("to clients that follow the chat by signaling", &ServerNotification::ChatMessage(chat_message())),
    ]
}

fn rights() -> Vec<ServerMessage> {
    let permissions = |permissions| ServerNotification::Permissions(Box::new(permissions));
    let guest = Permissions {
        moderator: false,
        publish: PublishGrant::default(),
        publish_data: true,
        subscribe: true,
        hidden: false,
        viewer: false,
        chat: true,
        screen_share: true,
        identity: None,
        name: None,
    };
    let nothing = PublishGrant { audio: false, video: false, share: false };
    let viewer = Permissions { publish: nothing, publish_data: true, viewer: true, ..guest.clone() };
    let known = Permissions {
        moderator: true,
        publish: PublishGrant { share: false, ..PublishGrant::default() },
        identity: Some("user-17".into()),
        name: Some("Bob B.".into()),
        ..guest.clone()
    };
    let changed = PeerChanged {
        peer_id: "bob".into(),
        moderator: true,
        guest: false,
        publish: PublishGrant { share: false, ..PublishGrant::default() },
        connected: true,
    };
    vec![
        told("to a guest", &permissions(guest)),
        told("to a viewer", &permissions(viewer)),
        told("to a moderator whom an application knows", &permissions(known)),
        told("a participant has become a moderator", &ServerNotification::PeerChanged(changed)),
        told(
            "after join and at each change",
            &ServerNotification::RoomState(RoomState { title: "Stand-up".into(), locked: true, lobby: false }),
        ),
    ]
}

fn people() -> Vec<ServerMessage> {
    let lobby = |state| ServerNotification::Lobby(Lobby { state });
    let waiting = |peers: &[(&str, &str)]| {
        let peer = |(id, name): &(&str, &str)| LobbyPeer { peer_id: (*id).into(), display_name: (*name).into() };
        ServerNotification::LobbyPeers(LobbyPeers { peers: peers.iter().map(peer).collect() })
    };
    let muted = |source, peer_id: Option<&str>| {
        ServerNotification::MutedByModerator(MutedByModerator { source, peer_id: peer_id.map(str::to_owned) })
    };
    let hand = |raised| ServerNotification::HandRaised(HandRaised { peer_id: "bob".into(), raised });
    let sends = PeerSends { peer_id: "bob".into(), sends: Sends { audio: true, video: true, share: false } };
    let reaction = PeerReaction { peer_id: Some("bob".into()), reaction: Reaction::Clap };
    let applause = PeerReaction { peer_id: None, reaction: Reaction::Clap };
    let hands = vec![ViewerHand { peer_id: "vera".into(), display_name: "Vera".into() }];
    vec![
        told("to a client in the lobby", &lobby(LobbyState::Waiting)),
        told("to the same client, admitted", &lobby(LobbyState::Admitted)),
        told("to moderators; eve has not knocked yet", &waiting(&[("ada", "Ada"), ("eve", "")])),
        told("the lobby is empty", &waiting(&[])),
        told("to the participant", &muted(PublishSource::Audio, Some("bob"))),
        told("the meeting no longer allows it", &muted(PublishSource::Share, None)),
        told("to the participant", &ServerNotification::UnmuteRequested(NoData {})),
        told("a participant turns the camera on", &ServerNotification::PeerSends(sends)),
        told("a hand goes up", &hand(true)),
        told("a hand goes down", &hand(false)),
        told("a participant claps", &ServerNotification::Reaction(reaction)),
        told("a viewer claps", &ServerNotification::Reaction(applause)),
        told("once a second at most", &ServerNotification::Viewers(Viewers { count: 1204 })),
        told("to moderators, once a second at most", &ServerNotification::ViewerHands(ViewerHands { count: 1, hands })),
    ]
}

fn sessions() -> Vec<ServerMessage> {
    let session = |resumed, received, prepared| {
        let id = "5f0c6c1de2b94d07a8f3b1c09e6d7a42".into();
        ServerNotification::Session(SignalingSession { id, resumed, received, resume_seconds: 15, prepared })
    };
    vec![
        told("a new session", &session(false, 0, false)),
        told("the same goes on after a cut", &session(true, 23, false)),
        told("a prepared connection", &session(false, 0, true)),
    ]
}

fn moves() -> Vec<ServerMessage> {
    let moving = |ticket: Option<&str>, deadline_seconds| {
        ServerNotification::Moving(Moving { ticket: ticket.map(str::to_owned), deadline_seconds })
    };
    vec![
        told("the meeting moves", &moving(Some("eyJ0eXAiOiJKV1QifQ.e30.c2lnbmF0dXJl"), 10)),
        told("the connection is closed at once, and the client uses its own ticket", &moving(None, 0)),
        told("all have moved, or the deadline has passed", &ServerNotification::Over(NoData {})),
        told("the media pod that served the client has failed", &ServerNotification::TransportsLost(NoData {})),
    ]
}

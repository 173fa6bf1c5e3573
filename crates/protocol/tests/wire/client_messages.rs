//! Messages of clients and their answers: the rows of the demo's tables in both spellings, and our own additions.

use convene_protocol::admission::PublishGrant;
use convene_protocol::frame;
use convene_protocol::message::{
    ChatHistoryAnswer, ChatMessage, ChatSent, Device, IceParametersAnswer, JoinAnswer, PeerInfo, ProduceAnswer,
    ProduceDataAnswer, RouterCapabilitiesAnswer, Sends, StatsAnswer, TransportAnswer,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::values::{
    dtls_parameters, ice_candidates, ice_parameters, rtp_capabilities, sctp_capabilities, sctp_parameters,
    sctp_stream_parameters, sent_rtp_parameters, stats,
};
use crate::{L, LT, OWN, T};

/// The id of every request in the goldens.
const ID: u64 = 1_234_567;

/// A method, in all ways in which clients send it.
pub(crate) struct ClientMessage {
    pub(crate) method: &'static str,
    pub(crate) inputs: Vec<Input>,
    pub(crate) answers: Vec<Answer>,
}

/// One way in which a client sends it.
pub(crate) struct Input {
    pub(crate) dialects: &'static [&'static str],
    pub(crate) is_request: bool,
    data: Value,
}

/// The expected answer, and the dialects it is for.
pub(crate) struct Answer {
    pub(crate) dialects: &'static [&'static str],
    pub(crate) outcome: Result<Value, (u16, &'static str)>,
}

impl ClientMessage {
    /// The frame of an input of this message.
    pub(crate) fn frame(&self, input: &Input) -> Value {
        let told = json!({ "method": self.method, "data": input.data });
        let text = if input.is_request { frame::request(ID, &told) } else { frame::notification(&told) };
        serde_json::from_str(&text).unwrap()
    }
}

impl Answer {
    pub(crate) fn frame(&self) -> Value {
        let text = match &self.outcome {
            Ok(data) => frame::success(ID, data),
            Err((code, reason)) => frame::failure(ID, *code, reason),
        };
        serde_json::from_str(&text).unwrap()
    }
}

pub(crate) fn all() -> Vec<ClientMessage> {
    let parts = [
        session(),
        transports(),
        producing(),
        producer_changes(),
        consumer_changes(),
        statistics(),
        own(),
        people(),
        moderation(),
        throttle(),
    ];
    parts.into_iter().flatten().collect()
}

fn message(method: &'static str, inputs: Vec<Input>, answers: Vec<Answer>) -> ClientMessage {
    ClientMessage { method, inputs, answers }
}

fn request(dialects: &'static [&'static str], data: Value) -> Input {
    Input { dialects, is_request: true, data }
}

fn notification(dialects: &'static [&'static str], data: Value) -> Input {
    Input { dialects, is_request: false, data }
}

fn answer(dialects: &'static [&'static str], data: impl Serialize) -> Answer {
    Answer { dialects, outcome: Ok(json!(data)) }
}

fn session() -> Vec<ClientMessage> {
    let capabilities =
        RouterCapabilitiesAnswer { router_rtp_capabilities: rtp_capabilities(), flat: rtp_capabilities() };
    let device = json!({ "flag": "chrome", "name": "Chrome", "version": "140.0" });
    vec![
        message("getRtcStatsUrl", vec![request(T, json!({}))], vec![answer(T, json!({}))]),
        message("getRouterRtpCapabilities", vec![request(LT, json!({}))], vec![answer(LT, capabilities)]),
        message(
            "join",
            vec![
                request(
                    L,
                    json!({
                        "displayName": "Ada", "device": device, "rtpCapabilities": rtp_capabilities(),
                        "sctpCapabilities": sctp_capabilities(),
                    }),
                ),
                request(T, json!({ "displayName": "Ada", "device": device, "rtpCapabilities": rtp_capabilities() })),
                // A client that receives nothing.
                request(LT, json!({ "displayName": "Ada", "device": device })),
            ],
            vec![answer(LT, JoinAnswer { peers: vec![bob()] })],
        ),
        message(
            "changeDisplayName",
            vec![request(L, json!({ "displayName": "Ada L." })), notification(T, json!({ "displayName": "Ada L." }))],
            vec![answer(L, json!({}))],
        ),
    ]
}

pub(crate) fn bob() -> PeerInfo {
    PeerInfo {
        peer_id: "bob".into(),
        id: "bob".into(),
        display_name: "Bob".into(),
        device: Device { flag: Some("firefox".into()), name: Some("Firefox".into()), version: Some("141.0".into()) },
        remote_address: String::new(),
        moderator: false,
        guest: true,
        recorder: false,
        hand_raised: false,
        sends: Sends { audio: true, video: false, share: false },
        connected: true,
        publish: PublishGrant::default(),
    }
}

fn transports() -> Vec<ClientMessage> {
    let created = TransportAnswer {
        transport_id: "transport-1".into(),
        id: "transport-1".into(),
        ice_parameters: ice_parameters(),
        ice_candidates: ice_candidates(),
        dtls_parameters: dtls_parameters("auto"),
        sctp_parameters: Some(sctp_parameters()),
    };
    let restarted = IceParametersAnswer { ice_parameters: ice_parameters(), flat: ice_parameters() };
    let connect = json!({ "transportId": "transport-1", "dtlsParameters": dtls_parameters("server") });
    let mut connect_with_ice = connect.clone();
    connect_with_ice["iceParameters"] = ice_parameters();
    vec![
        message(
            "createWebRtcTransport",
            vec![
                request(
                    L,
                    json!({ "forceTcp": false, "producing": true, "consuming": false, "sctpCapabilities": sctp_capabilities() }),
                ),
                request(L, json!({ "forceTcp": true, "producing": false, "consuming": true })),
                request(T, json!({ "forceTcp": false, "appData": { "direction": "producer" } })),
                request(
                    T,
                    json!({ "forceTcp": false, "appData": { "direction": "consumer" }, "sctpCapabilities": sctp_capabilities() }),
                ),
            ],
            vec![answer(LT, created)],
        ),
        message(
            "connectWebRtcTransport",
            vec![request(L, connect_with_ice), request(LT, connect)],
            vec![answer(LT, json!({}))],
        ),
        message("restartIce", vec![request(LT, json!({ "transportId": "transport-1" }))], vec![answer(LT, restarted)]),
    ]
}

fn producing() -> Vec<ClientMessage> {
    let produce = |kind: &str, app_data: Value| {
        json!({
            "transportId": "transport-1", "kind": kind, "rtpParameters": sent_rtp_parameters(), "appData": app_data,
        })
    };
    let muted = || {
        let mut muted = produce("audio", json!({ "source": "audio" }));
        muted["paused"] = json!(true);
        muted
    };
    let produce_data = |label: &str, app_data: Value| {
        json!({
            "transportId": "transport-1", "sctpStreamParameters": sctp_stream_parameters(),
            "label": label, "protocol": "", "appData": app_data,
        })
    };
    vec![
        message(
            "produce",
            vec![
                request(L, produce("video", json!({}))),
                request(L, produce("video", json!({ "share": true }))),
                request(T, produce("video", json!({ "source": "video" }))),
                request(T, produce("video", json!({ "source": "screensharing" }))),
                request(T, muted()),
            ],
            vec![answer(LT, ProduceAnswer { producer_id: "producer-1".into(), id: "producer-1".into() })],
        ),
        message(
            "produceData",
            vec![
                request(L, produce_data("chat", json!({ "info": "my-chat-DataProducer" }))),
                request(L, produce_data("bot", json!({ "info": "my-bot-DataProducer" }))),
                request(T, produce_data("chat", json!({ "channel": "chat" }))),
                request(T, produce_data("bot", json!({ "channel": "bot" }))),
            ],
            vec![answer(
                LT,
                ProduceDataAnswer { data_producer_id: "data-producer-1".into(), id: "data-producer-1".into() },
            )],
        ),
    ]
}

/// A request in the older dialect, a notification in the newer.
fn request_or_notification(method: &'static str, data: &Value) -> ClientMessage {
    message(method, vec![request(L, data.clone()), notification(T, data.clone())], vec![answer(L, json!({}))])
}

fn producer_changes() -> Vec<ClientMessage> {
    let producer = json!({ "producerId": "producer-1" });
    ["closeProducer", "pauseProducer", "resumeProducer"].map(|method| request_or_notification(method, &producer)).into()
}

fn consumer_changes() -> Vec<ClientMessage> {
    let consumer = json!({ "consumerId": "consumer-1" });
    let mut all: Vec<_> = ["pauseConsumer", "resumeConsumer", "requestConsumerKeyFrame"]
        .map(|method| request_or_notification(method, &consumer))
        .into();
    let layers = json!({ "consumerId": "consumer-1", "spatialLayer": 1, "temporalLayer": 2 });
    let mut preferred = request_or_notification("setConsumerPreferredLayers", &layers);
    preferred.inputs.push(notification(T, json!({ "consumerId": "consumer-1", "spatialLayer": 1 })));
    all.push(preferred);
    all.push(request_or_notification("setConsumerPriority", &json!({ "consumerId": "consumer-1", "priority": 2 })));
    all
}

fn statistics() -> Vec<ClientMessage> {
    let of = |method, key: &str, id: &str| {
        let input = request(LT, json!({ key: id }));
        message(method, vec![input], vec![answer(L, stats()), answer(T, StatsAnswer { stats: stats() })])
    };
    vec![
        of("getTransportStats", "transportId", "transport-1"),
        of("getProducerStats", "producerId", "producer-1"),
        of("getConsumerStats", "consumerId", "consumer-1"),
        of("getDataProducerStats", "dataProducerId", "data-producer-1"),
        of("getDataConsumerStats", "dataConsumerId", "data-consumer-1"),
    ]
}

pub(crate) fn chat_message() -> ChatMessage {
    ChatMessage {
        id: 7,
        peer_id: "bob".into(),
        display_name: "Bob".into(),
        text: "hello".into(),
        sent_at: 1_800_000_000_000,
    }
}

fn own() -> Vec<ClientMessage> {
    vec![
        message(
            "getChatHistory",
            vec![
                request(OWN, json!({})),
                request(OWN, json!({ "follow": true })),
                request(OWN, json!({ "before": 7 })),
            ],
            vec![answer(OWN, ChatHistoryAnswer { messages: vec![chat_message()], more: true })],
        ),
        message(
            "sendChatMessage",
            vec![request(OWN, json!({ "text": "hello Bob" }))],
            vec![answer(OWN, ChatSent { id: 8, sent_at: 1_800_000_001_000 })],
        ),
    ]
}

fn people() -> Vec<ClientMessage> {
    let device = json!({ "flag": "chrome", "name": "Chrome", "version": "140.0" });
    let done = || vec![answer(OWN, json!({}))];
    vec![
        message("raiseHand", vec![request(OWN, json!({ "raised": true }))], done()),
        message("setWatchedPeers", vec![request(OWN, json!({ "peerIds": ["bob", "eve"] }))], done()),
        message("sendReaction", vec![request(OWN, json!({ "reaction": "clap" }))], done()),
        message("moved", vec![request(OWN, json!({}))], done()),
        message(
            "knock",
            vec![
                request(OWN, json!({ "displayName": "Ada", "device": device })),
                request(OWN, json!({ "displayName": "Ada" })),
            ],
            done(),
        ),
    ]
}

/// Answered with success to moderators, and to all others as in the last answer.
fn moderation() -> Vec<ClientMessage> {
    let refused = Err((403, "only a moderator may do this"));
    let answers = || vec![answer(OWN, json!({})), Answer { dialects: OWN, outcome: refused.clone() }];
    let asked = |method, data: &[Value]| {
        message(method, data.iter().map(|data| request(OWN, data.clone())).collect(), answers())
    };
    let bob = [json!({ "peerId": "bob" })];
    let publish = json!({ "audio": false, "video": false, "share": false });
    vec![
        asked("admitPeer", &bob),
        asked("refusePeer", &bob),
        asked("admitAll", &[json!({})]),
        asked("setRoomLock", &[json!({ "locked": true })]),
        asked("setRoomLobby", &[json!({ "enabled": true })]),
        asked("muteParticipant", &[json!({ "peerId": "bob", "source": "audio" }), json!({ "source": "share" })]),
        asked("askToUnmute", &bob),
        asked("removeParticipant", &bob),
        asked(
            "setPermissions",
            &[
                json!({ "peerId": "bob", "publish": publish, "publishData": false }),
                json!({ "peerId": "bob", "publish": { "audio": true } }),
            ],
        ),
        asked("setModerator", &[json!({ "peerId": "bob", "moderator": true })]),
        asked("lowerHand", &bob),
        asked("endMeeting", &[json!({})]),
    ]
}

/// Recognized, so that they are refused in the same way as the demo refuses a wrong secret.
fn throttle() -> Vec<ClientMessage> {
    let refused = |dialects| Answer { dialects, outcome: Err((403, "network throttling is not available here")) };
    let flat = json!({ "secret": "foo", "uplink": 1000, "downlink": 1000, "rtt": 50, "packetLoss": 1 });
    let options = json!({ "up": 1000, "down": 1000, "rtt": 50, "packetLoss": 1, "localhost": false });
    let nested = json!({ "secret": "foo", "options": options });
    let secret = json!({ "secret": "foo" });
    vec![
        message("applyNetworkThrottle", vec![request(L, flat), request(T, nested)], vec![refused(LT)]),
        message("resetNetworkThrottle", vec![request(L, secret.clone())], vec![refused(L)]),
        message("stopNetworkThrottle", vec![request(T, secret)], vec![refused(T)]),
    ]
}

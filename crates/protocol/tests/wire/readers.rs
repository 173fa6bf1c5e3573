//! Two readers of the pod's messages: one knows only the fields of the older dialect, the other only those of the newer. Each
//! must find every field of its tables in every example.

use serde_json::Value;

use crate::client_messages;
use crate::server_messages;

/// Fields as `path: kinds`. In a path `[]` means each element and `?` that the field may be absent; kinds are separated by `|`.
type Fields = &'static [&'static str];

/// Notifications that the readers of the demo's dialects do not know and ignore.
const OWN_MESSAGES: [&str; 18] = [
    "chatMessage",
    "permissions",
    "lobby",
    "lobbyPeers",
    "roomState",
    "peerChanged",
    "mutedByModerator",
    "unmuteRequested",
    "handRaised",
    "peerSends",
    "producerLayers",
    "reaction",
    "viewers",
    "viewerHands",
    "session",
    "moving",
    "over",
    "transportsLost",
];

/// Answers by method, as the older app reads them. Empty: it does not read any field.
const L_ANSWERS: &[(&str, Fields)] = &[
    ("getRouterRtpCapabilities", &["codecs: array", "headerExtensions: array"]),
    ("createWebRtcTransport", TRANSPORT_L),
    ("connectWebRtcTransport", &[]),
    ("restartIce", &["usernameFragment: string", "password: string", "iceLite: boolean"]),
    ("join", &["peers: array", "peers[].id: string", "peers[].displayName: string", "peers[].device: object"]),
    ("produce", &["id: string"]),
    ("produceData", &["id: string"]),
    ("closeProducer", &[]),
    ("pauseProducer", &[]),
    ("resumeProducer", &[]),
    ("pauseConsumer", &[]),
    ("resumeConsumer", &[]),
    ("requestConsumerKeyFrame", &[]),
    ("setConsumerPreferredLayers", &[]),
    ("setConsumerPriority", &[]),
    ("changeDisplayName", &[]),
    ("getTransportStats", STATS_L),
    ("getProducerStats", STATS_L),
    ("getConsumerStats", STATS_L),
    ("getDataProducerStats", STATS_L),
    ("getDataConsumerStats", STATS_L),
];

const STATS_L: Fields = &["[].type: string", "[].timestamp: number"];

const TRANSPORT_L: Fields = &[
    "id: string",
    "iceParameters: object",
    "iceCandidates: array",
    "dtlsParameters: object",
    "sctpParameters?: object",
];

/// Answers by method, as the newer app reads them.
const T_ANSWERS: &[(&str, Fields)] = &[
    ("getRtcStatsUrl", &["rtcstatsUrl?: string"]),
    (
        "getRouterRtpCapabilities",
        &["routerRtpCapabilities.codecs: array", "routerRtpCapabilities.headerExtensions: array"],
    ),
    ("createWebRtcTransport", TRANSPORT_T),
    ("connectWebRtcTransport", &[]),
    ("restartIce", &["iceParameters.usernameFragment: string", "iceParameters.password: string"]),
    ("join", PEERS_T),
    ("produce", &["producerId: string"]),
    ("produceData", &["dataProducerId: string"]),
    ("getTransportStats", STATS_T),
    ("getProducerStats", STATS_T),
    ("getConsumerStats", STATS_T),
    ("getDataProducerStats", STATS_T),
    ("getDataConsumerStats", STATS_T),
];

const STATS_T: Fields = &["stats: array", "stats[].type: string"];

const TRANSPORT_T: Fields = &[
    "transportId: string",
    "iceParameters: object",
    "iceCandidates: array",
    "dtlsParameters: object",
    "sctpParameters?: object",
];

const PEERS_T: Fields = &[
    "peers: array",
    "peers[].peerId: string",
    "peers[].displayName: string",
    "peers[].device: object",
    "peers[].remoteAddress: string",
];

/// Notifications by method that both apps read alike.
const COMMON_MESSAGES: &[(&str, Fields)] = &[
    ("peerClosed", &["peerId: string"]),
    ("peerDisplayNameChanged", RENAMED),
    ("producerScore", PRODUCER_SCORE),
    ("consumerScore", CONSUMER_SCORE),
    ("consumerPaused", &["consumerId: string"]),
    ("consumerResumed", &["consumerId: string"]),
    ("consumerClosed", &["consumerId: string"]),
    ("dataConsumerClosed", &["dataConsumerId: string"]),
    ("downlinkBwe", DOWNLINK),
];

/// Other requests and notifications by method, as the older app reads them.
const L_MESSAGES: &[(&str, Fields)] = &[
    ("newConsumer", NEW_CONSUMER_L),
    ("newDataConsumer", NEW_DATA_CONSUMER_L),
    ("mediasoup-version", &["version: string"]),
    ("newPeer", &["id: string", "displayName: string", "device: object"]),
    ("consumerLayersChanged", &["consumerId: string", "spatialLayer: number|null", "temporalLayer: number|null"]),
    ("activeSpeaker", &["peerId: string|null", "volume?: number"]),
];

const NEW_CONSUMER_L: Fields = &[
    "peerId: string",
    "producerId: string",
    "id: string",
    "kind: string",
    "rtpParameters.encodings[].scalabilityMode?: string",
    "type: string",
    "appData: object",
    "appData.share?: boolean",
    "producerPaused: boolean",
];

const NEW_DATA_CONSUMER_L: Fields = &[
    "peerId: string|null",
    "dataProducerId: string",
    "id: string",
    "sctpStreamParameters: object",
    "label: string",
    "protocol: string",
    "appData: object",
];

const RENAMED: Fields = &["peerId: string", "displayName: string", "oldDisplayName: string"];

const PRODUCER_SCORE: Fields = &[
    "producerId: string",
    "score[].encodingIdx: number",
    "score[].ssrc: number",
    "score[].rid?: string",
    "score[].score: number",
];

const CONSUMER_SCORE: Fields =
    &["consumerId: string", "score.score: number", "score.producerScore: number", "score.producerScores: array"];

const DOWNLINK: Fields = &["desiredBitrate: number", "effectiveDesiredBitrate: number", "availableBitrate: number"];

/// Other requests and notifications by method, as the newer app reads them.
const T_MESSAGES: &[(&str, Fields)] = &[
    ("newConsumer", NEW_CONSUMER_T),
    ("newDataConsumer", NEW_DATA_CONSUMER_T),
    ("mediasoupVersion", &["version: string"]),
    ("newPeer", NEW_PEER_T),
    (
        "consumerLayersChanged",
        &["consumerId: string", "layers?.spatialLayer: number", "layers?.temporalLayer: number|null"],
    ),
    ("activeSpeaker", &["peerId?: string|null"]),
    ("speakingPeers", &["peerVolumes: array", "peerVolumes[].peerId: string", "peerVolumes[].volume: number"]),
];

const NEW_CONSUMER_T: Fields = &[
    "peerId: string",
    "transportId: string",
    "consumerId: string",
    "producerId: string",
    "kind: string",
    "rtpParameters.encodings[].scalabilityMode?: string",
    "type: string",
    "producerPaused: boolean",
    "consumerScore.score: number",
    "consumerScore.producerScore: number",
    "consumerScore.producerScores: array",
    "appData.peerId: string",
    "appData.source: string",
];

const NEW_DATA_CONSUMER_T: Fields = &[
    "peerId?: string|null",
    "transportId: string",
    "dataConsumerId: string",
    "dataProducerId: string",
    "sctpStreamParameters: object",
    "label: string",
    "protocol: string",
    "appData.peerId?: string",
    "appData.channel: string",
];

const NEW_PEER_T: Fields =
    &["peer.peerId: string", "peer.displayName: string", "peer.device: object", "peer.remoteAddress: string"];

/// The problem with the field, if any.
fn problem(value: &Value, field: &str) -> Option<String> {
    let (path, kinds) = field.split_once(": ").expect("a field has a path and kinds");
    missing(Some(value), path, kinds).map(|found| format!("{field}, but found {found} in {value}"))
}

fn missing(value: Option<&Value>, path: &str, kinds: &str) -> Option<String> {
    let Some(value) = value else { return Some("nothing".into()) };
    if path.is_empty() {
        let is_fit = kinds.split('|').any(|kind| kind == kind_of(value));
        return (!is_fit).then(|| kind_of(value).to_owned());
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let Value::Array(elements) = value else { return Some(kind_of(value).to_owned()) };
        let rest = rest.trim_start_matches('.');
        return elements.iter().find_map(|element| missing(Some(element), rest, kinds));
    }
    let end = path.find(['.', '[', '?']).unwrap_or(path.len());
    let (key, rest) = path.split_at(end);
    let child = value.get(key);
    match rest.strip_prefix('?') {
        Some(_) if child.is_none() => None,
        Some(rest) => missing(child, rest.trim_start_matches('.'), kinds),
        None => missing(child, rest.trim_start_matches('.'), kinds),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Fields that a reader of one dialect does not find in the answers.
fn missing_in_answers(dialect: &str, table: &[(&str, Fields)]) -> Vec<String> {
    let mut problems = Vec::new();
    for message in client_messages::all() {
        let answers: Vec<&Value> = message
            .answers
            .iter()
            .filter(|answer| answer.dialects.contains(&dialect))
            .filter_map(|answer| answer.outcome.as_ref().ok())
            .collect();
        let fields = table.iter().find(|(method, _)| *method == message.method).map(|(_, fields)| fields);
        match (fields, answers.is_empty()) {
            (None, true) => {}
            (None, false) => problems.push(format!("{} is answered, but the reader has no row for it", message.method)),
            (Some(_), true) => problems.push(format!("{} is not answered", message.method)),
            (Some(fields), false) => {
                let found = answers.iter().flat_map(|answer| fields.iter().filter_map(|field| problem(answer, field)));
                problems.extend(found.map(|problem| format!("{}: {problem}", message.method)));
            }
        }
    }
    problems
}

fn missing_in_messages(tables: [&[(&str, Fields)]; 2]) -> Vec<String> {
    let messages = server_messages::all();
    let mut problems = Vec::new();
    for (method, fields) in tables.concat() {
        let of_method: Vec<_> = messages.iter().filter(|message| message.method() == method).collect();
        if of_method.is_empty() {
            problems.push(format!("{method} is never sent"));
        }
        for message in of_method {
            let found = fields.iter().filter_map(|field| problem(&message.frame["data"], field));
            problems.extend(found.map(|problem| format!("{method}: {problem}")));
        }
    }
    problems
}

#[test]
fn a_reader_of_the_older_dialect_finds_its_fields() {
    assert_eq!(missing_in_answers("L", L_ANSWERS), [""; 0]);
    assert_eq!(missing_in_messages([L_MESSAGES, COMMON_MESSAGES]), [""; 0]);
}

#[test]
fn a_reader_of_the_newer_dialect_finds_its_fields() {
    assert_eq!(missing_in_answers("T", T_ANSWERS), [""; 0]);
    assert_eq!(missing_in_messages([T_MESSAGES, COMMON_MESSAGES]), [""; 0]);
}

#[test]
fn every_server_message_is_known_to_a_reader_or_our_own() {
    let known: Vec<&str> =
        [L_MESSAGES, T_MESSAGES, COMMON_MESSAGES].concat().iter().map(|(method, _)| *method).collect();
    for message in server_messages::all() {
        assert!(known.contains(&message.method()) || OWN_MESSAGES.contains(&message.method()), "{}", message.method());
    }
}

/// The demo apps leave an unknown request unanswered, so there must be none.
#[test]
fn no_request_is_sent_that_a_reader_does_not_know() {
    for message in server_messages::all().iter().filter(|message| message.frame["request"] == true) {
        for table in [L_MESSAGES, T_MESSAGES] {
            assert!(
                table.iter().chain(COMMON_MESSAGES).any(|(method, _)| *method == message.method()),
                "{}",
                message.method()
            );
        }
    }
}

#[test]
fn screens_and_the_bot_are_marked_in_both_dialects() {
    let data_of = |about: &str| {
        let message = server_messages::all().into_iter().find(|message| message.about == about);
        message.map(|message| message.frame["data"].clone()).unwrap()
    };
    let marks = |about: &str| {
        let app_data = data_of(about)["appData"].clone();
        (app_data["share"].clone(), app_data["source"].clone())
    };
    assert_eq!(marks("camera"), (Value::Null, "video".into()));
    assert_eq!(marks("shared screen"), (true.into(), "screensharing".into()));
    let bot = data_of("the bot");
    assert!(bot["peerId"].is_null() && bot["appData"].get("peerId").is_none(), "{bot}");
    assert_eq!((&bot["label"], &bot["appData"]["channel"]), (&"bot".into(), &"bot".into()));
}

#[test]
fn readers_see_what_is_missing() {
    let value = serde_json::json!({ "a": { "b": [{ "c": 1 }, { "c": null }] }, "e": {} });
    for fit in ["a: object", "a.b[].c: number|null", "a.x?.y: string", "e.f?: string", "a.b: array"] {
        assert_eq!(problem(&value, fit), None, "{fit}");
    }
    for unfit in ["a.b[].c: number", "x: string", "a.b: object", "e.f: string", "a.b[].d: number", "e[].x: number"] {
        assert!(problem(&value, unfit).is_some(), "{unfit}");
    }
}

//! Random messages: honest ones with ids of any object, then changed in some places. Biased towards long lists, long texts, deep values,
//! wrong types, huge numbers, and ids of other participants. Pure: the same random numbers and ids give the same message.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use crate::variants::{deep, find_places};

/// Maximum length of a message in bytes, somewhat above the limit of a frame.
const MAX_MESSAGE_BYTES: usize = 100_000;

/// A random frame of a client.
pub(super) fn message(random: &mut StdRng, ids: &[String]) -> String {
    let (method, data) = honest(random, ids);
    let mut data = data;
    (0..random.random_range(0..4)).for_each(|_| mutate(random, &mut data, ids));
    let id: u32 = random.random_range(0..10_000_000);
    let mut frame = match random.random_range(0..20) {
        0..=13 => json!({ "request": true, "id": id, "method": method, "data": data }),
        14..=17 => json!({ "notification": true, "method": method, "data": data }),
        18 => json!({ "response": true, "id": id % 50, "ok": random.random::<bool>(), "data": data }),
        _ => json!({ "response": true, "id": id % 50, "errorCode": 403, "errorReason": "no" }),
    };
    if random.random_bool(0.05) {
        mutate(random, &mut frame, ids);
    }
    corrupted(random, frame.to_string())
}

/// A random call of the broadcaster API: method, path below the room, body.
pub(super) fn broadcast(random: &mut StdRng, ids: &[String]) -> (&'static str, String, String) {
    let (a, b, peer) = (id(random, ids), id(random, ids), peer(random));
    let base = format!("/broadcasters/{peer}");
    let (method, path, mut body) = match random.random_range(0..13) {
        0 => ("GET", String::new(), json!({})),
        1 | 2 => (
            "POST",
            "/broadcasters".into(),
            json!({ "peerId": peer, "displayName": "x", "device": { "name": "x", "flag": "ffmpeg" } }),
        ),
        3 => (
            "POST",
            "/broadcasters".into(),
            json!({ "id": peer, "displayName": "x", "device": { "name": "x" }, "rtpCapabilities": capabilities() }),
        ),
        4 => ("POST", format!("{base}/join"), json!({})),
        5 => (
            "POST",
            format!("{base}/transports"),
            json!({ "direction": direction(random), "comedia": random.random::<bool>(), "rtcpMux": true }),
        ),
        6 => {
            ("POST", format!("{base}/transports"), json!({ "type": if random.random() { "plain" } else { "webrtc" } }))
        }
        7 => (
            "POST",
            format!("{base}/transports/{a}/connect"),
            json!({ "ip": "203.0.113.9", "port": 9, "dtlsParameters": dtls() }),
        ),
        8 => (
            "POST",
            format!("{base}/producers"),
            json!({ "transportId": a, "kind": kind(random), "rtpParameters": rtp(random) }),
        ),
        9 => (
            "POST",
            format!("{base}/consumers"),
            json!({ "transportId": a, "producerId": b, "rtpCapabilities": capabilities() }),
        ),
        10 => ("POST", format!("{base}/transports/{a}/consume?producerId={b}"), json!({})),
        11 => (
            "POST",
            format!("{base}/transports/{a}/produce/data"),
            json!({ "label": "chat", "protocol": "", "sctpStreamParameters": sctp(random) }),
        ),
        _ => ("DELETE", base, json!({})),
    };
    (0..random.random_range(0..3)).for_each(|_| mutate(random, &mut body, ids));
    (method, path, corrupted(random, body.to_string()))
}

fn peer(random: &mut StdRng) -> &'static str {
    ["caster", "caster-2", "talker-0", "talker-1", "talker-3"][random.random_range(0..5)]
}

/// An id that the pod assigned to any object, or an unknown one.
fn id(random: &mut StdRng, ids: &[String]) -> String {
    match ids.len() {
        0 => "unknown".to_owned(),
        _ if random.random_bool(0.05) => "unknown".to_owned(),
        // Newer objects are more likely to exist.
        count => ids[count - 1 - random.random_range(0..count).min(random.random_range(0..count))].clone(),
    }
}

fn kind(random: &mut StdRng) -> &'static str {
    if random.random() { "video" } else { "audio" }
}

fn direction(random: &mut StdRng) -> &'static str {
    if random.random() { "producer" } else { "consumer" }
}

fn dtls() -> Value {
    json!({ "role": "client", "fingerprints": [{ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) }] })
}

fn sctp(random: &mut StdRng) -> Value {
    json!({ "streamId": random.random::<u16>(), "ordered": true, "maxRetransmits": 3 })
}

fn rtp(random: &mut StdRng) -> Value {
    let mode = ["L1T1", "L1T3", "L3T3_KEY", "S3T3", "L9T9", "L100T100"][random.random_range(0..6)];
    let encoding = |ssrc: u32| json!({ "ssrc": ssrc, "rtx": { "ssrc": ssrc / 2 }, "scalabilityMode": mode, "maxBitrate": 500_000 });
    let count = [1, 1, 2, 3, 3, 99, 100, 400][random.random_range(0..8)];
    let first: u32 = random.random_range(1..u32::MAX / 2);
    json!({
        "mid": random.random_range(0..100).to_string(),
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": { "x-google-start-bitrate": 1000 },
              "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": false, "parameters": {} }],
        "encodings": (first..first + count).map(encoding).collect::<Vec<_>>(),
        "rtcp": { "cname": "x", "reducedSize": true },
    })
}

fn capabilities() -> Value {
    json!({
        "codecs": [
            { "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [] },
            { "kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000, "parameters": {},
              "rtcpFeedback": [{ "type": "transport-cc", "parameter": "" }] },
            { "kind": "video", "mimeType": "video/rtx", "preferredPayloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [{ "kind": "video", "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "preferredId": 1, "preferredEncrypt": false, "direction": "sendrecv" }],
    })
}

fn honest(random: &mut StdRng, ids: &[String]) -> (&'static str, Value) {
    let (id, peer) = (id(random, ids), peer(random));
    if random.random_bool(0.6) { media(random, &id) } else { people(random, peer) }
}

fn media(random: &mut StdRng, id: &str) -> (&'static str, Value) {
    match random.random_range(0..16) {
        0 => (
            "createWebRtcTransport",
            json!({ "forceTcp": random.random::<bool>(), "appData": { "direction": direction(random) } }),
        ),
        1 => ("connectWebRtcTransport", json!({ "transportId": id, "dtlsParameters": dtls() })),
        2 => ("restartIce", json!({ "transportId": id })),
        3 | 4 => (
            "produce",
            json!({ "transportId": id, "kind": kind(random), "rtpParameters": rtp(random), "appData": { "source": kind(random) } }),
        ),
        5 => (
            "produceData",
            json!({ "transportId": id, "label": "chat", "protocol": "", "sctpStreamParameters": sctp(random) }),
        ),
        6 => ("closeProducer", json!({ "producerId": id })),
        7 => (if random.random() { "pauseProducer" } else { "resumeProducer" }, json!({ "producerId": id })),
        8 => (if random.random() { "pauseConsumer" } else { "resumeConsumer" }, json!({ "consumerId": id })),
        9 => ("requestConsumerKeyFrame", json!({ "consumerId": id })),
        10 => (
            "setConsumerPreferredLayers",
            json!({ "consumerId": id, "spatialLayer": random.random::<u8>(), "temporalLayer": 2 }),
        ),
        11 => ("setConsumerPriority", json!({ "consumerId": id, "priority": random.random::<u8>() })),
        12 => ("getTransportStats", json!({ "transportId": id })),
        13 => ("getProducerStats", json!({ "producerId": id })),
        14 => ("getDataConsumerStats", json!({ "dataConsumerId": id })),
        _ => ("getConsumerStats", json!({ "consumerId": id })),
    }
}

fn people(random: &mut StdRng, peer: &str) -> (&'static str, Value) {
    match random.random_range(0..20) {
        0 => (
            "join",
            json!({ "displayName": "x", "device": { "flag": "chrome", "name": "x" }, "rtpCapabilities": capabilities() }),
        ),
        1 => ("getRouterRtpCapabilities", json!({})),
        2 => ("getRtcStatsUrl", json!({})),
        3 => ("sendChatMessage", json!({ "text": "hello" })),
        4 => ("getChatHistory", json!({ "follow": true, "before": random.random::<u32>() })),
        5 => ("changeDisplayName", json!({ "displayName": "y" })),
        6 => ("raiseHand", json!({ "raised": true })),
        7 => ("sendReaction", json!({ "reaction": "like" })),
        8 => ("knock", json!({ "displayName": "z" })),
        9 => (if random.random() { "admitPeer" } else { "refusePeer" }, json!({ "peerId": peer })),
        10 => ("admitAll", json!({})),
        11 => ("setRoomLock", json!({ "locked": false })),
        12 => ("setRoomLobby", json!({ "enabled": false })),
        13 => ("muteParticipant", json!({ "peerId": peer, "source": "audio" })),
        14 => ("askToUnmute", json!({ "peerId": peer })),
        15 => ("removeParticipant", json!({ "peerId": peer })),
        16 => (
            "setPermissions",
            json!({ "peerId": peer, "publish": { "audio": random.random::<bool>() }, "publishData": true }),
        ),
        17 => ("setModerator", json!({ "peerId": peer, "moderator": random.random::<bool>() })),
        18 => ("setWatchedPeers", json!({ "peerIds": [peer, "unknown"] })),
        _ => ("applyNetworkThrottle", json!({ "secret": "x", "options": {} })),
    }
}

/// Changes one place of the value.
fn mutate(random: &mut StdRng, value: &mut Value, ids: &[String]) {
    let mut places = Vec::new();
    find_places(value, String::new(), &mut places);
    let place = &places[random.random_range(0..places.len())];
    let other = value.pointer(&places[random.random_range(0..places.len())]).cloned().unwrap_or_default();
    let Some(here) = value.pointer_mut(place) else { return };
    match random.random_range(0..8) {
        0 | 1 => lengthen(random, here),
        2 => drop(
            here.as_object_mut().and_then(|fields| fields.keys().next().cloned().and_then(|key| fields.remove(&key))),
        ),
        3 => *here = other,
        4 => *here = json!(id(random, ids)),
        5 => *here = deep(random.random_range(2..200)),
        _ => *here = odd(random),
    }
}

fn lengthen(random: &mut StdRng, value: &mut Value) {
    let longest = MAX_MESSAGE_BYTES / value.to_string().len().max(1) + 1;
    let factor = [2, 10, 33, 100, 300][random.random_range(0..5)].min(longest);
    match value {
        Value::Array(items) => *items = items.iter().cycle().take(items.len() * factor).cloned().collect(),
        Value::String(text) => *text = text.repeat(factor),
        Value::Object(fields) => add_keys(fields, factor),
        Value::Number(number) => *value = json!(number.as_f64().unwrap_or(1.0) * 1e9),
        Value::Null | Value::Bool(_) => *value = json!("x".repeat(factor * 20)),
    }
}

fn add_keys(fields: &mut Map<String, Value>, count: usize) {
    fields.extend((0..count).map(|number| (format!("x{number}"), json!(number))));
}

fn odd(random: &mut StdRng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(255),
        json!(256),
        json!(65_535),
        json!(65_536),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1.5),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}\u{1f600}"),
        json!([]),
        json!({}),
        json!("L9T9"),
        json!("L100T1"),
        json!("L1T100"),
        json!("audio/opus"),
        json!("video/rtx"),
        json!("video/AV1"),
        json!("urn:ietf:params:rtp-hdrext:sdes:mid"),
        json!("\u{1}".repeat(4096)),
    ];
    odd[random.random_range(0..odd.len())].clone()
}

/// Turns a few texts into invalid JSON or makes them far too long.
fn corrupted(random: &mut StdRng, mut text: String) -> String {
    if random.random_bool(0.02) {
        let at = text.floor_char_boundary(random.random_range(0..text.len()));
        text.truncate(at);
    } else if random.random_bool(0.01) {
        text = "[".repeat(random.random_range(1..50_000));
    }
    text.truncate(text.floor_char_boundary(MAX_MESSAGE_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn many(seed: u64) -> Vec<String> {
        let ids = ["transport-1".to_owned(), "producer-2".to_owned()];
        let mut random = StdRng::seed_from_u64(seed);
        (0..600).map(|_| message(&mut random, &ids)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_messages() {
        assert_eq!(many(7), many(7));
        assert_ne!(many(7), many(8));
    }

    #[test]
    fn most_messages_can_be_read_and_some_are_long_deep_or_of_others() {
        let messages = many(1);
        let read = |text: &String| serde_json::from_str::<Value>(text).is_ok();
        let count = |fits: &dyn Fn(&String) -> bool| messages.iter().filter(|text| fits(text)).count();
        assert!(count(&read) > 500);
        assert!(count(&|text| text.len() > 10_000) > 20);
        assert!(count(&|text| text.contains("[[[[[[[[")) > 20);
        assert!(count(&|text| text.contains("producer-2")) > 60);
        assert!(messages.iter().all(|text| text.len() <= MAX_MESSAGE_BYTES));
    }

    #[test]
    fn broadcasters_calls_are_random_too() {
        let mut random = StdRng::seed_from_u64(1);
        let paths: std::collections::HashSet<_> = (0..500).map(|_| broadcast(&mut random, &[]).1).collect();
        assert!(paths.len() > 15, "{paths:?}");
    }
}

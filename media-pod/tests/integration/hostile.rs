//! Invalid parameters, sent to a real worker. A failed assertion in its C++ code would end this process, and with it the test.

use crate::support::numbers::Numbers;
use crate::support::{Client, Pod};
use serde_json::{Value, json};

/// Hostile participants.
const ROUNDS: u64 = 150;

/// All positions in a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

fn mutate(value: &mut Value, numbers: &mut Numbers) {
    let mut all = Vec::new();
    places(value, "", &mut all);
    let place = numbers.of(&all).clone();
    let other: &String = numbers.of(&all);
    let copy = value.pointer(other).unwrap().clone();
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(255),
        json!(256),
        json!(65_536),
        json!(4_294_967_295_u64),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("x".repeat(5000)),
        json!("\u{0}"),
        json!([]),
        json!({}),
        json!("L9T9"),
        json!("audio/opus"),
        json!("video/rtx"),
        json!("urn:ietf:params:rtp-hdrext:sdes:mid"),
        copy,
    ];
    let target = value.pointer_mut(&place).unwrap();
    match numbers.below(4) {
        0 => drop(target.as_array_mut().map(|items| items.extend(items.clone()))),
        1 => {
            drop(
                target.as_object_mut().and_then(|fields| fields.keys().next().cloned().map(|key| fields.remove(&key))),
            );
        }
        _ => *target = numbers.of(&odd).clone(),
    }
}

fn video() -> Value {
    json!({
        "mid": "1",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": { "x-google-start-bitrate": 1000 },
              "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "pli" }, { "type": "transport-cc", "parameter": "" }] },
            { "mimeType": "video/rtx", "payloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [
            { "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": false, "parameters": {} },
            { "uri": "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "id": 2, "encrypt": false, "parameters": {} },
        ],
        "encodings": [
            { "rid": "r0", "scalabilityMode": "L1T3", "maxBitrate": 500_000, "dtx": false, "rtx": { "ssrc": 12 } },
            { "rid": "r1", "scalabilityMode": "L1T3", "maxBitrate": 1_000_000, "ssrc": 11 },
        ],
        "rtcp": { "cname": "x", "reducedSize": true },
    })
}

/// Sends invalid requests for one transport; each gets a response, success or error.
async fn try_everything(client: &mut Client, numbers: &mut Numbers) {
    let transport = client.transport("producer").await;
    let id = &transport["transportId"];
    for _ in 0..4 {
        let mut parameters = video();
        (0..=numbers.below(3)).for_each(|_| mutate(&mut parameters, numbers));
        let kind = if numbers.below(8) == 0 { "audio" } else { "video" };
        let produce = json!({ "transportId": id, "kind": kind, "rtpParameters": parameters });
        let _ = client.ask("produce", produce).await;
    }
    let mut stream = json!({ "streamId": 1, "ordered": true, "maxRetransmits": 3 });
    mutate(&mut stream, numbers);
    let _ = client.ask("produceData", json!({ "transportId": id, "label": "x", "sctpStreamParameters": stream })).await;
    let mut dtls = transport["dtlsParameters"].clone();
    mutate(&mut dtls, numbers);
    let _ = client.ask("connectWebRtcTransport", json!({ "transportId": id, "dtlsParameters": dtls })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameters_kill_the_worker() {
    let pod = Pod::start().await;
    let mut numbers = Numbers(7);
    let mut witness = Client::connect(&pod, "room", "witness").await;
    witness.transport("consumer").await;
    witness.join("Witness").await;
    let transport = witness.transport("producer").await;
    let produce = json!({ "transportId": transport["transportId"], "kind": "video", "rtpParameters": video() });
    witness.ask("produce", produce).await.unwrap();
    let witness = tokio::spawn(async move { witness.drain_until_closed().await });
    let mut produced = 0;
    for round in 0..ROUNDS {
        let mut client = Client::connect(&pod, "room", &format!("eve-{round}")).await;
        let mut capabilities =
            client.ask("getRouterRtpCapabilities", json!({})).await.unwrap()["routerRtpCapabilities"].clone();
        (0..=numbers.below(4)).for_each(|_| mutate(&mut capabilities, &mut numbers));
        client.transport("consumer").await;
        let join = json!({ "displayName": "Eve", "rtpCapabilities": capabilities });
        // Values out of bounds are refused by the parser.
        if let Err((code, _)) = client.ask("join", join).await {
            assert_eq!(code, 400);
            client.join("Eve").await;
        }
        try_everything(&mut client, &mut numbers).await;
        produced += pod.stats().await["producers"].as_u64().unwrap();
    }
    assert!(produced > ROUNDS, "some of it must get as far as the worker");
    let stats = pod.until_stats("the witness alone", |stats| stats["participants"] == 1).await;
    assert_eq!((&stats["workers"], &stats["producers"]), (&json!(1), &json!(1)));
    assert!(!witness.is_finished(), "other participants are not affected");
    let (_, metrics) = pod.get("/metrics").await;
    assert!(metrics.contains("convene_media_worker_deaths_total 0"));
}

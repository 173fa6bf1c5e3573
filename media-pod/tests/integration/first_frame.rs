//! The key frame that a sender starts with reaches a receiver that was ready before it.

use std::time::{Duration, Instant};

use crate::support::audio::{SSRC, arrived, connect, produce_audio, receive};
use crate::support::film::{VP8, frame};
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod, TIMEOUT};
use serde_json::{Value, json};

const LAYERS: [u32; 3] = [2001, 2002, 2003];

/// A sender of simulcast whose streams have just begun has no measured bitrate, so the worker could not choose a layer and dropped the key
/// frames. The next ones were requested about 400 ms later.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_that_arrives_is_the_first_that_was_sent() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    let mut bob = Client::connect(&pod, "room", "bob").await;
    let transport = ada.transport("consumer").await;
    let viewer = Peer::start(&transport, Role::Receive);
    connect(&mut ada, &transport, &viewer).await;
    ada.join("Ada").await;
    bob.join("Bob").await;
    let transport = bob.transport("producer").await;
    let camera = Peer::start(&transport, Role::Send(SSRC));
    produce_audio(&mut bob, &transport, &camera).await;
    receive(&mut ada, &viewer).await;
    arrived(&viewer, 1);

    bob.ask("produce", video(&transport)).await.unwrap();
    let offer = receive(&mut ada, &viewer).await;
    assert_eq!(offer["data"]["rtpParameters"]["codecs"][0]["payloadType"], VP8);
    // Its response follows the resumption of the consumer.
    ada.ask("getConsumerStats", json!({ "consumerId": offer["data"]["consumerId"] })).await.unwrap();
    camera.film(LAYERS);
    assert_eq!(first_frame(&viewer), (0, true), "the first frame that arrives is the first key frame");

    // Browsers ignore the second of two requests in a row. It used to be repeated after a second, which is 50 frames. On a busy machine each
    // of the programs may pause for many frames; a repetition that is late is late every time.
    let consumer = json!({ "consumerId": offer["data"]["consumerId"] });
    let mut distances = Vec::new();
    while !distances.iter().any(|distance| *distance < 40) {
        assert!(distances.len() < 5, "frames from one key frame to the next: {distances:?}");
        ada.ask("requestConsumerKeyFrame", consumer.clone()).await.unwrap();
        let first = next_key_frame(&viewer);
        ada.ask("requestConsumerKeyFrame", consumer.clone()).await.unwrap();
        distances.push(next_key_frame(&viewer) - first);
    }
}

fn video(transport: &Value) -> Value {
    let feedback = json!([{ "type": "nack" }, { "type": "nack", "parameter": "pli" }, { "type": "transport-cc" }]);
    let codec = json!({ "mimeType": "video/VP8", "payloadType": VP8, "clockRate": 90000, "parameters": {}, "rtcpFeedback": feedback });
    json!({
        "transportId": transport["transportId"], "kind": "video", "appData": { "source": "video" },
        "rtpParameters": {
            "mid": "1", "codecs": [codec], "headerExtensions": [], "encodings": LAYERS.map(|ssrc| json!({ "ssrc": ssrc })),
            "rtcp": { "cname": "camera", "reducedSize": true },
        },
    })
}

fn next_key_frame(viewer: &Peer) -> u16 {
    loop {
        if let (number, true) = first_frame(viewer) {
            return number;
        }
    }
}

fn first_frame(viewer: &Peer) -> (u16, bool) {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        let payload = viewer.received.recv_timeout(Duration::from_secs(15)).expect("packets arrive");
        if let Some(found) = frame(&payload) {
            return found;
        }
    }
    panic!("no frame arrived")
}

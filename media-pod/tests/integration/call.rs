//! A call between two peers of another WebRTC implementation through a real worker: DTLS handshake, SRTP in both directions, and no leaks.
//! A worker that was built wrongly creates transports without errors and dies at the first DTLS `ClientHello`; this test finds that.

use std::time::Duration;

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn media_flows_and_nothing_leaks() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "team/standup", "ada").await;
    assert!(ada.hear("mediasoupVersion").await["data"]["version"].is_string());
    let mut bob = Client::connect(&pod, "team/standup", "bob").await;
    ada.join("Ada").await;

    let transport = bob.transport("consumer").await;
    let receiver = Peer::start(&transport, Role::Receive);
    connect(&mut bob, &transport, &receiver).await;
    let joined = bob.join("Bob").await;
    assert_eq!(joined["peers"][0]["displayName"], "Ada");
    assert_eq!(ada.hear("newPeer").await["data"]["peer"]["displayName"], "Bob");

    let (_sender, producer) = send_audio(&mut ada).await;
    let offer = receive(&mut bob, &receiver).await;
    assert_eq!((&offer["data"]["peerId"], &offer["data"]["producerId"]), (&json!("ada"), &json!(producer)));
    let packets = arrived(&receiver, 20);
    assert!(packets.iter().all(|packet| packet.starts_with("packet ")), "{packets:?}");

    let stats = pod.stats().await;
    for (what, count) in
        [("rooms", 1), ("routers", 1), ("transports", 2), ("producers", 1), ("consumers", 1), ("participants", 2)]
    {
        assert_eq!(stats[what], count, "{what} in {stats}");
    }
    let consumer = json!({ "consumerId": offer["data"]["consumerId"] });
    let statistics = bob.ask("getConsumerStats", consumer).await.unwrap();
    assert!(statistics["stats"].as_array().is_some_and(|stats| !stats.is_empty()), "{statistics}");

    bob.ask("restartIce", json!({ "transportId": transport["transportId"] })).await.unwrap();
    arrived(&receiver, 5);

    ada.tell("closeProducer", json!({ "producerId": producer })).await;
    assert_eq!(bob.hear("consumerClosed").await["data"]["consumerId"], offer["data"]["consumerId"]);
    drop(ada);
    assert_eq!(bob.hear("peerClosed").await["data"]["peerId"], "ada");
    drop(bob);
    pod.until_stats("emptiness", |stats| {
        ["transports", "producers", "consumers", "participants", "connections"].iter().all(|what| stats[what] == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_producer_sends_nothing_until_it_is_resumed() {
    let pod = Pod::start().await;
    let (mut ada, mut bob) = (Client::connect(&pod, "room", "ada").await, Client::connect(&pod, "room", "bob").await);
    ada.join("Ada").await;
    let transport = bob.transport("consumer").await;
    let receiver = Peer::start(&transport, Role::Receive);
    connect(&mut bob, &transport, &receiver).await;
    bob.join("Bob").await;
    let (_sender, producer) = send_audio(&mut ada).await;
    receive(&mut bob, &receiver).await;
    arrived(&receiver, 3);

    ada.ask("pauseProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerPaused").await;
    while receiver.received.recv_timeout(Duration::from_millis(300)).is_ok() {}
    ada.ask("resumeProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerResumed").await;
    arrived(&receiver, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_reaches_the_others_and_the_bot_answers_all() {
    let pod = Pod::start().await;
    let (mut ada, mut bob) = (Client::connect(&pod, "room", "ada").await, Client::connect(&pod, "room", "bob").await);
    let sending = ada.transport("producer").await;
    let speaker = Peer::start(&sending, Role::Receive);
    connect(&mut ada, &sending, &speaker).await;
    ada.join("Ada").await;
    let receiving = bob.transport("consumer").await;
    let listener = Peer::start(&receiving, Role::Receive);
    connect(&mut bob, &receiving, &listener).await;
    bob.join("Bob").await;
    let bot = bob.hear("newDataConsumer").await;
    assert_eq!((&bot["data"]["peerId"], &bot["data"]["label"]), (&json!(null), &json!("bot")));
    listener.open(stream_of(&bot));
    bob.accept(&bot).await;
    listener.until_open();

    for (stream, channel) in [(0, "chat"), (1, "bot")] {
        let data = json!({
            "transportId": sending["transportId"], "label": channel, "protocol": "", "appData": { "channel": channel },
            "sctpStreamParameters": { "streamId": stream, "ordered": true },
        });
        let answer = ada.ask("produceData", data).await.unwrap();
        assert_eq!(answer["id"], answer["dataProducerId"]);
        speaker.open(stream);
    }
    let chat = bob.hear("newDataConsumer").await;
    assert_eq!(chat["data"]["appData"], json!({ "peerId": "ada", "channel": "chat" }));
    listener.open(stream_of(&chat));
    bob.accept(&chat).await;
    listener.until_open();

    speaker.say(0, "hello");
    assert_eq!(heard(&listener), "hello");
    speaker.say(1, "who is there?");
    assert_eq!(heard(&listener), "Ada told me: \"who is there?\"");

    let stats = bob.ask("getDataConsumerStats", json!({ "dataConsumerId": chat["data"]["id"] })).await.unwrap();
    assert_eq!(stats["stats"][0]["messagesSent"], 1, "{stats}");
    drop(ada);
    assert_eq!(bob.hear("dataConsumerClosed").await["data"]["dataConsumerId"], chat["data"]["dataConsumerId"]);
    drop(bob);
    pod.until_stats("emptiness", |stats| stats["dataProducers"] == 0 && stats["dataConsumers"] == 0).await;
}

fn stream_of(offer: &Value) -> u16 {
    u16::try_from(offer["data"]["sctpStreamParameters"]["streamId"].as_u64().unwrap()).unwrap()
}

fn heard(peer: &Peer) -> String {
    peer.heard.recv_timeout(Duration::from_secs(15)).expect("a message arrives")
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_the_worker_refuses_are_answered_without_side_effects() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    ada.join("Ada").await;
    let transport = ada.transport("producer").await;
    let produce = |parameters: Value| json!({ "transportId": transport["transportId"], "kind": "audio", "rtpParameters": parameters });
    let nonsense = [json!({}), json!({ "codecs": [] }), json!([]), json!({ "codecs": [{ "mimeType": "audio/opus" }] })];
    for parameters in nonsense {
        let (code, reason) = ada.ask("produce", produce(parameters.clone())).await.unwrap_err();
        assert_eq!(code, 400, "{parameters}: {reason}");
    }
    let unsupported = json!({
        "codecs": [{ "mimeType": "audio/opus", "payloadType": 96, "clockRate": 12345, "channels": 2, "parameters": {}, "rtcpFeedback": [] }],
        "headerExtensions": [], "encodings": [{ "ssrc": 5 }], "rtcp": { "reducedSize": true },
    });
    assert_eq!(ada.ask("produce", produce(unsupported)).await.unwrap_err().0, 400);
    let connect = json!({ "transportId": transport["transportId"], "dtlsParameters": { "fingerprints": "none" } });
    assert_eq!(ada.ask("connectWebRtcTransport", connect).await.unwrap_err().0, 400);
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let connect =
        json!({ "transportId": transport["transportId"], "dtlsParameters": { "fingerprints": [fingerprint] } });
    assert_eq!(ada.ask("connectWebRtcTransport", connect.clone()).await, Ok(json!({})));
    let (code, reason) = ada.ask("connectWebRtcTransport", connect).await.unwrap_err();
    assert!(code == 400 && reason.contains("connect"), "a second time: {code} {reason}");
    let (_sender, producer) = send_audio(&mut ada).await;
    assert!(!producer.is_empty());
}

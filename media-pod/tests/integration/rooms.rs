//! Rooms on several workers, rooms whose worker ends, and leaks after a thousand hostile sequences.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::numbers::Numbers;
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod, TIMEOUT};
use convene_media_pod::actor::media::settings::MediaSettings;
use convene_media_pod::room::End;
use convene_media_pod::rooms::defaults::RoomDefaults;
use convene_media_pod::rooms::key::RoomKey;
use serde_json::{Value, json};

/// A receiver that has joined.
async fn receiver(pod: &Pod, path: &str, name: &str) -> (Client, Peer) {
    let mut client = Client::try_open(pod, path, None).await.ok().unwrap();
    let transport = client.transport("consumer").await;
    let peer = Peer::start(&transport, Role::Receive);
    connect(&mut client, &transport, &peer).await;
    client.join(name).await;
    (client, peer)
}

fn loads(stats: &Value) -> Vec<u64> {
    let workers = stats["workerList"].as_array().unwrap();
    workers.iter().map(|worker| worker["consumers"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_and_receivers_on_different_workers_are_connected() {
    let pod = Pod::start_set(2, 16, RoomDefaults::default()).await;
    let path = |peer: &str| format!("/signal/room?peerId={peer}&usePipeTransports=true");
    let mut ada = Client::try_open(&pod, &path("ada"), None).await.ok().unwrap();
    ada.join("Ada").await;
    let (_sender, producer) = send_audio(&mut ada).await;
    let (mut bob, listener) = receiver(&pod, &path("bob"), "Bob").await;
    let bot = bob.hear("newDataConsumer").await;
    assert_eq!(bot["data"]["peerId"], json!(null), "the bot reaches the other worker too");
    let offer = receive(&mut bob, &listener).await;
    assert_eq!(offer["data"]["producerId"], json!(producer));
    arrived(&listener, 10);
    assert_eq!(loads(&pod.stats().await), [0, 1], "the consumer is on the receivers' worker");
    ada.ask("pauseProducer", json!({ "producerId": producer })).await.unwrap();
    while listener.received.recv_timeout(Duration::from_millis(300)).is_ok() {}
    ada.ask("resumeProducer", json!({ "producerId": producer })).await.unwrap();
    arrived(&listener, 5);
    ada.ask("closeProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerClosed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_with_one_worker_are_refused_for_good() {
    let pod = Pod::start_set(1, 16, RoomDefaults::default()).await;
    let path = "/signal/room?peerId=ada&usePipeTransports=true";
    let mut refused = Client::try_open(&pod, path, None).await.ok().unwrap();
    assert_eq!(refused.closed().await, (4000, "usePipeTransports needs two media workers".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_too_large_for_a_worker_extends_to_the_next() {
    let media = MediaSettings { consumers_per_worker: 1, ..MediaSettings::default() };
    let pod = Pod::start_set(2, 16, RoomDefaults { media, ..RoomDefaults::default() }).await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    ada.join("Ada").await;
    let (_sender, _) = send_audio(&mut ada).await;
    let mut listeners = Vec::new();
    for name in ["bob", "eve"] {
        let (mut client, peer) = receiver(&pod, &format!("/signal/room?peerId={name}"), name).await;
        receive(&mut client, &peer).await;
        listeners.push((client, peer));
    }
    assert_eq!(loads(&pod.stats().await), [1, 1]);
    for (_, peer) in &listeners {
        arrived(peer, 10);
    }
    // Audio levels are measured on the first router, whatever router a sender is on.
    let (mut zoe, _) = receiver(&pod, "/signal/room?peerId=zoe", "Zoe").await;
    let (_second, _) = send_audio(&mut zoe).await;
    ada.hear("newPeer").await;
    let stats = pod.stats().await;
    assert_eq!((&stats["rooms"], &stats["producers"]), (&json!(1), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_affects_only_its_rooms_which_continue_elsewhere() {
    let pod = Pod::start_with(None, 2).await;
    let (mut ada, mut bob) = (Client::connect(&pod, "one", "ada").await, Client::connect(&pod, "two", "bob").await);
    for (client, name) in [(&mut ada, "Ada"), (&mut bob, "Bob")] {
        client.transport("producer").await;
        client.join(name).await;
    }
    assert!(pod.state.workers.retire(0));
    assert_eq!(ada.closed().await, (1012, "the media worker ended: please reconnect".into()));
    let mut ada = Client::connect(&pod, "one", "ada").await;
    ada.join("Ada").await;
    ada.transport("producer").await;
    bob.ask("changeDisplayName", json!({ "displayName": "Still Bob" })).await.unwrap();
    let stats = pod.until_stats("a new worker", |stats| stats["workers"] == 2).await;
    assert_eq!((&stats["rooms"], &stats["participants"]), (&json!(2), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_counted_and_peers_are_listed() {
    let media = MediaSettings { sample_interval: Duration::from_millis(100), ..MediaSettings::default() };
    let pod = Pod::start_set(1, 0, RoomDefaults { media, ..RoomDefaults::default() }).await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    ada.join("Ada").await;
    let (_sender, _) = send_audio(&mut ada).await;
    let (mut bob, listener) = receiver(&pod, "/signal/room?peerId=bob", "Bob").await;
    receive(&mut bob, &listener).await;
    arrived(&listener, 20);
    let is_counted = |metrics: &str, line: &str| {
        let value = metrics.lines().find_map(|shown| shown.strip_prefix(line));
        value.is_some_and(|value| value.trim().parse::<f64>().unwrap() > 0.0)
    };
    let wanted = [
        "convene_media_packets_total{direction=\"in\",kind=\"audio\"}",
        "convene_media_packets_total{direction=\"out\",kind=\"audio\"}",
        "convene_media_bytes_total{direction=\"in\"}",
        "convene_media_bytes_total{direction=\"out\"}",
        "convene_media_score_count{direction=\"in\",kind=\"audio\"}",
        "convene_media_join_seconds_count{stage=\"joined\"}",
        "convene_media_join_seconds_count{stage=\"media\"}",
    ];
    for line in wanted {
        pod.until("metrics", |metrics| is_counted(metrics, line), line).await;
    }
    let stats = pod.stats().await;
    assert!(stats["memoryBytes"].as_u64().unwrap() > 1_000_000 && stats["workerList"][0]["cpuSeconds"].is_number());
    let room = &stats["roomList"][0];
    assert_eq!((&room["name"], &room["participants"], &room["producers"]), (&json!("room"), &json!(2), &json!(1)));
    let peers: Vec<_> =
        room["peers"].as_array().unwrap().iter().map(|peer| (&peer["peerId"], &peer["consumers"])).collect();
    assert_eq!(peers, [(&json!("ada"), &json!(0)), (&json!("bob"), &json!(1))]);
}

fn video(transport: &Value, ssrc: u64) -> Value {
    json!({
        "transportId": transport["transportId"], "kind": "video",
        "rtpParameters": {
            "mid": ssrc.to_string(),
            "codecs": [{ "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [] }],
            "headerExtensions": [], "encodings": [{ "ssrc": ssrc }], "rtcp": { "cname": "x", "reducedSize": true },
        },
    })
}

/// A client connects, sends requests in random order, many of them invalid, and leaves in one of several ways.
async fn misbehave(pod: &Pod, number: u32, numbers: &mut Numbers) -> Option<Client> {
    let mut client = Client::connect(pod, "room", &format!("peer-{number}")).await;
    let mut transport = json!({ "transportId": "none" });
    for _ in 0..numbers.below(8) {
        let _ = match numbers.below(9) {
            0 | 1 => {
                let direction = if numbers.below(2) == 0 { "producer" } else { "consumer" };
                let data = json!({ "appData": { "direction": direction } });
                let made = client.ask("createWebRtcTransport", data).await;
                made.map(|made| transport = made)
            }
            2 | 3 => {
                client.ask("join", json!({ "displayName": "Eve", "rtpCapabilities": { "codecs": [] } })).await.map(drop)
            }
            4 | 5 => client.ask("produce", video(&transport, 1 + numbers.below(5))).await.map(drop),
            6 => client.ask("sendChatMessage", json!({ "text": "hi" })).await.map(drop),
            7 => {
                let data = json!({ "transportId": transport["transportId"], "label": "chat", "sctpStreamParameters": { "streamId": numbers.below(9) } });
                client.ask("produceData", data).await.map(drop)
            }
            _ => client.ask("restartIce", json!({ "transportId": transport["transportId"] })).await.map(drop),
        };
    }
    match numbers.below(3) {
        // Disconnected without a close frame, disconnected within a frame, or idle and then disconnected.
        0 => drop(client),
        1 => client.send_raw(&[0x81, 0x85, 1, 2]).await,
        _ => return Some(client),
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_thousand_sequences_nothing_leaks_in_the_worker() {
    let pod = Pod::start().await;
    let fresh = pod.state.workers.dumps().await;
    let mut keeper = Client::connect(&pod, "room", "keeper").await;
    keeper.transport("consumer").await;
    keeper.join("Keeper").await;
    // A client that does not read would count as disconnected.
    let keeper = tokio::spawn(async move { keeper.drain_until_closed().await });
    let mut numbers = Numbers(42);
    let mut abandoned = VecDeque::new();
    for number in 0..1000 {
        abandoned.extend(misbehave(&pod, number, &mut numbers).await);
        if abandoned.len() > 20 {
            abandoned.pop_front();
        }
    }
    drop(abandoned);
    let left = pod
        .until_stats("the keeper alone", |stats| {
            stats["connections"] == 1 && stats["transports"] == 1 && stats["participants"] == 1
        })
        .await;
    for (what, count) in [("producers", 0), ("consumers", 0), ("dataProducers", 0), ("participants", 1)] {
        assert_eq!(left[what], count, "{what} in {left}");
    }
    let key = RoomKey { namespace: String::new(), name: "room".into() };
    assert!(pod.state.rooms.end(&key, None, End::Over).await);
    assert_eq!(keeper.await.unwrap(), (4000, "meeting ended".into()));
    pod.until_stats("no room", |stats| stats["rooms"] == 0 && stats["transports"] == 0).await;
    let handlers = |dumps: &[mediasoup::worker::WorkerDump]| {
        let handlers = &dumps[0].channel_message_handlers;
        (
            dumps[0].router_ids.len(),
            handlers.channel_request_handlers.len(),
            handlers.channel_notification_handlers.len(),
        )
    };
    // The worker releases its objects asynchronously, a moment later.
    let (start, fresh) = (Instant::now(), handlers(&fresh));
    while handlers(&pod.state.workers.dumps().await) != fresh {
        assert!(start.elapsed() < TIMEOUT, "left in the worker: {:?}", handlers(&pod.state.workers.dumps().await));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

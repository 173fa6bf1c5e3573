//! Prepared connections with a real worker: media is connected before the join, and nothing is left of those that never join.

use std::time::{Duration, Instant};

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod, TIMEOUT};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Prepared pages that are left without joining.
const LEFT: usize = 200;

async fn open(pod: &Pod, peer: &str, session: &str) -> (Client, Value) {
    let path = format!("/signal/team/standup?peerId={peer}&{session}&prepare=1");
    let mut client = Client::try_open(pod, &path, None).await.unwrap();
    let greeting = client.hear("session").await["data"].clone();
    (client, greeting)
}

async fn prepared(pod: &Pod, peer: &str) -> Client {
    let (client, greeting) = open(pod, peer, "session=new").await;
    assert_eq!(greeting["prepared"], true);
    client
}

/// Objects of the worker that receive messages: routers, transports and everything on them.
async fn handlers(pod: &Pod) -> (usize, usize) {
    let dumps = pod.state.workers.dumps().await;
    let handlers = &dumps[0].channel_message_handlers;
    (handlers.channel_request_handlers.len(), handlers.channel_notification_handlers.len())
}

/// Waits until a transport has completed ICE and DTLS.
async fn until_connected(client: &mut Client, transport: &Value) {
    let asked = json!({ "transportId": transport["transportId"] });
    let start = Instant::now();
    loop {
        let answer = client.ask("getTransportStats", asked.clone()).await.unwrap();
        let stats = &answer["stats"][0];
        if stats["dtlsState"] == "connected" {
            return;
        }
        assert!(start.elapsed() < TIMEOUT, "the transport does not connect: {stats}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_connected_before_the_join_and_flows_after_it() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "team/standup", "ada").await;
    ada.join("Ada").await;
    let (_sender, producer) = send_audio(&mut ada).await;

    let mut bob = prepared(&pod, "bob").await;
    let capabilities = bob.ask("getRouterRtpCapabilities", json!({})).await.unwrap();
    let (receiving, sending) = (bob.transport("consumer").await, bob.transport("producer").await);
    let (receiver, sender) = (Peer::start(&receiving, Role::Receive), Peer::start(&sending, Role::Receive));
    connect(&mut bob, &receiving, &receiver).await;
    connect(&mut bob, &sending, &sender).await;
    // A data channel that was never announced: this is how browsers connect a transport without media.
    for peer in [&receiver, &sender] {
        peer.open(1000);
        peer.until_open();
    }
    until_connected(&mut bob, &receiving).await;
    until_connected(&mut bob, &sending).await;
    let stats = pod.stats().await;
    assert_eq!((&stats["participants"], &stats["prepared"], &stats["transports"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(bob.unexpected(), ["mediasoupVersion"]);
    pod.until("metrics", |text| text.contains("convene_media_prepared_connections 1"), "the gauge").await;

    let join = json!({
        "displayName": "Bob", "device": { "flag": "unknown", "name": "test" },
        "rtpCapabilities": capabilities["routerRtpCapabilities"],
    });
    let joined = bob.ask("join", join).await.unwrap();
    assert_eq!(joined["peers"][0]["displayName"], "Ada");
    let offer = receive(&mut bob, &receiver).await;
    assert_eq!(offer["data"]["producerId"], json!(producer));
    arrived(&receiver, 20);
    let bot = bob.hear("newDataConsumer").await;
    let stream = bot["data"]["sctpStreamParameters"]["streamId"].as_u64().unwrap();
    receiver.open(u16::try_from(stream).unwrap());
    bob.accept(&bot).await;
    receiver.until_open();
    let data = json!({
        "transportId": sending["transportId"], "label": "bot", "protocol": "", "appData": { "channel": "bot" },
        "sctpStreamParameters": { "streamId": 0, "ordered": true },
    });
    bob.ask("produceData", data).await.unwrap();
    sender.open(0);
    sender.say(0, "who is there?");
    let answer = receiver.heard.recv_timeout(Duration::from_secs(15)).unwrap();
    assert_eq!(answer, "Bob told me: \"who is there?\"");
    let stats = pod.stats().await;
    assert_eq!((&stats["participants"], &stats["prepared"], &stats["transports"]), (&json!(2), &json!(0), &json!(3)));
    bob.leave().await;
    assert_eq!(ada.hear("peerClosed").await["data"]["peerId"], "bob");
    pod.until_stats("bob's end", |stats| stats["transports"] == 1).await;
}

/// Stays until it is closed or told to leave; a client that answers no pings would be dropped after a while. Returns how it was closed.
async fn stay(mut client: Client, mut leave: watch::Receiver<bool>) -> Option<(u16, String)> {
    tokio::select! {
        closed = client.drain_until_closed() => return Some(closed),
        _ = leave.changed() => {}
    }
    client.leave().await;
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_those_that_never_join() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "team/standup", "ada").await;
    ada.join("Ada").await;
    ada.transport("consumer").await;
    // The channel of the bot is offered after the answer.
    pod.until_stats("the bot's channel", |stats| stats["roomList"][0]["dataConsumers"] == 1).await;
    let before = handlers(&pod).await;
    let (mut left, (leave, leaves)) = (Vec::new(), watch::channel(false));
    for number in 0..LEFT {
        let mut client = prepared(&pod, &format!("page-{number}")).await;
        client.transport("producer").await;
        client.transport("consumer").await;
        left.push(tokio::spawn(stay(client, leaves.clone())));
        ada.ask("getRtcStatsUrl", json!({})).await.unwrap();
    }
    assert_eq!(pod.stats().await["transports"], 1 + 2 * LEFT);
    let mut next = prepared(&pod, "one-more").await;
    let oldest = left.remove(0).await.unwrap();
    assert_eq!(oldest, Some((1012, "this connection is no longer prepared".into())));
    next.transport("producer").await;
    left.push(tokio::spawn(stay(next, leaves)));
    leave.send(true).unwrap();
    for client in left {
        assert_eq!(client.await.unwrap(), None, "it was not closed");
    }
    let is_alone = |stats: &Value| stats["prepared"] == 0 && stats["connections"] == 1 && stats["transports"] == 1;
    pod.until_stats("their end", is_alone).await;
    // The worker releases its objects asynchronously, a moment later.
    let start = Instant::now();
    while handlers(&pod).await != before {
        assert!(start.elapsed() < TIMEOUT, "left in the worker: {:?} instead of {before:?}", handlers(&pod).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!ada.unexpected().contains(&"newPeer"));
}

#[tokio::test]
async fn a_resumed_session_is_prepared_until_it_has_joined() {
    let pod = Pod::start().await;
    let (mut first, greeting) = open(&pod, "first", "session=new").await;
    let id = greeting["id"].as_str().unwrap().to_owned();
    let transport = first.transport("producer").await;
    let resume = |client: &Client| format!("session={id}&received={}", client.received());
    let query = resume(&first);
    drop(first);
    let (mut second, greeting) = open(&pod, "first", &query).await;
    assert_eq!((&greeting["resumed"], &greeting["prepared"]), (&json!(true), &json!(true)));
    second.ask("getTransportStats", json!({ "transportId": transport["transportId"] })).await.unwrap();
    assert_eq!(second.ask("sendChatMessage", json!({ "text": "hello" })).await, Err((403, "join first".into())));
    second.join("First").await;
    let query = resume(&second);
    drop(second);
    let (mut third, greeting) = open(&pod, "first", &query).await;
    assert_eq!((&greeting["resumed"], &greeting["prepared"]), (&json!(true), &json!(false)));
    third.ask("sendChatMessage", json!({ "text": "hello" })).await.unwrap();
}

#[tokio::test]
async fn only_a_client_with_a_session_of_the_own_address_form_prepares() {
    let pod = Pod::start().await;
    for path in ["/signal/room?peerId=ada&prepare=1", "/?roomId=room&peerId=ada&session=new&prepare=1"] {
        let mut client = Client::try_open(&pod, path, None).await.unwrap();
        client.join("Ada").await;
        assert_eq!(client.ask("getChatHistory", json!({})).await.map(drop), Ok(()), "{path}");
        assert_eq!(pod.stats().await["prepared"], 0, "{path}");
    }
    let mut bob = Client::try_open(&pod, "/signal/room?peerId=bob&session=new", None).await.unwrap();
    assert_eq!(bob.hear("session").await["data"]["prepared"], false);
    bob.hear("permissions").await;
}

#[tokio::test]
async fn a_pod_that_begins_to_drain_closes_prepared_connections() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "team/standup", "ada").await;
    ada.join("Ada").await;
    let mut bob = prepared(&pod, "bob").await;
    let (status, _) = pod.http("PUT", "/admin/v1/drain", &crate::support::admin_token()).await;
    assert_eq!(status, 204);
    assert_eq!(bob.closed().await, (1012, "this connection is no longer prepared".into()));
    ada.ask("getChatHistory", json!({})).await.unwrap();
}

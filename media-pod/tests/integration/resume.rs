//! Signaling sessions that survive their sockets: real WebSockets, a real worker.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Client, Pod};
use convene_media_pod::rooms::key::RoomKey;
use convene_media_pod::signaling::sessions::Sessions;
use serde_json::{Value, json};

async fn open(pod: &Pod, peer: &str, session: &str) -> (Client, Value) {
    let path = format!("/signal/team/standup?peerId={peer}&{session}");
    let mut client = Client::try_open(pod, &path, None).await.unwrap();
    let greeting = client.hear("session").await["data"].clone();
    (client, greeting)
}

/// A client that joined with a session, the session's id, and a second client.
async fn two(pod: &Pod) -> (Client, String, Client) {
    let (mut first, greeting) = open(pod, "first", "session=new").await;
    assert_eq!((&greeting["resumed"], &greeting["received"]), (&json!(false), &json!(0)));
    first.join("First").await;
    let mut other = Client::connect(pod, "team/standup", "other").await;
    other.join("Other").await;
    first.hear("newPeer").await;
    (first, greeting["id"].as_str().unwrap().to_owned(), other)
}

#[tokio::test]
async fn an_interrupted_client_resumes_and_gets_missed_messages_once_and_in_order() {
    let pod = Pod::start().await;
    let (first, id, mut other) = two(&pod).await;
    let had = first.received();
    drop(first);
    for name in ["One", "Two", "Three"] {
        other.ask("changeDisplayName", json!({ "displayName": name })).await.unwrap();
    }
    let (mut first, greeting) = open(&pod, "first", &format!("session={id}&received={had}")).await;
    assert_eq!((&greeting["resumed"], &greeting["received"]), (&json!(true), &json!(2)), "two requests were taken");
    for name in ["One", "Two", "Three"] {
        let change = first.until(|message| message["method"] == "peerDisplayNameChanged").await;
        assert_eq!(change["data"]["displayName"], name);
    }
    first.ask("changeDisplayName", json!({ "displayName": "Still here" })).await.unwrap();
    let next = other
        .until(|message| matches!(message["method"].as_str(), Some("peerClosed" | "peerDisplayNameChanged")))
        .await;
    assert_eq!(next["method"], "peerDisplayNameChanged", "the others are not notified of the interruption");
}

async fn is_not_resumed(peer: &str, session: impl Fn(&str) -> String) {
    let pod = Pod::start().await;
    let (_first, id, _other) = two(&pod).await;
    let (_client, greeting) = open(&pod, peer, &session(&id)).await;
    assert_eq!(greeting["resumed"], false, "{peer}");
    assert_ne!(greeting["id"], id.as_str());
}

#[tokio::test]
async fn an_unknown_session_is_not_resumed() {
    is_not_resumed("first", |_| "session=0123456789abcdef0123456789abcdef&received=0".into()).await;
}

#[tokio::test]
async fn the_session_of_another_peer_is_not_resumed() {
    is_not_resumed("second", |id| format!("session={id}&received=0")).await;
}

#[tokio::test]
async fn a_session_is_not_resumed_after_more_than_was_sent() {
    is_not_resumed("first", |id| format!("session={id}&received=1000000")).await;
}

#[tokio::test]
async fn a_second_socket_takes_over_from_the_first() {
    let pod = Pod::start().await;
    let (first, id, mut other) = two(&pod).await;
    let (mut second, greeting) = open(&pod, "first", &format!("session={id}&received={}", first.received())).await;
    assert_eq!(greeting["resumed"], true);
    second.ask("changeDisplayName", json!({ "displayName": "Here" })).await.unwrap();
    assert_eq!(other.hear("peerDisplayNameChanged").await["data"]["displayName"], "Here");
    drop(first);
}

#[tokio::test]
async fn a_client_that_reconnects_while_the_session_ends_gets_a_new_one() {
    let pod = Pod::start().await;
    let (first, id, _other) = two(&pod).await;
    let key = RoomKey { namespace: "team".into(), name: "standup".into() };
    assert!(pod.state.rooms.remove(&key, None, "first".into()).await);
    let (_client, greeting) = open(&pod, "first", &format!("session={id}&received={}", first.received())).await;
    assert_eq!(greeting["resumed"], false);
}

#[tokio::test]
async fn a_client_that_does_not_reconnect_is_removed_after_a_while() {
    let state = Pod::start().await.state;
    let sessions = Arc::new(Sessions::with_timeout(Duration::from_millis(100)));
    let pod = Pod::with_state(convene_media_pod::http::state::AppState { sessions, ..state });
    let (first, id, mut other) = two(&pod).await;
    drop(first);
    assert_eq!(other.hear("peerClosed").await["data"]["peerId"], "first");
    let (_client, greeting) = open(&pod, "first", &format!("session={id}&received=0")).await;
    assert_eq!(greeting["resumed"], false);
}

#[tokio::test]
async fn a_client_without_a_session_is_removed_at_once() {
    let pod = Pod::start().await;
    let (_first, _, mut other) = two(&pod).await;
    let mut demo = Client::connect(&pod, "team/standup", "demo").await;
    demo.join("Demo").await;
    drop(demo);
    assert_eq!(other.hear("peerClosed").await["data"]["peerId"], "demo");
}

/// Waits until the others are notified of the first client's connection state.
async fn wait_connected(other: &mut Client, connected: bool) {
    let is_it = |message: &Value| message["method"] == "peerChanged" && message["data"]["connected"] == connected;
    assert_eq!(other.until(is_it).await["data"]["peerId"], "first");
}

#[tokio::test]
async fn the_others_are_notified_of_a_long_interruption_and_its_end() {
    let pod = Pod::start().await;
    let (first, id, other) = two(&pod).await;
    drop(other);
    let (mut other, _) = open(&pod, "other", "session=new").await;
    other.join("Other").await;
    let had = first.received();
    drop(first);
    wait_connected(&mut other, false).await;
    let (_first, greeting) = open(&pod, "first", &format!("session={id}&received={had}")).await;
    assert_eq!(greeting["resumed"], true);
    wait_connected(&mut other, true).await;
}

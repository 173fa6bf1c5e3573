//! What a room without clients costs: nothing on the workers, little memory and no processor time.

use std::time::{Duration, Instant};

use convene_protocol::frame::SUBPROTOCOL;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::peer::{Peer, Role};
use crate::support::process::Process;
use crate::support::{Client, Pod, TIMEOUT};

async fn routers(pod: &Pod) -> usize {
    pod.state.workers.dumps().await.iter().map(|dump| dump.router_ids.len()).sum()
}

async fn until_routers(pod: &Pod, count: usize) {
    let start = Instant::now();
    while routers(pod).await != count {
        assert!(start.elapsed() < TIMEOUT, "{} routers instead of {count}", routers(pod).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(pod: &Pod) {
    let mut ada = Client::connect(pod, "room", "ada").await;
    ada.join("Ada").await;
    let (_sender, _) = send_audio(&mut ada).await;
    let mut bob = Client::connect(pod, "room", "bob").await;
    let transport = bob.transport("consumer").await;
    let listener = Peer::start(&transport, Role::Receive);
    connect(&mut bob, &transport, &listener).await;
    bob.join("Bob").await;
    receive(&mut bob, &listener).await;
    arrived(&listener, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_has_a_router_only_while_it_has_transports() {
    let pod = Pod::start().await;
    let looks = Client::connect(&pod, "room", "looks").await;
    assert_eq!(pod.stats().await["rooms"], 1);
    assert_eq!(routers(&pod).await, 0, "no client sends or receives");
    for _ in 0..2 {
        call(&pod).await;
        until_routers(&pod, 0).await;
    }
    assert_eq!(pod.stats().await["rooms"], 1, "the room is still open");
    drop(looks);
}

/// Opens a room with a transport, and leaves.
async fn visit(port: u16, room: usize) {
    let mut request = format!("ws://127.0.0.1:{port}/signal/room-{room}?peerId=ada").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let request = json!({
        "request": true, "id": 1, "method": "createWebRtcTransport", "data": { "appData": { "direction": "consumer" } },
    });
    socket.send(Message::text(request.to_string())).await.unwrap();
    loop {
        let message = socket.next().await.unwrap().unwrap();
        if message.to_text().unwrap().contains("iceCandidates") {
            break;
        }
    }
    socket.close(None).await.unwrap();
}

/// Visits rooms, and waits until nothing is left of the visitors.
async fn visit_all(pod: &Process, rooms: std::ops::Range<usize>) {
    let port = pod.port("//localhost:");
    for room in rooms {
        visit(port, room).await;
    }
    let start = Instant::now();
    loop {
        let stats = pod.stats().await;
        if stats["connections"] == 0 && stats["transports"] == 0 {
            return;
        }
        assert!(start.elapsed() < TIMEOUT, "visitors are left: {stats}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The share of a processor that the pod uses in the next seconds.
async fn processor_share(pod: &Process) -> f64 {
    let (start, used) = (Instant::now(), pod.processor_time());
    tokio::time::sleep(Duration::from_secs(3)).await;
    pod.processor_time().saturating_sub(used).as_secs_f64() / start.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_rooms_take_little_memory_and_no_processor_time() {
    const ROOMS: usize = 1000;
    let pod = Process::start(&["--max-rooms", "2000"]);
    // What the first rooms allocate is not freed.
    visit_all(&pod, 0..100).await;
    let before = pod.resident_bytes();
    visit_all(&pod, 100..100 + ROOMS).await;
    assert_eq!(pod.rooms().await, 100 + ROOMS as u64);
    let each = pod.resident_bytes().saturating_sub(before) / ROOMS;
    println!("an empty room takes {each} bytes");
    // 32 kB as the tests are compiled, and less in a release; with objects on a worker it was 130 kB.
    assert!(each <= 36_000, "an empty room takes {each} bytes");
    // The worker releases its objects a moment later.
    let start = Instant::now();
    loop {
        let share = processor_share(&pod).await;
        if share < 0.02 {
            return;
        }
        assert!(start.elapsed() < TIMEOUT, "{ROOMS} empty rooms take {:.1} % of a processor", share * 100.0);
    }
}

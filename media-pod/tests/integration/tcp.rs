//! The TCP side of the media ports: media over TCP, and the cost of idle and invalid connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::support::audio::{SSRC, arrived, connect, produce_audio, receive};
use crate::support::peer::{Peer, Role, remote};
use crate::support::process::{Process, get};
use crate::support::stun::{first_frame, is_success};
use crate::support::{Client, Pod};
use convene_service::http::open_files;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Time after which an idle connection is closed.
const FIRST_FRAME: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn media_flows_over_tcp_and_the_connections_end_with_their_transports() {
    let pod = Pod::start().await;
    let (mut ada, mut bob) = (Client::connect(&pod, "room", "ada").await, Client::connect(&pod, "room", "bob").await);
    ada.join("Ada").await;
    let receiving = bob.transport("consumer").await;
    let receiver = Peer::start_tcp(&receiving, Role::Receive);
    connect(&mut bob, &receiving, &receiver).await;
    bob.join("Bob").await;
    let sending = ada.transport("producer").await;
    assert_eq!(remote(&sending, "tcp").port(), remote(&sending, "udp").port(), "one port for both");
    let sender = Peer::start_tcp(&sending, Role::Send(SSRC));
    produce_audio(&mut ada, &sending, &sender).await;
    receive(&mut bob, &receiver).await;
    let packets = arrived(&receiver, 100);
    assert!(packets.iter().all(|packet| packet.starts_with("packet ")), "{packets:?}");
    assert_eq!(pod.state.metrics.tcp_open.get(), 2);
    drop((ada, bob));
    pod.until("metrics", |text| text.contains("convene_media_tcp_connections_open 0"), "the end of connections").await;
}

/// Whether a binding request to the pod's TCP candidate gets a response.
async fn is_answered(to: SocketAddr, ice: &Value) -> bool {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(&first_frame(ice)).await.unwrap();
    let mut heard = [0; 512];
    let count = timeout(FIRST_FRAME * 2, stream.read(&mut heard)).await.unwrap().unwrap_or(0);
    is_success(&heard[..count])
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_valid_from_their_announcement_to_the_end_of_their_transport() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    let transport = ada.transport("producer").await;
    let (to, first) = (remote(&transport, "tcp"), &transport["iceParameters"]);
    assert!(is_answered(to, first).await);
    let wrong = json!({ "usernameFragment": first["usernameFragment"], "password": "guess" });
    assert!(!is_answered(to, &wrong).await);
    let restarted = ada.ask("restartIce", json!({ "transportId": transport["transportId"] })).await.unwrap();
    assert!(is_answered(to, &restarted["iceParameters"]).await, "those of an ICE restart, too");
    drop(ada);
    pod.until_stats("emptiness", |stats| stats["transports"] == 0).await;
    assert!(!is_answered(to, first).await && !is_answered(to, &restarted["iceParameters"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_worker_is_reachable_on_the_same_port() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    let before = ada.transport("producer").await;
    assert!(pod.state.workers.retire(0));
    drop(ada);
    pod.until("metrics", |text| text.contains("convene_media_worker_deaths_total 1"), "the death").await;
    pod.until_stats("the replacement", |stats| stats["workers"] == 1).await;
    let mut bob = Client::connect(&pod, "other", "bob").await;
    let after = bob.transport("producer").await;
    assert_eq!(remote(&after, "tcp"), remote(&before, "tcp"));
    assert!(is_answered(remote(&after, "tcp"), &after["iceParameters"]).await);
    assert!(!is_answered(remote(&after, "tcp"), &before["iceParameters"]).await);
}

/// A connection from one of many addresses of this machine.
async fn connect_from(number: u16, port: u16) -> TcpStream {
    let [high, low] = number.to_be_bytes();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 7, high, low), 0).into()).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut heard = [0; 16];
    matches!(timeout(within, stream.read(&mut heard)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_leave_descriptors_for_http_and_are_closed() {
    open_files::raise();
    let pod = Process::start_with_files(1024);
    let (port, before) = (pod.port("ports "), pod.open_files());
    let mut silent = Vec::new();
    for number in 1..=2000 {
        silent.push(connect_from(number, port).await);
        if number % 200 == 0 {
            assert_eq!(get(pod.connect().await, "/healthz").await.0, 200);
            assert!(pod.open_files() < before + 100, "{} are open, {before} were", pod.open_files());
        }
    }
    let start = Instant::now();
    for stream in &mut silent {
        assert!(is_closed(stream, FIRST_FRAME * 3).await);
    }
    assert!(start.elapsed() < FIRST_FRAME * 3);
    assert_eq!(get(pod.connect().await, "/healthz").await.0, 200);
    let mut wrong = connect_from(1, port).await;
    wrong.write_all(b"\xff\xff").await.unwrap();
    assert!(is_closed(&mut wrong, FIRST_FRAME * 4 / 5).await, "at once");
    pod.end();
}

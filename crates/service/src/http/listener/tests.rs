use std::io::ErrorKind;
use std::net::Ipv4Addr;

use super::*;
use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONNECTIONS: usize = 2;
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(1);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

fn server(first_request: Duration) -> Server {
    let gate = Arc::new(ConnectionLimiter::in_total(CONNECTIONS));
    Server::new(gate, Settings { first_request, ..Settings::default() })
}

fn start(first_request: Duration) -> (Server, SocketAddr) {
    let router = Router::new()
        .route("/", get(|ConnectInfo(address): ConnectInfo<SocketAddr>| async move { address.ip().to_string() }))
        .route("/echo", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) }));
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = server(first_request);
    server.serve(listener, router);
    (server, address)
}

async fn echo(mut socket: axum::extract::ws::WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let _ = socket.send(Message::Text(text)).await;
    }
}

/// Everything received until the server closes.
async fn all_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut buffer = [0; 1024];
    let count = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_only_half_a_head_is_ended() {
    let (_server, address) = start(SHORT);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(&REQUEST[..20]).await.unwrap();
    assert_eq!(all_of(&mut silent).await, "");
    assert_eq!(all_of(&mut slow).await, "");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_connection_that_does_not_speak_tls_is_ended() {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = server(SHORT);
    server.serve_tls(listener, &crate::http::tls::tests::fixed(), Router::new());
    let mut silent = TcpStream::connect(address).await.unwrap();
    let plain = answer_to(address, REQUEST).await;
    assert!(!plain.contains("HTTP"), "nothing is sent in plain text: {plain:?}");
    assert_eq!(all_of(&mut silent).await, "");
}

#[tokio::test]
async fn a_connection_with_a_request_may_be_idle_for_longer() {
    let (_server, address) = start(SHORT);
    let mut kept = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut kept).await.ends_with("127.0.0.1"));
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(all_of(&mut silent).await, "", "the limit has passed for the younger one");
    assert!(ask(&mut kept).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_over_the_limit_is_rejected_and_upgraded_ones_count() {
    let (_server, address) = start(LONG);
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/echo")).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"));
    let refused = answer_to(address, REQUEST).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("too many open connections"), "{refused}");
    assert!(refused.contains("application/problem+json") && refused.contains(r#""instance":"/""#), "{refused}");
    let vital = answer_to(address, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(vital.starts_with("HTTP/1.1 200") && vital.ends_with("ok\n"), "the process lives: {vital}");
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"), "an open connection stays");
    drop(socket.close(None).await);
    drop(socket);
    let mut next = TcpStream::connect(address).await.unwrap();
    while !ask_if_let_in(&mut next).await {
        next = TcpStream::connect(address).await.unwrap();
    }
}

async fn answer_to(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    all_of(&mut stream).await
}

async fn ask_if_let_in(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
    all_of(stream).await.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn the_end_does_not_wait_for_connections_that_rest() {
    let (server, address) = start(LONG);
    let mut resting = TcpStream::connect(address).await.unwrap();
    ask(&mut resting).await;
    server.shut_down(Duration::from_mins(1)).await;
    assert_eq!(all_of(&mut resting).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn the_end_waits_for_the_close_frames_of_upgraded_sockets() {
    let (server, address) = start(SHORT);
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/echo")).await.unwrap();
    let ending = tokio::spawn(async move { server.shut_down(Duration::from_mins(1)).await });
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!ending.is_finished(), "a socket is open");
    socket.close(None).await.unwrap();
    ending.await.unwrap();
}

#[tokio::test]
async fn all_are_free_once_the_last_one_has_ended() {
    let (server, address) = start(LONG);
    let mut open = TcpStream::connect(address).await.unwrap();
    ask(&mut open).await;
    assert_eq!(server.tasks.len(), 3, "the listener, the connection and its task");
    server.shut_down(LONG).await;
    assert_eq!(server.tasks.len(), 0);
}

async fn panics() {
    panic!("on purpose");
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_its_connection_goes_on() {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    server(LONG).serve(listener, Router::new().route("/", get(|| async { "fine" })).route("/panic", get(panics)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /panic?token=secret HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1024];
    let count = stream.read(&mut buffer).await.unwrap();
    let answer = String::from_utf8_lossy(&buffer[..count]);
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains(r#""instance":"/panic""#), "{answer}");
    assert!(ask(&mut stream).await.ends_with("fine"));
}

#[tokio::test]
async fn a_listener_ends_with_its_guard() {
    let (server, address) = start(LONG);
    let guard = server.stop_on_drop();
    let mut open = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut open).await.starts_with("HTTP/1.1 200"));
    drop((guard, server));
    assert_eq!(all_of(&mut open).await, "", "an idle connection is closed");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

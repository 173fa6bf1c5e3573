//! Servers that refuse, stall, reset and lie: each ends a run with a clear error, and none lasts longer than its time limits.

#![allow(clippy::unwrap_used, reason = "a test ends where something goes wrong")]

mod support;

use convene_load::{JoinError, LoadError, Plan, run};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use support::{Socket, serve};

fn plan(port: u16) -> Plan {
    support::plan(format!("ws://127.0.0.1:{port}/signal/load").parse().unwrap())
}

/// The error of the last client of a run against this server.
async fn error_of(port: u16) -> JoinError {
    support::error_of(plan(port)).await
}

/// A server that completes the handshake.
async fn serve_sockets<F: Future<Output = ()> + Send + 'static>(
    treat: impl Fn(Socket) -> F + Clone + Send + Sync + 'static,
) -> u16 {
    serve(move |stream| {
        let treat = treat.clone();
        async move {
            #[expect(clippy::result_large_err, reason = "the signature of tungstenite")]
            let select = |_: &Request, mut response: Response| {
                response.headers_mut().insert("Sec-WebSocket-Protocol", "protoo".parse().unwrap());
                Ok(response)
            };
            treat(accept_hdr_async(stream, select).await.unwrap()).await;
        }
    })
    .await
}

/// A method and the data of its response.
type Answer = (&'static str, fn() -> Value);

/// A server that answers these requests, and stays silent after all others.
async fn serve_answers(answers: &'static [Answer]) -> u16 {
    serve_sockets(move |mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let request: Value = serde_json::from_str(&text).unwrap();
            let Some((_, data)) = answers.iter().find(|(method, _)| request["method"] == *method) else { continue };
            let answer = json!({ "response": true, "id": request["id"], "ok": true, "data": data() });
            socket.send(Message::text(answer.to_string())).await.unwrap();
        }
    })
    .await
}

fn capabilities() -> Value {
    json!({ "codecs": [
        { "mimeType": "audio/opus", "preferredPayloadType": 100 }, { "mimeType": "video/VP8", "preferredPayloadType": 101 },
    ] })
}

fn transport(candidates: &Value) -> Value {
    let fingerprint = ["AB"; 32].join(":");
    json!({
        "transportId": "t", "iceCandidates": candidates,
        "iceParameters": { "usernameFragment": "user", "password": "password" },
        "dtlsParameters": { "fingerprints": [{ "algorithm": "sha-256", "value": fingerprint }] },
    })
}

fn candidate(address: &str, port: u16) -> Value {
    json!({ "protocol": "udp", "address": address, "port": port, "priority": 1 })
}

#[tokio::test]
async fn nothing_listens() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert!(matches!(error_of(port).await, JoinError::Connect { .. }));
}

#[tokio::test]
async fn a_server_that_stays_silent() {
    let port = serve(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let error = error_of(port).await;
    assert_eq!(error.to_string(), "no WebSocket handshake within 2s");
}

#[tokio::test]
async fn a_server_that_resets_connections() {
    let port = serve(|stream| async move { stream.set_zero_linger().unwrap() }).await;
    assert!(matches!(error_of(port).await, JoinError::Handshake(_) | JoinError::Connect { .. }));
}

#[tokio::test]
async fn an_http_server() {
    let port = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    assert_eq!(error_of(port).await.to_string(), "the WebSocket handshake failed: HTTP status 503");
}

#[tokio::test]
async fn noise() {
    let port = serve(|mut stream| async move { while stream.write_all(&[7; 4096]).await.is_ok() {} }).await;
    assert!(matches!(error_of(port).await, JoinError::Handshake(_) | JoinError::Timeout { .. }));
}

#[tokio::test]
async fn a_refusal_after_the_handshake() {
    let port = serve_sockets(|mut socket| async move {
        let frame = CloseFrame { code: 4000.into(), reason: "a join token is needed".into() };
        let _ = socket.close(Some(frame)).await;
    })
    .await;
    assert_eq!(error_of(port).await.to_string(), "the server closed the connection with 4000: a join token is needed");
}

#[tokio::test]
async fn a_refused_request() {
    let port = serve_sockets(|mut socket| async move {
        let Some(Ok(Message::Text(text))) = socket.next().await else { return };
        let id = serde_json::from_str::<Value>(&text).unwrap()["id"].clone();
        let answer = json!({ "response": true, "id": id, "ok": false, "errorCode": 403, "errorReason": "no" });
        let _ = socket.send(Message::text(answer.to_string())).await;
        while socket.next().await.is_some() {}
    })
    .await;
    assert_eq!(error_of(port).await.to_string(), "getRouterRtpCapabilities was refused with 403: no");
}

#[tokio::test]
async fn messages_without_end_instead_of_a_response() {
    let port = serve_sockets(|mut socket| async move {
        let notification = json!({ "notification": true, "method": "x", "data": {} }).to_string();
        while socket.send(Message::text(notification.clone())).await.is_ok() {}
    })
    .await;
    let error = error_of(port).await;
    assert!(matches!(error, JoinError::Malformed(_) | JoinError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_message_that_is_too_long_and_one_that_is_not_json() {
    for text in ["x".repeat(2 << 20), "{".to_owned()] {
        let port = serve_sockets(move |mut socket| {
            let text = text.clone();
            async move {
                let _ = socket.send(Message::text(text)).await;
                while socket.next().await.is_some_and(|message| message.is_ok()) {}
            }
        })
        .await;
        let error = error_of(port).await;
        assert!(matches!(error, JoinError::Malformed(_)), "{error}");
    }
}

#[tokio::test]
async fn capabilities_that_no_client_can_use() {
    let port = serve_answers(&[("getRouterRtpCapabilities", || json!({ "codecs": [7] }))]).await;
    assert!(matches!(error_of(port).await, JoinError::Malformed(_)));
}

#[tokio::test]
async fn a_stall_in_the_middle() {
    let port = serve_answers(&[("getRouterRtpCapabilities", capabilities)]).await;
    assert_eq!(error_of(port).await.to_string(), "no createWebRtcTransport within 2s");
}

#[tokio::test]
async fn addresses_of_others_and_thousands_of_them() {
    let port = serve_answers(&[
        ("getRouterRtpCapabilities", capabilities),
        ("createWebRtcTransport", || transport(&(0..2_000).map(|_| candidate("192.0.2.1", 53)).collect())),
    ])
    .await;
    assert!(matches!(error_of(port).await, JoinError::NoCandidate));
}

#[tokio::test]
async fn media_that_goes_nowhere() {
    let port = serve_answers(&[
        ("getRouterRtpCapabilities", capabilities),
        ("createWebRtcTransport", || transport(&json!([candidate("127.0.0.1", 9)]))),
        ("connectWebRtcTransport", || json!({})),
        ("join", || json!({ "peers": [] })),
        ("produce", || json!({ "id": "p" })),
    ])
    .await;
    assert_eq!(error_of(port).await.to_string(), "no media connection (ICE and DTLS) within 2s");
}

/// The error of a run against a join route with this response.
async fn error_of_route(status: &'static str, body: &'static str) -> String {
    let port = serve(move |mut stream| async move {
        let _ = stream.read(&mut [0; 4000]).await;
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    })
    .await;
    let meeting = format!("http://127.0.0.1:{port}/team-a/load").parse().unwrap();
    let plan = Plan { target: meeting, token: Some("header.claims.signature".into()), ..plan(port) };
    let Err(LoadError::Joins { last, .. }) = run(plan, |_| ()).await else { panic!("the join route refuses") };
    last.to_string()
}

#[tokio::test]
async fn a_join_route_that_refuses_or_leads_elsewhere() {
    let refused =
        error_of_route("401 Unauthorized", r#"{"reason":"TokenExpired","detail":"the token has expired"}"#).await;
    assert_eq!(refused, "the join route answered 401: TokenExpired the token has expired");
    let elsewhere = r#"{"signalingUrl":"ws://192.0.2.1/signal/team-a/load","token":"ticket"}"#;
    assert_eq!(error_of_route("200 OK", elsewhere).await, "the server sent a signaling URL of another host");
}

#[tokio::test]
async fn another_machine_gets_no_packet_without_a_token() {
    let mut other = plan(1);
    other.target = "wss://meet.example.com/signal/team-a/load".parse().unwrap();
    assert!(matches!(run(other, |_| ()).await, Err(LoadError::Plan(_))));
    let port = serve_answers(&[
        ("getRouterRtpCapabilities", capabilities),
        ("createWebRtcTransport", || {
            transport(&json!([candidate("10.255.255.1", 40_000), candidate("::ffff:10.255.255.1", 40_000)]))
        }),
    ])
    .await;
    assert!(matches!(error_of(port).await, JoinError::NoCandidate));
}

//! Servers that are not LiveKit, or lie: each ends a run with a clear error, and none lasts longer than its time limits.

#![allow(clippy::unwrap_used, reason = "a test ends where something goes wrong")]

mod support;

use std::time::Duration;

use convene_load::{JoinError, LiveKitKey, Plan, Target, run};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{LeaveRequest, SessionDescription, SignalResponse, TrickleRequest};
use prost::Message as _;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use support::{Socket, serve};

fn plan(port: u16) -> Plan {
    let target: Target = format!("ws://127.0.0.1:{port}/rtc/load").parse().unwrap();
    let key = LiveKitKey { key: "key".into(), secret: "a secret of some length for the tokens".into() };
    Plan { settle: Duration::ZERO, ..support::plan(target.livekit(key).unwrap()) }
}

/// The error of the last client of a run against a server that treats every socket like this.
async fn error_of<F: Future<Output = ()> + Send + 'static>(
    treat: impl Fn(Socket) -> F + Clone + Send + Sync + 'static,
) -> JoinError {
    let port = serve(move |stream| {
        let treat = treat.clone();
        async move { treat(accept_async(stream).await.unwrap()).await }
    })
    .await;
    support::error_of(plan(port)).await
}

/// The error after these bytes.
async fn error_after(bytes: Vec<u8>) -> JoinError {
    error_of(move |mut socket| {
        let bytes = bytes.clone();
        async move {
            let _ = socket.send(Message::binary(bytes)).await;
            while socket.next().await.is_some_and(|message| message.is_ok()) {}
        }
    })
    .await
}

fn bytes(message: Response) -> Vec<u8> {
    SignalResponse { message: Some(message) }.encode_to_vec()
}

fn answer(sdp: &str) -> SessionDescription {
    SessionDescription { r#type: "answer".into(), sdp: sdp.into(), ..SessionDescription::default() }
}

#[tokio::test]
async fn what_is_no_message_ends_a_session() {
    let error = error_after(vec![0xff; 100]).await;
    assert_eq!(error.to_string(), "the server sent a message that is not valid");
    let error = error_after(vec![0; 2 << 20]).await;
    assert_eq!(error.to_string(), "the server sent a message that is too long");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_nothing_useful() {
    let endless = |text: bool| {
        error_of(move |mut socket| async move {
            let message = if text { Message::text("{}") } else { Message::binary(Vec::new()) };
            while socket.send(message.clone()).await.is_ok() {}
        })
    };
    for error in [error_after(Vec::new()).await, endless(true).await, endless(false).await] {
        assert_eq!(error.to_string(), "no answer of LiveKit within 2s");
    }
}

#[tokio::test]
async fn a_server_that_ends_the_session() {
    let error = error_after(bytes(Response::Leave(LeaveRequest::default()))).await;
    assert_eq!(error.to_string(), "the server closed the connection with 1000: the server ended the session");
}

#[tokio::test]
async fn answers_that_answer_nothing() {
    for sdp in ["", "nonsense", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"] {
        let error = error_after(bytes(Response::Answer(answer(sdp)))).await;
        assert!(matches!(error, JoinError::Malformed(_)), "{sdp}: {error}");
    }
}

#[tokio::test]
async fn candidates_without_end_and_of_others() {
    let error = error_of(|mut socket| async move {
        let candidate_init = r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}"#.to_owned();
        let trickle = bytes(Response::Trickle(TrickleRequest { candidate_init, ..TrickleRequest::default() }));
        while socket.send(Message::binary(trickle.clone())).await.is_ok() {}
    });
    assert_eq!(error.await.to_string(), "no answer of LiveKit within 2s");
}

/// `CONVENE_LIVEKIT` is the address of a room, `CONVENE_LIVEKIT_KEY` a file as LiveKit's `--key-file`: `KEY: SECRET`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a LiveKit server"]
async fn all_packets_arrive_through_a_real_server() {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let text = std::fs::read_to_string(variable("CONVENE_LIVEKIT_KEY")).unwrap();
    let (key, secret) = text.trim().split_once(": ").unwrap();
    let key = LiveKitKey { key: key.into(), secret: secret.into() };
    let target: Target = variable("CONVENE_LIVEKIT").parse().unwrap();
    for simulcast in [false, true] {
        let step_limit = Duration::from_secs(30);
        let (target, duration) = (target.clone().livekit(key.clone()).unwrap(), Duration::from_secs(3));
        let plan = Plan { target, duration, step_limit, simulcast, newcomers: 1, publishers: 2, ramp: 20.0, ..plan(1) };
        let report = run(plan, |_| ()).await.unwrap_or_else(|error| panic!("{error}: {error:?}"));
        assert!(report.is_complete() && report.is_received(), "{report}");
        let joins = &report.joins;
        assert_eq!((joins.first_key_frame.count, joins.newcomer.count), (3, 3), "{report}");
        println!("{report}");
    }
}

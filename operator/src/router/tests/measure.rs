//! What the router costs: look-ups, latency and memory, with real sockets on loopback and a played media pod. `make measure-router` runs it.
//!
//! Client, router and pod share this process and its cores, so only comparisons within one run say something.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement for people")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::http::{Request, Version};
use axum::routing::get;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::super::app::SignalSettings;
use super::super::fixtures::settings;
use super::peer::{Client, Pod, Running, echo, join};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const ROUND_TRIPS: usize = 4000;

fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Answers per second of one address.
async fn ask_without_end(address: SocketAddr, path: &str) -> f64 {
    let begin = Instant::now();
    let asking = (0..CONNECTIONS).map(|_| async move {
        let client = HttpClient::builder(TokioExecutor::new()).build_http::<Body>();
        let mut answers = 0_usize;
        while begin.elapsed() < ROUND {
            let request =
                Request::get(format!("http://{address}{path}")).version(Version::HTTP_11).body(Body::empty()).unwrap();
            let answer = client.request(request).await.unwrap();
            assert!(answer.status().is_success());
            answer.into_body().collect().await.unwrap();
            answers += 1;
        }
        answers
    });
    let answers: usize = join_all(asking).await.into_iter().sum();
    answers as f64 / begin.elapsed().as_secs_f64()
}

/// A handler that does nothing but answer with a document of the same size.
async fn bare() -> SocketAddr {
    let document = json!({
        "namespace": "team-a", "name": "stand-up", "title": "Stand-up", "phase": "Ready", "ready": true, "access": "Open", "locked": false,
        "joinUrl": "https://meet.example.org/m/team-a/stand-up", "participants": 2, "tokenRequired": false
    });
    let app = axum::Router::new().route("/bare", get(move || std::future::ready(Json(document.clone()))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A router that takes as many sockets as there are, and a pod that carries its meeting.
async fn running(sockets: usize) -> (Running, Pod) {
    let mut router = Running::with(SignalSettings { max_sockets: sockets, ..settings() }).await;
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    (router, pod)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make measure-router"]
async fn look_ups_against_a_bare_handler() {
    let (router, _pod) = running(10).await;
    let bare = bare().await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(ask_without_end(router.address, "/api/v1/meetings/team-a/stand-up").await);
        theirs.push(ask_without_end(bare, "/bare").await);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("look-ups of a meeting: {ours:.0} a second; a bare handler: {theirs:.0}; ratio {:.2}", ours / theirs);
}

async fn round_trip(client: &mut Client) -> Duration {
    let begin = Instant::now();
    assert_eq!(echo(client, r#"{"request":true,"id":1,"method":"ping"}"#).await.len(), 39);
    begin.elapsed()
}

fn part(sorted: &[Duration], part: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((sorted.len() - 1) as f64 * part) as usize;
    sorted[index].as_secs_f64() * 1e6
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make measure-router"]
async fn latency_that_the_router_adds() {
    let (router, pod) = running(10).await;
    let mut through_router = router.join("/signal/team-a/stand-up?peerId=abc").await.unwrap();
    let admission = pod.seen()[0].headers["authorization"].to_str().unwrap().to_owned();
    let mut direct =
        join(pod.address, "/signal/team-a/stand-up?peerId=abc", &[("authorization", &admission)]).await.unwrap();
    let (mut through, mut past) = (Vec::new(), Vec::new());
    for _ in 0..ROUND_TRIPS {
        through.push(round_trip(&mut through_router).await);
        past.push(round_trip(&mut direct).await);
    }
    through.sort();
    past.sort();
    for (name, share) in [("half", 0.5), ("99 %", 0.99)] {
        let (through, past) = (part(&through, share), part(&past, share));
        println!(
            "round trip, {name} within: {through:.0} µs by the router, {past:.0} µs without; it adds {:.0}",
            through - past
        );
    }
}

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Bytes that a socket takes of this process: of the client, of the pod, and of what lies between.
async fn open(count: usize, join: impl AsyncFn(usize) -> Client) -> (usize, Vec<Client>) {
    let before = resident_bytes();
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        clients.push(join(number).await);
    }
    ((resident_bytes() - before) / count, clients)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make measure-router"]
async fn memory_of_idle_sockets() {
    let sockets = count("CONVENE_MEASURE_SOCKETS", 5000);
    let (router, pod) = running(sockets + 10).await;
    let mut first = router.join("/signal/team-a/stand-up?peerId=abc").await.unwrap();
    let admission = pod.seen()[0].headers["authorization"].to_str().unwrap().to_owned();
    let path = |number: usize| format!("/signal/team-a/stand-up?peerId=abc{number}");
    let past = async |number: usize| join(pod.address, &path(number), &[("authorization", &admission)]).await.unwrap();
    let (direct, ended) = open(sockets, past).await;
    let through = async |number: usize| router.join(&path(number)).await.unwrap();
    // The room of the sockets that end is used again, so they stay until the others are counted.
    let (with_router, open) = open(sockets, through).await;
    assert_eq!(echo(&mut first, "still there").await, "still there");
    println!("{} sockets open at once, {sockets} of them by the router", ended.len() + open.len());
    println!(
        "memory of an idle socket: {with_router} bytes by the router, {direct} without; it takes {}",
        with_router.saturating_sub(direct)
    );
}

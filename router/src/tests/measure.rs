//! Benchmarks of the router: lookups, latency and memory, with real sockets on loopback and a fake media pod. `make measure-router` runs it.
//!
//! Client, router and pod share this process and its cores, so only comparisons within one run are meaningful.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement for people")]

use std::net::SocketAddr;
use std::process::Stdio;
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
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::peer::{Client, Pod, Running, echo, join};
use crate::fixtures::settings;
use crate::state::SignalSettings;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const ROUND_TRIPS: usize = 4000;

fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Responses per second to one address.
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

/// A handler that only returns a document of the same size.
async fn bare() -> SocketAddr {
    let document = json!({
        "namespace": "team-a", "name": "stand-up", "title": "Stand-up", "phase": "Ready", "ready": true, "access": "Open", "locked": false,
        "joinUrl": "https://meet.example.org/m/team-a/stand-up", "participants": 2, "recording": false, "tokenRequired": false
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

/// A router without a socket limit, and the pod of its meeting.
async fn running(sockets: usize) -> (Running, Pod) {
    let mut router = Running::with(SignalSettings { max_sockets: sockets, ..settings() });
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

/// This program in another role, as a separate process: memory and open files of this process are then those of the router.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(role: &str, settings: &[(&str, String)]) -> Self {
        let module = module_path!().split_once("::").unwrap().1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([&format!("{module}::{role}"), "--exact", "--ignored", "--nocapture"])
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The rest of the output line that starts with `word`.
    async fn says(&mut self, word: &str) -> String {
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended before {word}"));
            if let Some((_, rest)) = line.split_once(word) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Exits when its standard input is closed.
    async fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().await.unwrap();
    }
}

async fn until_standard_input_ends() {
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by idle_sockets"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of idle_sockets"]
async fn part_media_pod() {
    let Ok(keys) = std::env::var("CONVENE_MEASURE_KEYS") else { return };
    let pod = Pod::start(&keys).await;
    println!("\nlistens {}", pod.address);
    until_standard_input_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of idle_sockets"]
async fn part_clients() {
    let Ok(router) = std::env::var("CONVENE_MEASURE_ROUTER") else { return };
    let (router, sockets): (SocketAddr, usize) =
        (router.parse().unwrap(), setting("CONVENE_MEASURE_SOCKETS").parse().unwrap());
    let mut clients = Vec::with_capacity(sockets);
    for number in 0..sockets {
        let path = format!("/signal/team-a/stand-up?peerId=abc{number}");
        clients.push(join(router, &path, &[]).await.unwrap());
    }
    println!("\nopen {}", clients.len());
    until_standard_input_ends().await;
    for client in &mut clients {
        assert_eq!(echo(client, "still there").await, "still there");
    }
    println!("\nanswered {}", clients.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make measure-router"]
async fn idle_sockets() {
    let sockets = count("CONVENE_MEASURE_SOCKETS", 5000);
    let mut router = Running::with(SignalSettings { max_sockets: sockets + 10, ..settings() });
    let mut pod = Other::start("part_media_pod", &[("CONVENE_MEASURE_KEYS", router.fixture.jwks.clone())]);
    router.fixture.assign("media-0", pod.says("listens").await.parse().unwrap());
    // One-time allocations do not count for sockets.
    drop(router.join("/signal/team-a/stand-up?peerId=first").await.unwrap());
    let before = resident_bytes();
    let settings =
        [("CONVENE_MEASURE_ROUTER", router.address.to_string()), ("CONVENE_MEASURE_SOCKETS", sockets.to_string())];
    let mut clients = Other::start("part_clients", &settings);
    let open = clients.says("open").await;
    let each = (resident_bytes() - before) / sockets;
    println!("memory of an idle proxied socket: {each} bytes, with {open} of them open at once");
    drop(clients.child.stdin.take());
    println!("sockets that still answer after that: {}", clients.says("answered").await);
    clients.end().await;
    pod.end().await;
}

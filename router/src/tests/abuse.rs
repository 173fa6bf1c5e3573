//! Abusive clients that send too many requests, send nothing, or keep connections open: they are refused or disconnected, and others are
//! not affected.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures_util::future::join_all;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::peer::{Pod, Running, echo, refused, until};
use crate::edge::client::TrustedProxies;
use crate::edge::limits::Rates;
use crate::edge::policy::{EdgeConfig, Timeouts};
use crate::fixtures::{edge, meeting_record, settings};
use crate::state::SignalSettings;

const JOIN: &str = "/api/v1/meetings/team-a/stand-up/join";
const CONNECTIONS: usize = 20;
const JOINS_OF_A_CONNECTION: usize = 60;
/// Short, so that the tests are fast; long enough for clients that do send something, even on a busy machine.
const PATIENCE: Timeouts = Timeouts {
    first_request: Duration::from_millis(1500),
    idle: Duration::from_millis(1500),
    body: Duration::from_millis(200),
};

/// Behind a proxy that sends the address of the client.
fn behind_proxy(rates: Rates) -> Running {
    let proxies = TrustedProxies(vec!["127.0.0.1/32".parse().unwrap()]);
    let mut router = Running::with_edge(settings(), EdgeConfig { proxies, rates, ..edge() });
    router.fixture.index.apply_meeting(meeting_record("team-a", "board", None));
    router.fixture.app.table.publish(router.fixture.index.clone());
    router
}

async fn post(router: SocketAddr, path: &str, from: &str) -> Response<Incoming> {
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Body>();
    let request = Request::post(format!("http://{router}{path}")).header("x-forwarded-for", from);
    client.request(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Sends joins on each connection for each round, as fast as possible. Returns how many were served; all others were refused with
/// `Retry-After`.
async fn storm(router: SocketAddr, from: impl Fn(usize) -> String) -> usize {
    let asking = (0..CONNECTIONS).map(|connection| {
        let from = &from;
        async move {
            let client = HttpClient::builder(TokioExecutor::new()).build_http::<Body>();
            let mut served = 0;
            for round in 0..JOINS_OF_A_CONNECTION {
                let address = from(connection * JOINS_OF_A_CONNECTION + round);
                let request = Request::post(format!("http://{router}{JOIN}")).header("x-forwarded-for", address);
                served +=
                    usize::from(is_served(client.request(request.body(Body::empty()).unwrap()).await.unwrap()).await);
            }
            served
        }
    });
    join_all(asking).await.into_iter().sum()
}

async fn is_served(answer: Response<Incoming>) -> bool {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if parts.status == StatusCode::OK {
        return true;
    }
    assert_eq!(parts.status, StatusCode::TOO_MANY_REQUESTS, "{}", String::from_utf8_lossy(&body));
    assert_eq!(parts.headers["content-type"], "application/problem+json");
    assert!(parts.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_joins_from_one_address_is_refused_and_others_can_join() {
    let router = behind_proxy(Rates { joins_per_address: 10, ..Rates::default() });
    let served = storm(router.address, |_| "203.0.113.9".to_owned()).await;
    assert!((100..CONNECTIONS * JOINS_OF_A_CONNECTION).contains(&served), "{served} served");
    assert_eq!(post(router.address, JOIN, "203.0.113.10").await.status(), StatusCode::OK, "a neighbour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_one_meeting_from_everywhere_is_refused_and_other_meetings_go_on() {
    let router = behind_proxy(Rates { joins_per_address: 10, joins_per_meeting: 10, ..Rates::default() });
    let served = storm(router.address, |number| format!("198.51.{}.{}", number / 250, number % 250)).await;
    assert!((100..CONNECTIONS * JOINS_OF_A_CONNECTION).contains(&served), "{served} served");
    let other = post(router.address, "/api/v1/meetings/team-a/board/join", "198.51.0.1").await;
    assert_eq!(other.status(), StatusCode::OK, "another meeting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_sockets_fills_the_places_there_are_and_leaves_them_free_again() {
    let mut router = Running::with(SignalSettings { max_sockets: 50, ..settings() });
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let paths: Vec<_> = (0..300).map(|number| format!("/signal/team-a/stand-up?peerId=abc{number}")).collect();
    let results = join_all(paths.iter().map(|path| router.join(path))).await;
    let (open, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    for other in others {
        let (status, problem) = refused(other);
        assert_eq!((status, &problem["type"]), (503, &"https://convene.dev/problems/too-many-sockets".into()));
    }
    assert!(!open.is_empty() && open.len() <= 50, "{} open", open.len());
    drop(open);
    until("all places are free", || router.fixture.app.sockets.available_permits() == 50).await;
    until("no socket is counted", || router.fixture.app.metrics.open_sockets.get() == 0).await;
    let mut newcomer = router.join(&paths[0]).await.unwrap();
    assert_eq!(echo(&mut newcomer, "hello").await, "hello");
}

fn impatient() -> Running {
    Running::with_edge(settings(), EdgeConfig { timeouts: PATIENCE, ..edge() })
}

/// Sends an endless header, byte by byte, until the router closes the connection.
async fn drip(mut stream: TcpStream) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: router\r\nx-slow: ").await?;
        loop {
            writer.write_all(b"x").await?;
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        let _ = reader.read_to_end(&mut answer).await;
    };
    tokio::select! {
        result = dripping => { let _: std::io::Result<()> = result; }
        () = ended => {}
    }
    answer
}

async fn get_health(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: router\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

async fn ends<T>(what: &str, ended: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), ended).await.unwrap_or_else(|_| panic!("the router waits for {what}"))
}

#[tokio::test]
async fn silent_and_slow_clients_are_disconnected_and_others_are_served() {
    let router = impatient();
    let connect = async || TcpStream::connect(router.address).await.unwrap();
    let mut silent = connect().await;
    let mut later = connect().await;
    assert!(get_health(&mut later).await.starts_with("HTTP/1.1 200"));
    let first = ends("a first header without end", drip(connect().await)).await;
    assert!(!first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
    assert_eq!(ends("who sends nothing", silent.read(&mut [0; 64])).await.unwrap_or(0), 0);
    let mut idle = connect().await;
    assert!(get_health(&mut idle).await.starts_with("HTTP/1.1 200"));
    ends("a later header without end", drip(idle)).await;
    assert_eq!(ends("an idle connection", later.read(&mut [0; 64])).await.unwrap_or(0), 0);
    assert!(get_health(&mut connect().await).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_answered_and_not_waited_for() {
    let router = impatient();
    let mut stream = TcpStream::connect(router.address).await.unwrap();
    let head = format!("POST {JOIN} HTTP/1.1\r\nhost: router\r\ncontent-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = ends("the rest of a body", stream.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body-too-slow"), "{answer}");
}

/// Whether the router serves this connection; if not, it says why and closes it.
async fn is_open(stream: &mut TcpStream) -> bool {
    let mut answer = vec![0; 4096];
    stream.write_all(b"GET /api/nothing HTTP/1.1\r\nhost: router\r\n\r\n").await.unwrap();
    let length = ends("nothing", stream.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    if answer.starts_with("HTTP/1.1 404") {
        return true;
    }
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("too-many-connections"), "{answer}");
    assert_eq!(ends("a refused client", stream.read(&mut [0; 64])).await.unwrap(), 0);
    false
}

async fn connect_from(source: &str, router: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(source.parse().unwrap()).unwrap();
    socket.connect(router).await.unwrap()
}

#[tokio::test]
async fn connections_beyond_the_limits_are_closed_and_there_is_room_again_when_others_end() {
    let config = EdgeConfig { connections: (3, 2), ..edge() };
    let router = Running::with_edge(settings(), config);
    let mut first = connect_from("127.0.0.2:0", router.address).await;
    let mut second = connect_from("127.0.0.2:0", router.address).await;
    assert!(is_open(&mut first).await && is_open(&mut second).await);
    assert!(!is_open(&mut connect_from("127.0.0.2:0", router.address).await).await, "a third of one address");
    let mut third = connect_from("127.0.0.3:0", router.address).await;
    assert!(is_open(&mut third).await, "another address");
    assert!(!is_open(&mut connect_from("127.0.0.4:0", router.address).await).await, "a fourth in all");
    for reason in ["TooManyConnections", "TooManyConnectionsOfAddress"] {
        assert!(router.has_metric(&format!(r#"convene_router_refused_total{{reason="{reason}"}} 1"#)), "{reason}");
    }
    drop(first);
    let again = async {
        while !is_open(&mut connect_from("127.0.0.2:0", router.address).await).await {
            sleep(Duration::from_millis(2)).await;
        }
    };
    ends("room for another", again).await;
    assert!(is_open(&mut second).await && is_open(&mut third).await);
}

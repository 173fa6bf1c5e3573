//! The edge: event streams, rate limits, origins, methods and paths, and the demo listener.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use convene_crds::{AccessPolicy, MeetingPhase};
use convene_protocol::admission::{Admission, KeySet, ParticipantGrant};
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::http::{Answer, ask};
use super::peer::{Pod, Running, closed, echo, join, refused};
use crate::edge::limits::Rates;
use crate::edge::policy::{DemoConfig, EdgeConfig};
use crate::fixtures::{Fixture, edge, settings};
use crate::run::routes;

const MEETING: &str = "/api/v1/meetings/team-a/stand-up";

fn fixture() -> Fixture {
    Fixture::new(settings())
}

fn request(method: &Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

async fn get(fixture: &Fixture, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = request(&Method::GET, path);
    for (name, value) in headers {
        request.headers_mut().insert(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    ask(fixture, request).await
}

/// The server-sent events of a meeting, in order.
struct Events(BodyStream<Body>, String);

impl Events {
    async fn open(fixture: &Fixture) -> Self {
        let answer = routes::public(fixture.app.clone())
            .oneshot(request(&Method::GET, &format!("{MEETING}/events")))
            .await
            .unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["content-type"]),
            (StatusCode::OK, &"text/event-stream".parse().unwrap())
        );
        Self(BodyStream::new(answer.into_body()), String::new())
    }

    /// Name and data of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) =
                self.1.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
            {
                self.1 = rest;
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(ToOwned::to_owned)
                };
                return Some((
                    field("event:").unwrap_or_default(),
                    field("data:").map_or(Value::Null, |data| serde_json::from_str(&data).unwrap()),
                ));
            }
            let frame = self.0.next().await?.unwrap();
            self.1 += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn events_tell_the_state_then_changes_then_the_end() {
    let mut fixture = fixture();
    let mut events = Events::open(&fixture).await;
    let (name, state) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &state["waitingFor"]["reason"]), ("state", &json!("Pending")));
    fixture.assign("media-0", "10.1.2.3:8080".parse().unwrap());
    assert_eq!(events.next().await.unwrap().1["ready"], json!(true));
    fixture.change(|meeting| meeting.phase = MeetingPhase::Ended);
    assert_eq!(events.next().await.unwrap().1["phase"], json!("Ended"));
    assert_eq!(events.next().await.unwrap(), ("gone".to_owned(), json!({"reason": "MeetingEnded"})));
    assert_eq!(events.next().await, None);
    assert_eq!(fixture.app.metrics.edge.event_streams.get(), 0);
}

#[tokio::test]
async fn streams_of_events_end_with_the_router_and_are_bounded() {
    let fixture = Fixture::with_edge(settings(), &EdgeConfig { streams: (1, 1), ..edge() });
    let mut events = Events::open(&fixture).await;
    assert!(events.next().await.is_some());
    let second = get(&fixture, &format!("{MEETING}/events"), &[]).await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.json()["type"].as_str().unwrap().ends_with("too-many-streams"));
    fixture.app.stopping.cancel();
    assert_eq!(events.next().await.unwrap().0, "", "only when to reconnect");
    assert_eq!(events.next().await, None);
    assert_eq!(get(&fixture, "/api/v1/meetings/team-a/board/events", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_over_its_rate_gets_retry_after_and_others_are_not_affected() {
    let rates = Rates { requests_per_address: 1, joins_per_address: 1, joins_per_meeting: 0 };
    let fixture = Fixture::with_edge(settings(), &EdgeConfig { rates, ..edge() });
    let ask_from = async |address: [u8; 4], method: Method, path: &str| {
        let mut request = request(&method, path);
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from((address, 4711))));
        ask(&fixture, request).await
    };
    for (method, path) in [(Method::GET, MEETING.to_owned()), (Method::POST, format!("{MEETING}/join"))] {
        let mut last = ask_from([192, 0, 2, 1], method.clone(), &path).await;
        assert_eq!(last.status, StatusCode::OK, "{path}");
        for _ in 0..50 {
            last = ask_from([192, 0, 2, 1], method.clone(), &path).await;
        }
        assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert_eq!(ask_from([192, 0, 2, 2], method, &path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(ask_from([192, 0, 2, 1], Method::GET, "/healthz").await.status, StatusCode::OK, "probes always pass");
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_the_api_and_others_may_not() {
    let fixture = fixture();
    let listed = get(&fixture, MEETING, &[("origin", "https://meet.example.org")]).await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://meet.example.org");
    assert_eq!(listed.header("access-control-allow-credentials"), "");
    // Also for a refusal before any handler: a page must be able to read when to retry.
    let endless = format!("{MEETING}?{}", "x".repeat(9000));
    let refused = get(&fixture, &endless, &[("origin", "https://meet.example.org")]).await;
    assert_eq!(refused.status, StatusCode::URI_TOO_LONG);
    assert_eq!(refused.header("access-control-allow-origin"), "https://meet.example.org");
    let other = get(&fixture, MEETING, &[("origin", "https://evil.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let mut preflight = request(&Method::OPTIONS, &format!("{MEETING}/join"));
    for (name, value) in [("origin", "https://meet.example.org"), ("access-control-request-method", "POST")] {
        preflight.headers_mut().insert(name, value.parse().unwrap());
    }
    let preflight = ask(&fixture, preflight).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn sockets_of_pages_from_elsewhere_are_refused() {
    let router = Running::start();
    let (status, problem) = refused(
        join(router.address, "/signal/team-a/stand-up?peerId=abc", &[("origin", "https://evil.example")]).await,
    );
    assert_eq!(status, 403);
    assert!(problem["type"].as_str().unwrap().ends_with("origin-refused"), "{problem}");
}

#[tokio::test]
async fn every_route_has_its_methods_and_no_others() {
    let mut fixture = fixture();
    fixture.assign("media-0", "10.1.2.3:8080".parse().unwrap());
    let readable = ["/", "/m/team-a/stand-up", MEETING, "/api/v1/openapi.json", "/healthz"];
    for path in readable {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(ask(&fixture, request(&method, path)).await.status, StatusCode::OK, "{method} {path}");
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE] {
            let answer = ask(&fixture, request(&method, path)).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow").replace(' ', ""), "GET,HEAD", "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        }
    }
    let path = format!("{MEETING}/join");
    assert_eq!(ask(&fixture, request(&Method::POST, &path)).await.status, StatusCode::OK);
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = ask(&fixture, request(&method, &path)).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"), "{method}");
    }
}

#[tokio::test]
async fn no_trick_with_a_path_leads_anywhere() {
    let fixture = fixture();
    let long = format!("/api/v1/meetings/team-a/{}", "x".repeat(9000));
    let tricks = [
        "/api/v1/meetings/team-a/..%2f..%2fmetrics",
        "/api/v1/meetings/team-a/%2e%2e",
        "/api/v1/meetings/%2e%2e/stand-up",
        "/api/v1/meetings/team-a/stand-up%00",
        "/api/v1/meetings/team-a/stand-up%2fevents",
        "/api/v1/meetings//stand-up",
        "/api/v1//meetings/team-a/stand-up",
        "/api/v1/meetings/team-a/stand-up/",
        "/api/v1/meetings/TEAM-A/stand-up",
        "/api/v1/meetings/team-a/stand%20up",
        "/api/v1/meetings/team-a/%C3%A9",
        "/api/v1/meetings/team-a/%E2%80%AEpu-dnats",
        "/m/team-a/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/assets/..%2findex.html",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        &long,
    ];
    for path in tricks {
        let status = get(&fixture, path, &[]).await.status;
        assert!(status.is_client_error(), "{path:.60} gave {status}");
    }
}

#[tokio::test]
async fn the_description_of_the_api_names_every_route_that_programs_call() {
    let document = get(&fixture(), "/api/v1/openapi.json", &[]).await.json();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in ["", "/events", "/join"] {
        assert!(
            paths.contains(&format!("/api/v1/meetings/{{namespace}}/{{name}}{path}").as_str()),
            "{path} in {paths:?}"
        );
    }
}

async fn demo(change: impl FnOnce(&mut crate::index::record::MeetingRecord)) -> (Running, Pod) {
    let demo = Some(DemoConfig { listen: ([127, 0, 0, 1], 0).into(), namespace: "team-a".into() });
    let mut router = Running::with_edge(settings(), EdgeConfig { demo, ..edge() });
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    router.fixture.change(change);
    (router, pod)
}

#[tokio::test]
async fn demo_clients_join_through_the_demo_routes() {
    let (router, pod) = demo(|meeting| meeting.demo_clients = true).await;
    for room in ["stand-up", "team-a/stand-up", "team-a.stand-up"] {
        let path = format!("/?roomId={}&peerId=abcdefgh", room.replace('/', "%2F"));
        let mut client = join(router.demo.unwrap(), &path, &[]).await.unwrap();
        assert_eq!(echo(&mut client, "hello").await, "hello", "{room}");
    }
    assert!(
        pod.seen()
            .iter()
            .all(|seen| seen.uri.starts_with("/signal/team-a/stand-up?") && seen.uri.contains("peerId=abcdefgh"))
    );
    for incomplete in ["/", "/?roomId=stand-up", "/?peerId=abcdefgh", "/?roomId=&peerId=a"] {
        assert_eq!(refused(join(router.demo.unwrap(), incomplete, &[]).await).0, 400, "{incomplete}");
    }
}

#[tokio::test]
async fn meetings_that_do_not_want_demo_clients_get_none() {
    let (router, pod) = demo(|_| {}).await;
    let client = join(router.demo.unwrap(), "/?roomId=stand-up&peerId=abcdefgh", &[]).await.unwrap();
    assert_eq!(closed(client).await.map(|(code, _)| code), Some(4000));
    assert!(pod.seen().is_empty());
}

#[tokio::test]
async fn a_demo_client_without_a_token_gets_into_no_meeting_that_needs_one() {
    let (router, pod) = demo(|meeting| (meeting.demo_clients, meeting.policy) = (true, AccessPolicy::Token)).await;
    let client = join(router.demo.unwrap(), "/?roomId=stand-up&peerId=abcdefgh", &[]).await.unwrap();
    assert_eq!(closed(client).await.map(|(code, _)| code), Some(4000));
    assert!(pod.seen().is_empty());
    let url = format!("http://{}/rooms/stand-up", router.demo.unwrap());
    let answer = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>()
        .get(url.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("10.1.2.3"));
}

/// A pod that records the admission of each broadcaster request.
async fn noting_pod(jwks: &str) -> (std::net::SocketAddr, tokio::sync::mpsc::UnboundedReceiver<Admission>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (sender, receiver)) = (listener.local_addr().unwrap(), tokio::sync::mpsc::unbounded_channel());
    let keys = KeySet::from_jwks(jwks).unwrap();
    let note = move |headers: HeaderMap| {
        let bearer = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
        sender.send(keys.verify_admission_with_end(bearer, now).map(|(admission, _)| admission).unwrap()).unwrap();
        std::future::ready("{}")
    };
    let routes = axum::Router::new().fallback(note);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, receiver)
}

#[tokio::test]
async fn each_broadcaster_request_has_its_own_admission_with_the_client_address() {
    let demo = Some(DemoConfig { listen: ([127, 0, 0, 1], 0).into(), namespace: "team-a".into() });
    let mut router = Running::with_edge(settings(), EdgeConfig { demo, ..edge() });
    let (pod, mut admissions) = noting_pod(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod);
    router.fixture.change(|meeting| meeting.demo_clients = true);
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<Body>();
    let mut ids = std::collections::BTreeSet::new();
    for path in ["", "/broadcasters", "/broadcasters"] {
        let url = format!("http://{}/rooms/stand-up{path}", router.demo.unwrap());
        let call = Request::post(url).header("cookie", "convene-guest=x").body(Body::empty()).unwrap();
        assert_eq!(client.request(call).await.unwrap().status(), StatusCode::OK, "{path}");
        let Admission { participant, jti, .. } = admissions.recv().await.unwrap();
        let expected = ParticipantGrant { address: Some("127.0.0.1".into()), ..ParticipantGrant::default() };
        assert_eq!(participant, expected);
        assert!(participant.guest.is_none() && !participant.receive_plain);
        assert!(jti.len() == 32 && ids.insert(jti), "each call has an admission of its own");
    }
}

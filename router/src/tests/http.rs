//! The HTTP routes, without sockets.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixtures::{Fixture, INDEX_HTML, settings};
use crate::health::ReadinessCheck;
use crate::index::routing_index::RoutingIndex;
use crate::run::routes;

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(super) async fn ask(fixture: &Fixture, request: Request<Body>) -> Answer {
    answer(routes::public(fixture.app.clone()), request).await
}

async fn answer(router: axum::Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn get(fixture: &Fixture, path: &str) -> Answer {
    ask(fixture, Request::get(path).body(Body::empty()).unwrap()).await
}

/// As a browser does.
async fn open(fixture: &Fixture, path: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, "text/html,*/*;q=0.8").body(Body::empty()).unwrap();
    ask(fixture, request).await
}

fn fixture() -> Fixture {
    Fixture::new(settings())
}

#[tokio::test]
async fn a_meeting_is_described_from_the_table() {
    let mut fixture = fixture();
    let waiting = get(&fixture, "/api/v1/meetings/team-a/stand-up").await;
    assert_eq!((waiting.status, waiting.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(
        waiting.json(),
        json!({
            "namespace": "team-a", "name": "stand-up", "title": "Stand-up", "phase": "Pending", "ready": false,
            "waitingFor": {"reason": "Pending", "message": "the meeting is being prepared"},
            "joinUrl": "https://meet.example.org/m/team-a/stand-up", "participants": 2,
            "recording": false, "access": "Open", "locked": false, "tokenRequired": false
        })
    );
    fixture.assign("media-0", "10.1.2.3:8080".parse().unwrap());
    let ready = get(&fixture, "/api/v1/meetings/team-a/stand-up").await.json();
    assert_eq!((&ready["ready"], &ready["phase"], ready.get("waitingFor")), (&json!(true), &json!("Ready"), None));
    assert!(!ready.to_string().contains("10.1.2.3"), "addresses inside the cluster are not revealed");
}

#[tokio::test]
async fn programs_get_problems() {
    let fixture = fixture();
    let cases = [
        ("/api/v1/meetings/team-a/board", 404, "meeting-not-found"),
        ("/api/v1/meetings/Team/board", 400, "invalid-name"),
        ("/api/v1/meetings/team-a/..", 400, "invalid-name"),
        ("/api/v1/meetings/team-a/%ff", 400, "invalid-name"),
        ("/api/v1/meetings/a%2fb/c", 400, "invalid-name"),
        ("/api/v1/meetings", 404, "route-not-found"),
        ("/api/v2/x", 404, "route-not-found"),
        ("/api", 404, "route-not-found"),
        ("/signal/hello", 404, "route-not-found"),
        ("/signal/team-a/stand-up", 426, "upgrade-required"),
    ];
    for (path, status, name) in cases {
        let answer = get(&fixture, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (status, "application/problem+json"),
            "{path}"
        );
        let problem = answer.json();
        assert_eq!(problem["type"], format!("https://convene.dev/problems/{name}"), "{path}");
        assert_eq!((&problem["status"], &problem["instance"]), (&json!(status), &json!(path)), "{path}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn wrong_methods_are_refused_everywhere() {
    let fixture = fixture();
    for path in [
        "/",
        "/m/team-a/stand-up",
        "/api/v1/meetings/team-a/stand-up",
        "/signal/team-a/stand-up",
        "/healthz",
        "/metrics",
        "/favicon.svg",
        "/nothing",
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
            let answer = ask(&fixture, request).await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"),
                "{method} {path}"
            );
            assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_known_meeting_gets_the_web_app_with_headers_that_fit_it() {
    let fixture = fixture();
    let page = get(&fixture, "/m/team-a/stand-up").await;
    assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, INDEX_HTML));
    assert_eq!(page.header("cache-control"), "no-cache");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(page.header("permissions-policy").contains("camera=(self), microphone=(self)"));
    assert_eq!((page.header("x-content-type-options"), page.header("referrer-policy")), ("nosniff", "no-referrer"));
    assert_eq!(page.header("x-request-id").len(), 16);
}

#[tokio::test]
async fn answers_for_programs_are_no_pages_whatever_they_are_taken_for() {
    let fixture = fixture();
    for path in ["/api/v1/meetings/team-a/stand-up", "/api/v1/meetings/team-a/board", "/api/v1/openapi.json"] {
        let answer = get(&fixture, path).await;
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("referrer-policy")),
            ("nosniff", "no-referrer")
        );
    }
}

#[tokio::test]
async fn not_found_is_a_page_for_browsers_and_a_problem_for_programs() {
    let fixture = fixture();
    for path in [
        "/m/team-a/board",
        "/m/team-a/%3Cscript%3E",
        "/m/..%2f/x",
        "/m/a/%ff",
        "/m/hello",
        "/m/",
        "/nothing",
        "/assets/none.js",
        "/m/a/b/c",
    ] {
        let page = open(&fixture, path).await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::NOT_FOUND, INDEX_HTML), "{path}");
        assert_eq!(
            (page.header("content-type"), page.header("cache-control")),
            ("text/html; charset=utf-8", "no-store"),
            "{path}"
        );
        assert!(page.header("content-security-policy").contains("script-src 'self'"), "{path}");
        let problem = get(&fixture, path).await;
        assert_eq!(
            (problem.status, problem.header("content-type")),
            (StatusCode::NOT_FOUND, "application/problem+json"),
            "{path}"
        );
    }
    assert_eq!(open(&fixture, "/api/v1/nothing").await.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn other_spellings_of_an_address_lead_to_the_one_room() {
    let fixture = fixture();
    for path in ["/m/team-a/stand-up/", "/m/Team-A/Stand-Up", "/M/team-a/stand-up", "/m/team-a/STAND-UP/"] {
        let answer = open(&fixture, &format!("{path}?name=Ana")).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::PERMANENT_REDIRECT, "/m/team-a/stand-up?name=Ana"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn nothing_is_called_unknown_before_the_first_list() {
    let fixture = fixture();
    fixture.app.table.publish(RoutingIndex::default());
    assert_eq!(get(&fixture, "/m/team-a/board").await.status, StatusCode::OK);
    let answer = get(&fixture, "/api/v1/meetings/team-a/board").await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "2"));
    assert_eq!(answer.json()["reason"], "RouterStarting");
}

#[tokio::test]
async fn assets_are_compressed_and_cached_and_other_files_are_revalidated() {
    let fixture = fixture();
    let asset = get(&fixture, "/assets/app-0123abcd.js").await;
    assert_eq!((asset.status, asset.header("cache-control")), (StatusCode::OK, "public, max-age=31536000, immutable"));
    assert_eq!(asset.header("content-type"), "text/javascript");
    assert!(asset.header("content-encoding").is_empty());

    let request =
        Request::get("/assets/app-0123abcd.js").header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).unwrap();
    let packed = ask(&fixture, request).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < asset.body.len());

    let icon = get(&fixture, "/favicon.svg").await;
    assert_eq!((icon.status, icon.header("cache-control")), (StatusCode::OK, "no-cache"));
    fixture.folder.write("../convene-router-outside", "secret");
    let outside = get(&fixture, "/..%2fconvene-router-outside").await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    std::fs::remove_file(fixture.folder.path().join("../convene-router-outside")).unwrap();
}

#[tokio::test]
async fn ready_once_all_checks_have_passed_and_then_permanently() {
    let fixture = fixture();
    assert_eq!(get(&fixture, "/healthz").await.status, StatusCode::OK, "alive from the start");
    for part in [
        ReadinessCheck::Meetings,
        ReadinessCheck::Pods,
        ReadinessCheck::AdmissionKey,
        ReadinessCheck::JoinSecrets,
        ReadinessCheck::Pools,
    ] {
        let answer = get(&fixture, "/readyz").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.body.starts_with("not ready: waiting for "), "{}", answer.body);
        fixture.app.readiness.pass(part);
    }
    assert_eq!(get(&fixture, "/readyz").await.status, StatusCode::OK);
}

async fn scrape(fixture: &Fixture, path: &str) -> Answer {
    answer(routes::metrics(fixture.app.clone()), Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_metrics_listener_has_metrics_and_probes_and_nothing_else() {
    let fixture = fixture();
    for (path, status) in [
        ("/metrics", StatusCode::OK),
        ("/healthz", StatusCode::OK),
        ("/readyz", StatusCode::SERVICE_UNAVAILABLE),
        ("/", StatusCode::NOT_FOUND),
        ("/m/team-a/stand-up", StatusCode::NOT_FOUND),
        ("/api/v1/meetings/team-a/stand-up", StatusCode::NOT_FOUND),
        ("/signal/team-a/stand-up", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(scrape(&fixture, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn metrics_count_routes_and_never_name_a_meeting() {
    let fixture = fixture();
    for path in
        ["/", "/m/team-a/stand-up", "/m/team-a/secret-plan", "/api/v1/meetings/team-a/stand-up", "/assets/x", "/a/b/c"]
    {
        get(&fixture, path).await;
    }
    let public = get(&fixture, "/metrics").await;
    assert_eq!(public.status, StatusCode::NOT_FOUND, "metrics are not for clients");
    assert!(!public.body.contains("convene_router_"), "{}", public.body);
    let metrics = scrape(&fixture, "/metrics").await;
    assert_eq!((metrics.status, metrics.header("content-type")), (StatusCode::OK, "text/plain; version=0.0.4"));
    let metrics = metrics.body;
    for line in [
        r#"convene_router_requests_total{route="/m/{namespace}/{name}",status="200"} 1"#,
        r#"convene_router_requests_total{route="/m/{namespace}/{name}",status="404"} 1"#,
        r#"convene_router_requests_total{route="other",status="404"} 3"#,
        "convene_router_held_joins 0",
        "convene_router_open_sockets 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    }
    assert!(!metrics.contains("secret-plan") && !metrics.contains("team-a"));
}

#[tokio::test]
async fn the_front_page_is_the_web_apps() {
    let page = get(&fixture(), "/").await;
    assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, INDEX_HTML));
    assert_eq!(page.header("cache-control"), "no-cache");
}

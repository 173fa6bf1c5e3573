use axum::body::Body;
use axum::http::HeaderValue;
use axum::routing::get;
use tower::ServiceExt;

use super::*;

fn policy() -> EdgePolicy {
    let hosts = Hosts::of_listener("127.0.0.1:8080".parse().unwrap(), "quay", &[]);
    let origins = AllowedOrigins::parse(["https://app.example.org:3000"]).unwrap();
    EdgePolicy { hosts, origins, headers: SecurityHeaders::default() }
}

fn request(line: &str, headers: &[(&'static str, &'static str)]) -> Request {
    let (method, uri) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn check(line: &str, headers: &[(&'static str, &'static str)]) -> Result<(), EdgeError> {
    let request = request(line, headers);
    policy().check(request.method(), request.uri(), request.headers())
}

const HERE: (&str, &str) = ("host", "localhost:8080");
const UPGRADE: (&str, &str) = ("upgrade", "websocket");

#[test]
fn a_name_that_is_not_the_pods_own_is_refused_but_for_probes() {
    let unknown = Err(EdgeError::HostUnknown);
    assert_eq!(check("GET /m/hello", &[HERE]), Ok(()));
    assert_eq!(check("GET /m/hello", &[("host", "rebound.evil.example:8080")]), unknown);
    assert_eq!(
        check("GET http://rebound.evil.example/stats", &[HERE]),
        unknown,
        "the target takes precedence over the header"
    );
    assert_eq!(check("GET /m/hello", &[("host", "app.example.org")]), Ok(()), "the host of an allowed origin");
    assert_eq!(check("GET /m/hello", &[]), Err(EdgeError::HostMissing));
    assert_eq!(check("GET /m/hello", &[HERE, ("host", "evil.example")]), Err(EdgeError::HostMissing));
    for probe in ["GET /healthz", "GET /readyz"] {
        assert_eq!(check(probe, &[("host", "10.1.2.3:8080")]), Ok(()), "{probe}");
    }
}

#[test]
fn pages_of_other_sites_change_nothing_and_open_no_sockets() {
    let foreign = Err(EdgeError::OriginForeign);
    let origins = [
        (None, Ok(())),
        (Some("http://localhost:8080"), Ok(())),
        (Some("https://localhost:8080"), Ok(())),
        (Some("https://app.example.org:3000"), Ok(())),
        (Some("http://localhost:3000"), foreign),
        (Some("http://127.0.0.1:8080"), foreign),
        (Some("https://app.example.org"), foreign),
        (Some("https://evil.example"), foreign),
        (Some("null"), foreign),
        (Some(""), foreign),
    ];
    for (origin, expected) in origins {
        let with = |more: &[(&'static str, &'static str)]| {
            [&[HERE], more, &origin.map(|origin| ("origin", origin)).into_iter().collect::<Vec<_>>()].concat()
        };
        for line in ["POST /rooms/x", "PUT /admin/v1/drain", "DELETE /rooms/x/broadcasters/y", "PATCH /", "BREW /"] {
            assert_eq!(check(line, &with(&[])), expected, "{line} of {origin:?}");
        }
        assert_eq!(check("GET /signal/x?peerId=y", &with(&[UPGRADE])), expected, "a socket of {origin:?}");
        assert_eq!(check("GET /", &with(&[("sec-websocket-key", "x")])), expected, "a socket of {origin:?}");
        assert_eq!(check("GET /m/x", &with(&[])), Ok(()), "a page may be linked to from anywhere");
    }
    let two = [HERE, UPGRADE, ("origin", "http://localhost:8080"), ("origin", "https://evil.example")];
    assert_eq!(check("GET /signal/x", &two), foreign);
}

#[tokio::test]
async fn refusals_are_clear_and_every_answer_has_its_headers() {
    let routes = enforce(Router::new().route("/", get(|| async { "page" })), policy());
    for (host, status) in [("localhost", 200), ("evil.example", 421)] {
        let request = request("GET /", &[("host", host)]);
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        for (name, part) in [
            ("content-security-policy", "default-src 'self'"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "camera=(self)"),
        ] {
            assert!(response.headers()[name].to_str().unwrap().contains(part), "{name}");
        }
    }
}

#[test]
fn a_local_request_comes_from_this_machine_and_names_it() {
    let cases = [
        (Some("127.0.0.1:5"), Some("localhost:8080"), true),
        (Some("[::1]:5"), Some("[::1]:8080"), true),
        (Some("[::ffff:127.0.0.1]:5"), Some("127.0.0.1"), true),
        (Some("127.0.0.1:5"), Some("rebound.evil.example"), false),
        (Some("127.0.0.1:5"), None, false),
        (Some("192.0.2.7:5"), Some("localhost"), false),
        (None, Some("localhost"), false),
    ];
    for (peer, host, expected) in cases {
        let mut extensions = Extensions::new();
        if let Some(peer) = peer {
            extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        let headers: HeaderMap = host.map(|host| (header::HOST, HeaderValue::from_static(host))).into_iter().collect();
        assert_eq!(is_local_request(&headers, &extensions), expected, "{peer:?} to {host:?}");
    }
}

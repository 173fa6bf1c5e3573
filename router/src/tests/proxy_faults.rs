//! Signaling errors: limits, refusals of the pod, hostile clients. Others are not affected.

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::peer::{Pod, Running, echo, join, refused, until};
use crate::fixtures::{admission_key, settings};
use crate::state::SignalSettings;

const JOIN: &str = "/signal/team-a/stand-up?peerId=abc";

#[tokio::test]
async fn joins_beyond_the_hold_limit_are_asked_to_retry() {
    let router = Running::with(SignalSettings { max_held: 1, ..settings() });
    let first = router.held_join().await;
    let (status, problem) = refused(router.join(JOIN).await);
    assert_eq!((status, &problem["type"]), (503, &"https://convene.dev/problems/too-many-held".into()));
    first.abort();
    until("the place is free again", || router.fixture.app.held.available_permits() == 1).await;
}

#[tokio::test]
async fn sockets_beyond_the_limit_are_asked_to_retry() {
    let mut router = Running::with(SignalSettings { max_sockets: 1, ..settings() });
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let mut first = router.join(JOIN).await.unwrap();
    let (status, problem) = refused(router.join(JOIN).await);
    assert_eq!((status, &problem["type"]), (503, &"https://convene.dev/problems/too-many-sockets".into()));
    assert_eq!(echo(&mut first, "still there").await, "still there");
    drop(first);
    until("the place is free again", || router.fixture.app.sockets.available_permits() == 1).await;
}

/// A pod that sends the same response to every client.
async fn pod_that_answers(answer: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn what_the_pod_refuses_is_passed_on_in_its_words() {
    let cases = [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 16\r\n\r\nmeeting is full\n", 403, "meeting is full"),
        (
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 28\r\n\r\n{\"detail\":\"peerId is absent\"}",
            400,
            "the media pod rejected the connection",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 29\r\n\r\n{\"detail\":\"peerId is absent\"}",
            400,
            "peerId is absent",
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, "the media pod rejected the connection"),
    ];
    for (answer, status, words) in cases {
        let mut router = Running::start();
        router.fixture.assign("media-0", pod_that_answers(answer).await);
        let (found, problem) = refused(router.join(JOIN).await);
        assert_eq!(found, status, "{answer}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{answer}: {problem}");
    }
}

#[tokio::test]
async fn a_pod_that_is_draining_stuck_or_distrustful_is_waited_for() {
    let answers = [
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
        "nonsense\r\n\r\n",
        "",
    ];
    for answer in answers {
        let mut router = Running::start();
        router.fixture.assign("media-0", pod_that_answers(answer).await);
        let joining = router.held_join().await;
        let pod = Pod::start(&router.fixture.jwks).await;
        router.fixture.assign("media-1", pod.address);
        assert_eq!(echo(&mut joining.await.unwrap().unwrap(), "hello").await, "hello", "{answer}");
    }
}

#[tokio::test]
async fn an_admission_signed_with_a_new_key_is_used_at_once() {
    let mut router = Running::start();
    let rotated = admission_key("kid-2");
    let pod = Pod::start(&rotated.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let joining = router.held_join().await;
    router.fixture.app.signer.set(convene_protocol::admission::Signer::from_pem(&rotated.pem, "kid-2").unwrap());
    assert_eq!(echo(&mut joining.await.unwrap().unwrap(), "hello").await, "hello");
}

#[tokio::test]
async fn without_a_handshake_the_route_says_what_it_speaks() {
    let router = Running::start();
    let (status, problem) = refused(join(router.address, JOIN, &[("sec-websocket-version", "8")]).await);
    assert_eq!((status, &problem["status"]), (426, &426.into()));
    let (status, problem) = refused(join(router.address, JOIN, &[("sec-websocket-protocol", "chat")]).await);
    assert_eq!((status, &problem["title"]), (403, &"Subprotocol required".into()));
}

/// Sends raw bytes and returns the status of the response (0 if closed without one).
async fn raw(router: &Running, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(router.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = vec![0; 1024];
    let count = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..count]).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn hostile_requests_are_refused_and_others_go_on() {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let mut client = router.join(JOIN).await.unwrap();

    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes();
    let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\nx-fill: {}\r\n\r\n", "a".repeat(200_000)).into_bytes();
    let cases: [(&str, Vec<u8>, &[u16]); 14] = [
        ("no handshake", get("/signal/team-a/stand-up"), &[426]),
        (
            "wrong method",
            b"POST /signal/team-a/stand-up HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n".to_vec(),
            &[405],
        ),
        (
            "old HTTP",
            b"GET /signal/team-a/stand-up HTTP/1.0\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_vec(),
            &[426],
        ),
        ("dots", get("/signal/../stand-up"), &[426]),
        ("dots to files", get("/assets/../../../../etc/passwd"), &[404]),
        ("escaped dots to files", get("/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), &[404]),
        ("escaped slashes to files", get("/..%2f..%2f..%2fetc%2fpasswd"), &[404]),
        ("escaped NUL", get("/m/team-a/x%00"), &[404]),
        ("escaped slash", get("/m/team-a%2fstand-up/x"), &[404]),
        ("unicode", "GET /m/team-a/é HTTP/1.1\r\nhost: x\r\n\r\n".as_bytes().to_vec(), &[400, 404]),
        ("more header than allowed", many_headers, &[431, 0]),
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), &[400, 0]),
        ("too long a name", get(&format!("/api/v1/meetings/team-a/{}", "a".repeat(5000))), &[400]),
        ("absolute URL of another host", get("http://example.org/m/team-a/x"), &[404]),
    ];
    for (name, bytes, allowed) in cases {
        let status = raw(&router, &bytes).await;
        assert!(allowed.contains(&status), "{name}: {status}");
    }
    assert_eq!(echo(&mut client, "still here").await, "still here");
    assert_eq!(router.fixture.app.metrics.open_sockets.get(), 1);
    assert_eq!(StatusCode::OK, raw(&router, &get("/healthz")).await);
}

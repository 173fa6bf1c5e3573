//! The edge of the process: its settings, its listeners and TLS, host and origin policy, and its limits.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::environment::free_port;
use crate::support::free_block;
use crate::support::process::{Folder, Process, get, http, run};
use futures_util::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, crypto::ring};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Timeout for every wait.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Connections of the flood, unless the machine's limit on open files is lower.
const FLOOD: u64 = 10_000;

/// A protoo client on any stream.
struct Client<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn open(stream: S, path: &str) -> Self {
        let mut request = format!("ws://localhost{path}").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "protoo".parse().unwrap());
        Self(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    }

    async fn ask(&mut self, id: u64, method: &str, data: Value) -> Value {
        let text = json!({ "request": true, "id": id, "method": method, "data": data }).to_string();
        self.0.send(Message::text(text)).await.unwrap();
        self.answer(id).await
    }

    async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().await.unwrap();
            if message["response"] == true && message["id"] == id {
                return message;
            }
        }
    }

    /// Code and reason of the close frame, ignoring earlier messages.
    async fn end(&mut self) -> (u16, String) {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }

    /// The next message, or code and reason of the close frame.
    async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match tokio::time::timeout(TIMEOUT, self.0.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(close)))) => return Err((close.code.into(), close.reason.to_string())),
                Some(Ok(_)) => {}
                other => panic!("the socket ended: {other:?}"),
            }
        }
    }
}

/// Accepts only the certificate with this fingerprint.
#[derive(Debug)]
struct Pinned(String);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if fingerprint(certificate) == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another certificate".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        let _ = write!(text, "{}{byte:02X}", if text.is_empty() { "" } else { ":" });
    }
    text
}

async fn connect_tls(port: u16, fingerprint: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(fingerprint.to_owned())))
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

#[test]
fn help_is_complete_and_not_an_error() {
    let (status, help) = run(&["--help"], &[]);
    assert_eq!(status, 0);
    for part in ["Usage:", "Serving:", "Media:", "Environment:", "Configuration file:", "Exit status:", "Examples:"] {
        assert!(help.contains(part), "{part}");
    }
    let (status, short) = run(&["-h"], &[]);
    assert!(status == 0 && short.len() < help.len());
    assert!(run(&["--version"], &[]).1.starts_with("convene-media-pod "));
}

#[test]
fn invalid_settings_exit_with_2_and_are_named() {
    let folder = Folder::new();
    let unknown = folder.file("unknown.yaml", "dev: true\nworker: 2\n");
    let wrong = folder.file("wrong.yaml", "dev: true\nmax-connections: many\n");
    let flags: [(&[&str], &[&str]); 5] = [
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["--config", &unknown], &["unknown.yaml", "worker", "workers"]),
        (&["--config", "/no/such/file"], &["/no/such/file", "No such file"]),
        (&["--dev", "--tls-cert", "cert.pem"], &["--tls-key"]),
        (&["--dev", "--rtc-ports", "40010-40000"], &["40010"]),
    ];
    let variables: [(&str, &str, &[&str]); 3] = [
        ("CONVENE_CONFIG", &wrong, &["wrong.yaml", "max-connections", "many"]),
        ("CONVENE_WORKERS", "0", &["--workers", "0"]),
        ("CONVENE_DEV", "perhaps", &["--dev", "perhaps"]),
    ];
    let of_flags = flags.into_iter().map(|(flags, expected)| (run(flags, &[]), expected));
    let of_variables = variables.into_iter().map(|(name, value, expected)| (run(&[], &[(name, value)]), expected));
    for ((status, said), expected) in of_flags.chain(of_variables) {
        assert_eq!(status, 2, "{expected:?}: {said}");
        assert!(expected.iter().all(|part| said.contains(part)), "{expected:?}: {said}");
    }
}

#[test]
fn a_failed_start_exits_with_1_and_a_reason_in_the_last_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (folder, address) = (Folder::new(), taken.local_addr().unwrap().to_string());
    let (empty, web) = (folder.file("empty.pem", ""), folder.0.display().to_string());
    let cases: [(&[&str], &str); 4] = [
        (&["--listen", &address, "--web-dir", &web], "could not listen on"),
        (&["--listen", "127.0.0.1:0", "--demo-listen", &address, "--web-dir", &web], "could not listen on"),
        (&["--listen", "127.0.0.1:0", "--tls-cert", &empty, "--tls-key", &empty], "no valid certificate chain"),
        (&["--listen", "127.0.0.1:0", "--tls-cert", "/no/cert", "--tls-key", &empty], "/no/cert"),
    ];
    for (flags, expected) in cases {
        let ports = free_block(1).to_string();
        let (status, said) = run(&[&["--dev", "--workers", "1", "--rtc-ports", &ports], flags].concat(), &[]);
        assert_eq!(status, 1, "{flags:?}: {said}");
        assert!(said.trim_end().lines().last().unwrap().contains(expected), "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn a_flag_overrides_the_environment_and_that_the_file() {
    let folder = Folder::new();
    // The addresses in the file and the environment are not addresses of this machine.
    let file = folder.file("pod.yaml", "listen: 192.0.2.1:1\nmax-connections: 1\nlog-format: json\n");
    let pod = Process::start_with(|command| {
        command.env("CONVENE_CONFIG", &file).env("CONVENE_LISTEN", "192.0.2.2:2").env("CONVENE_MAX_CONNECTIONS", "2");
        command.args(["--listen", "127.0.0.1:0"]);
    });
    let (first, second) = (pod.connect().await, pod.connect().await);
    assert_eq!(get(pod.connect().await, "/readyz").await.0, 503, "two connections are open");
    assert_eq!(get(first, "/readyz").await.0, 200);
    drop(second);
    let (_, log) = pod.end();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
}

#[tokio::test]
async fn a_pod_that_waits_for_its_address_is_alive_and_not_ready() {
    let folder = Folder::new();
    let file = folder.0.join("addresses");
    let port = free_port();
    let ports_file = folder.0.join("ports");
    let flags = [
        format!("--listen=127.0.0.1:{port}"),
        format!("--announced-address-file={}", file.display()),
        format!("--announced-ports-file={}", ports_file.display()),
    ];
    let starting = tokio::task::spawn_blocking(move || {
        Process::start_with(|command| {
            let block = command.get_args().find_map(|arg| arg.to_str()?.split_once('-')?.0.parse::<u16>().ok());
            let listening = block.unwrap();
            std::fs::write(&ports_file, format!("{listening}/udp=31001,{listening}/tcp=31002\n")).unwrap();
            command.args(&flags);
        })
    });
    let answer = async |path| match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(stream) => get(stream, path).await,
        Err(_) => (0, String::new()),
    };
    while answer("/healthz").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answer("/readyz").await, (503, "not ready: no announced address yet\n".into()));
    assert_eq!(answer("/signal/room?peerId=ada").await.0, 503);
    std::fs::write(&file, "192.0.2.7, 2001:db8::7").unwrap();
    let pod = starting.await.unwrap();
    assert_eq!(get(pod.connect().await, "/readyz").await.0, 200);
    let mut ada = Client::open(pod.connect().await, "/signal/room?peerId=ada").await;
    let made = ada.ask(1, "createWebRtcTransport", json!({ "appData": { "direction": "producer" } })).await;
    let candidates = made["data"]["iceCandidates"].as_array().unwrap();
    let told: Vec<_> = candidates.iter().map(|candidate| (&candidate["address"], &candidate["port"])).collect();
    let address = json!("192.0.2.7");
    assert_eq!(told, [(&address, &json!(31_001)), (&address, &json!(31_002))], "nothing listens on IPv6");
}

#[tokio::test]
async fn the_main_port_uses_tls_with_a_certificate() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = Folder::new();
    let cert = folder.file("cert.pem", &made.cert.pem());
    let key = folder.file("key.pem", &made.signing_key.serialize_pem());
    let pod = Process::start(&["--tls-cert", &cert, "--tls-key", &key]);
    let (port, pin) = (pod.port("https://localhost:"), fingerprint(made.cert.der()));
    assert_eq!(get(connect_tls(port, &pin).await.unwrap(), "/readyz").await.0, 200);
    let mut ada = Client::open(connect_tls(port, &pin).await.unwrap(), "/signal/room?peerId=ada").await;
    assert_eq!(ada.ask(1, "getRouterRtpCapabilities", json!({})).await["ok"], true);
    assert!(connect_tls(port, "another").await.is_err());
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    plain.write_all(b"GET /readyz HTTP/1.1\r\nHost: pod\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "nothing is sent in plain text");
}

#[tokio::test]
async fn the_demo_has_a_separate_port_with_a_self_signed_certificate() {
    let pod = Process::start(&["--demo-listen", "127.0.0.1:0"]);
    let port = pod.port("mediasoup demo: https://127.0.0.1:");
    let pin = pod.said.last().unwrap().rsplit("SHA-256 ").next().unwrap().trim_end_matches(')').to_owned();
    let query = "/?roomId=room&peerId=bob&consumerReplicas=undefined&usePipeTransports=false";
    let mut bob = Client::open(connect_tls(port, &pin).await.unwrap(), query).await;
    assert_eq!(bob.ask(1, "join", json!({ "displayName": "Bob", "device": {} })).await["ok"], true);
    let mut ada = Client::open(pod.connect().await, "/signal/room?peerId=ada").await;
    let joined = ada.ask(1, "join", json!({ "displayName": "Ada", "device": {} })).await;
    assert_eq!(joined["data"]["peers"][0]["id"], "bob", "both ports lead to the same room");
    assert_eq!(pod.end().0.code(), Some(0));
}

#[tokio::test]
async fn metrics_have_a_separate_port() {
    let port = free_port();
    let pod = Process::start(&["--metrics-listen", &format!("127.0.0.1:{port}")]);
    let ask = async |path| get(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), path).await;
    let (status, metrics) = ask("/metrics").await;
    assert_eq!(status, 200);
    for metric in ["convene_media_workers 1", "convene_log_lines_lost_total 0"] {
        assert!(metrics.contains(metric), "{metric}: {metrics}");
    }
    assert_eq!(ask("/healthz").await, (200, "ok\n".into()));
    for path in ["/stats", "/readyz", "/admin/v1/rooms", "/m/hello", "/signal/room?peerId=ada"] {
        assert_eq!(ask(path).await.0, 404, "{path}");
    }
    assert_eq!(pod.end().0.code(), Some(0));
}

async fn until_the_log_is_lost(pod: &Process) {
    let until = async {
        while get(pod.connect().await, "/readyz").await != (503, "not ready: the log cannot be written\n".into()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, until).await.expect("readiness says so");
}

#[tokio::test]
async fn a_log_that_is_not_writable_fails_readiness_and_no_request() {
    let full = || File::options().write(true).open("/dev/full").unwrap().into();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer.into()
    };
    let logs: [&dyn Fn() -> Stdio; 2] = [&full, &closed];
    for log in logs {
        let pod = Process::start_with(|command| {
            command.args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "debug").stderr(log());
        });
        until_the_log_is_lost(&pod).await;
        for path in ["/healthz", "/m/hello", "/api/v1/meetings/hello", "/stats"] {
            assert_eq!(get(pod.connect().await, path).await.0, 200, "{path}");
        }
        let mut ada = Client::open(pod.connect().await, "/signal/room?peerId=ada").await;
        assert_eq!(ada.ask(1, "join", json!({ "displayName": "Ada", "device": {} })).await["ok"], true);
        let (_, metrics) = get(pod.connect().await, "/metrics").await;
        let lost = metrics.lines().find_map(|line| line.strip_prefix("convene_log_lines_lost_total "));
        assert!(lost.is_some_and(|lost| lost != "0"), "{lost:?}");
        assert_eq!(pod.end().0.code(), Some(0));
    }
}

#[tokio::test]
async fn a_log_that_is_not_read_blocks_nothing() {
    // Kept open, so that the pipe stays full to its last byte.
    let (_reader, writer) = std::io::pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    std::thread::spawn(move || filler.write_all(&vec![b' '; 2 * 1024 * 1024]));
    let pod = Process::start_with(|command| {
        command.args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "debug").stderr(writer.try_clone().unwrap());
    });
    let refused = "GET /m/hello HTTP/1.1\r\nHost: rebound.evil.example";
    for _ in 0..50 {
        assert_eq!(status(&pod, refused).await, 421, "it logs a line");
    }
    until_the_log_is_lost(&pod).await;
    assert_eq!(get(pod.connect().await, "/m/hello").await.0, 200);
    assert_eq!(pod.end().0.code(), Some(0), "the end does not wait for it either");
}

/// Status of the response to a request without body.
async fn status(pod: &Process, head: &str) -> u16 {
    http(pod.connect().await, head, "").await.status
}

#[tokio::test]
async fn a_standalone_pod_answers_only_to_its_own_names_and_pages() {
    let pod = Process::start(&["--allowed-origins", "https://app.example.org:3000"]);
    let port = pod.port("//localhost:");
    let page = http(pod.connect().await, &format!("GET /m/hello HTTP/1.1\r\nHost: localhost:{port}"), "").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'self'"), "{page:?}");
    assert!(page.header("permissions-policy").contains("camera=(self)"), "{page:?}");
    assert_eq!((page.header("x-content-type-options"), page.header("referrer-policy")), ("nosniff", "no-referrer"));
    for path in ["/m/hello", "/stats", "/api/v1/meetings/hello", "/rooms/hello"] {
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: rebound.evil.example:{port}");
        assert_eq!(status(&pod, &rebound).await, 421, "{path}");
    }
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: protoo";
    for (origin, expected) in [
        (format!("http://localhost:{port}"), 101),
        ("https://app.example.org:3000".into(), 101),
        ("http://localhost:3000".into(), 403),
        ("https://evil.example".into(), 403),
        ("null".into(), 403),
    ] {
        let ask =
            |line: &str, more: &str| format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\n{more}");
        let opened = opening_status(&pod, &ask("GET /signal/room?peerId=ada", socket)).await;
        assert_eq!(opened, expected, "a socket of {origin}");
        let drained = status(&pod, &ask("DELETE /admin/v1/drain", "Accept: */*")).await;
        assert_eq!(drained, if expected == 403 { 403 } else { 204 }, "a call of {origin}");
    }
}

/// Status of a response that opens a socket and therefore does not end.
async fn opening_status(pod: &Process, head: &str) -> u16 {
    let mut stream = pod.connect().await;
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = [0; 12];
    stream.read_exact(&mut text).await.unwrap();
    std::str::from_utf8(&text[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn allowed_pages_may_embed_the_app() {
    let pod = Process::start(&["--embed-origins", "https://app.example.org"]);
    let page = http(pod.connect().await, "GET /m/hello HTTP/1.1\r\nHost: localhost", "").await;
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'self' https://app.example.org"), "{policy}");
}

#[tokio::test]
async fn a_browser_gets_a_cookie_of_this_pod_once() {
    let pod = Process::start(&[]);
    let page = async |cookie: &str| {
        let head = format!("GET /m/hello HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}");
        http(pod.connect().await, &head, "").await.header("set-cookie").to_owned()
    };
    let first = page("other=1").await;
    assert!(first.starts_with("convene-guest=") && first.contains("HttpOnly; SameSite=Lax"), "{first}");
    let pair = first.split(';').next().unwrap();
    assert_eq!(page(&format!("other=1; {pair}")).await, "", "it counts");
    let forged = format!("{}0", &pair[..pair.len() - 1]);
    assert!(page(&forged).await.starts_with("convene-guest=") || forged == pair, "another one does not");
    let asset = http(pod.connect().await, "GET /index.html HTTP/1.1\r\nHost: localhost", "").await;
    assert_eq!(asset.header("set-cookie"), "", "only the pages of meetings set it");
}

#[tokio::test]
async fn switches_for_tests_are_ignored_unless_the_pod_allows_them() {
    let path = "/?roomId=room&peerId=ada&usePipeTransports=true&consumerReplicas=3";
    let pod = Process::start(&[]);
    let mut ada = Client::open(pod.connect().await, path).await;
    assert_eq!(ada.ask(1, "getRouterRtpCapabilities", json!({})).await["ok"], true, "one worker is enough");
    let pod = Process::start(&["--allow-test-switches"]);
    let mut ada = Client::open(pod.connect().await, path).await;
    assert_eq!(ada.end().await, (4000, "usePipeTransports needs two media workers".to_owned()));
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_and_a_client_that_continues_is_disconnected() {
    // A client may send three kilobytes per request; beyond that it is read more slowly, and not refused. Few enough that a busy machine
    // exceeds it.
    let pod = Process::start(&["--requests-per-second", "200", "--request-burst", "5"]);
    let mut bob = Client::open(pod.connect().await, "/signal/room?peerId=bob").await;
    let mut eve = Client::open(pod.connect().await, "/signal/room?peerId=eve").await;
    let refused = loop {
        let answer = eve.ask(7, "getRouterRtpCapabilities", json!({})).await;
        if answer["ok"] != true {
            break answer;
        }
    };
    assert_eq!(
        (&refused["errorCode"], &refused["errorReason"]),
        (&json!(429), &json!("too many requests: send fewer"))
    );
    let notification = json!({ "notification": true, "method": "pauseProducer", "data": { "producerId": "x" } });
    for _ in 0..2000 {
        if eve.0.send(Message::text(notification.to_string())).await.is_err() {
            break;
        }
    }
    assert_eq!(eve.end().await, (4000, "too many requests".to_owned()));
    assert_eq!(bob.ask(1, "getRouterRtpCapabilities", json!({})).await["ok"], true);
    let (_, metrics) = get(pod.connect().await, "/metrics").await;
    for reason in ["TooManyRequests", "TooManyNotifications", "SentAway"] {
        assert!(metrics.contains(&format!("{{reason=\"{reason}\"}}")), "{reason} is counted");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_gets_an_error_and_one_far_over_it_closes_the_socket() {
    let pod = Process::start(&["--max-message-bytes", "2000"]);
    let mut eve = Client::open(pod.connect().await, "/signal/room?peerId=eve").await;
    let text = |bytes| format!(r#"{{"request":true,"id":1,"method":"join","data":"{}"}}"#, "x".repeat(bytes));
    eve.0.send(Message::text(text(2000))).await.unwrap();
    let answer = loop {
        let message = eve.next().await.unwrap();
        if message["response"] == true {
            break message;
        }
    };
    assert_eq!(answer["errorReason"], "the message is longer than 2000 bytes");
    assert_eq!((&answer["id"], &answer["errorCode"]), (&json!(-1), &json!(413)));
    eve.0.send(Message::text(text(10_000))).await.unwrap();
    assert_eq!(eve.end().await, (1009, "the message is far too large".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_slow_down_no_request() {
    let open_files = convene_service::http::open_files::raise().unwrap_or(u64::MAX);
    let flood = FLOOD.min(open_files.saturating_sub(1000));
    let pod = Process::start(&[]);
    let mut ada = Client::open(pod.connect().await, "/signal/room?peerId=ada").await;
    let mut silent = Vec::new();
    for number in 0..flood {
        silent.push(pod.connect().await);
        if number % 1000 == 0 {
            assert_eq!(ada.ask(number, "getRouterRtpCapabilities", json!({})).await["ok"], true);
        }
    }
    let mut bob = Client::open(pod.connect().await, "/signal/room?peerId=bob").await;
    assert_eq!(bob.ask(1, "join", json!({ "displayName": "Bob", "device": {} })).await["ok"], true);
    // All of them are closed, and no other connection is.
    for (number, mut stream) in (0..).zip(silent) {
        if number % 1000 == 0 {
            assert_eq!(ada.ask(number, "getRouterRtpCapabilities", json!({})).await["ok"], true);
        }
        let ended = tokio::time::timeout(TIMEOUT, stream.read(&mut [0; 1])).await.expect("it is ended in time");
        assert!(matches!(ended, Ok(0) | Err(_)));
    }
    assert_eq!(ada.ask(1, "join", json!({ "displayName": "Ada", "device": {} })).await["ok"], true);
    assert_eq!(pod.end().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_that_never_join_slow_down_no_request() {
    let pod = Process::start(&[]);
    let mut ada = Client::open(pod.connect().await, "/signal/room?peerId=ada").await;
    let mut silent = Vec::new();
    for number in 0..1000 {
        silent
            .push(Client::open(pod.connect().await, &format!("/signal/other-{}?peerId=p{number}", number % 50)).await);
        if number % 100 == 0 {
            assert_eq!(ada.ask(number, "getRouterRtpCapabilities", json!({})).await["ok"], true);
        }
    }
    assert_eq!(ada.ask(1, "join", json!({ "displayName": "Ada", "device": {} })).await["ok"], true);
    assert_eq!(get(pod.connect().await, "/readyz").await.0, 200);
    assert_eq!(pod.end().0.code(), Some(0), "it still ends in time");
}

//! A real pod on loopback, protoo clients, and WebRTC peers of another implementation (str0m).

pub(crate) mod audio;
pub(crate) mod film;
pub(crate) mod link;
pub(crate) mod log;
pub(crate) mod numbers;
pub(crate) mod peer;
pub(crate) mod plain;
pub(crate) mod process;
pub(crate) mod stun;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use convene_media_pod::access::keys::TrustedKeys;
use convene_media_pod::http::probe_limiter::ProbeLimiter;
use convene_media_pod::http::routes::{metrics_router, router};
use convene_media_pod::http::state::{AppState, HandlerOptions};
use convene_media_pod::metrics::Metrics;
use convene_media_pod::network::endpoints::Announcement;
use convene_media_pod::network::port_block::PortBlock;
use convene_media_pod::rooms::Rooms;
use convene_media_pod::rooms::defaults::RoomDefaults;
use convene_media_pod::sfu::tcp::limits::TcpLimits;
use convene_media_pod::sfu::workers::{PipePorts, WorkerSpec, Workers};
use convene_media_pod::signaling::limits::ClientLimits;
use convene_protocol::admission::{KeySet, Signer};
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{self, Server, Settings};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Timeout for every wait.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(40);

/// A pod in this process.
pub(crate) struct Pod {
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
    pub(crate) state: AppState,
    _web_dir: tempdir::TempDir,
}

/// A folder that is removed when dropped.
mod tempdir {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(crate) struct TempDir(PathBuf);

    impl TempDir {
        pub(crate) fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("convene-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for TempDir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

impl Pod {
    /// A pod that trusts everyone.
    pub(crate) async fn start() -> Self {
        Self::start_with(None, 1).await
    }

    /// A pod that trusts `keys`, with some workers.
    pub(crate) async fn start_with(keys: Option<KeySet>, workers: usize) -> Self {
        Self::start_as(keys, workers, 0, RoomDefaults::default()).await
    }

    /// A pod that trusts everyone, with one worker that listens on all addresses and announces what `announce` returns for its ports.
    pub(crate) async fn start_announcing(announce: impl Fn(&PortBlock) -> Announcement) -> Self {
        let metrics = Metrics::default();
        let listen_ip = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let workers = start_workers(1, 4, listen_ip, announce, &metrics).await;
        Self::start_on(None, workers, RoomDefaults::default(), metrics)
    }

    /// A pod that trusts everyone, with ports for plain transports and pipes, and defaults for its rooms.
    pub(crate) async fn start_set(workers: usize, plain_ports: usize, settings: RoomDefaults) -> Self {
        Self::start_as(None, workers, plain_ports, settings).await
    }

    /// A pod that trusts `keys`, or everyone.
    pub(crate) async fn start_as(
        keys: Option<KeySet>,
        workers: usize,
        plain_ports: usize,
        settings: RoomDefaults,
    ) -> Self {
        let metrics = Metrics::default();
        let announced = |_: &PortBlock| Announcement { addresses: vec!["127.0.0.1".into()], ..Announcement::default() };
        let workers = start_workers(workers, plain_ports, Ipv4Addr::LOCALHOST.into(), announced, &metrics).await;
        Self::start_on(keys, workers, settings, metrics)
    }

    /// The state of a pod that trusts `keys` and has ports for pipes to other pods.
    pub(crate) async fn start_for_links(keys: KeySet) -> AppState {
        let metrics = Metrics::default();
        let announced = Announcement { addresses: vec!["127.0.0.1".into()], ..Announcement::default() };
        let ip = Ipv4Addr::LOCALHOST.into();
        for _ in 0..20 {
            let (block, announced) = (free_block(1), announced.clone());
            let pipes = Some(PipePorts { ip, ports: free_block(8).all() });
            let spec =
                WorkerSpec { count: 1, block, listen_ips: vec![ip], announced, tcp: TcpLimits::default(), pipes };
            if let Ok(workers) = Workers::start(spec, metrics.clone()).await {
                return Self::start_on(Some(keys), workers, RoomDefaults::default(), metrics).state;
            }
        }
        panic!("no free ports");
    }

    fn start_on(keys: Option<KeySet>, workers: Arc<Workers>, settings: RoomDefaults, metrics: Metrics) -> Self {
        let rooms = Rooms::new(Arc::clone(&workers), settings, metrics.clone());
        let state = AppState {
            rooms,
            workers,
            keys: keys.map(TrustedKeys::new),
            replay: Arc::default(),
            sessions: Arc::default(),
            lent: None,
            probes: ProbeLimiter::default(),
            client_limits: ClientLimits::default(),
            metrics,
            options: HandlerOptions { allow_test_switches: true, ..HandlerOptions::default() },
            started: Instant::now(),
        };
        Self::with_state(state)
    }

    /// A pod with this state.
    pub(crate) fn with_state(state: AppState) -> Self {
        let web_dir = tempdir::TempDir::new();
        std::fs::write(web_dir.path().join("index.html"), "<title>the app</title>").unwrap();
        let is_dev = state.keys.is_none();
        let router = router(state.clone(), is_dev.then(|| web_dir.path()));
        let address = serve(router);
        let metrics = serve(metrics_router(state.clone()));
        Self { address, metrics, state, _web_dir: web_dir }
    }

    /// Status and body of a plain GET. Metrics are read from their own listener; an admin token is sent if needed.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        match path {
            "/metrics" => ask(self.metrics, "GET", path, "", "").await,
            "/stats" => self.http("GET", path, &admin_token()).await,
            path => self.http("GET", path, "").await,
        }
    }

    /// Response to a plain request without body.
    pub(crate) async fn http(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        self.http_with(method, path, headers, "").await
    }

    /// Response to a request.
    pub(crate) async fn http_with(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        ask(self.address, method, path, headers, body).await
    }

    /// `/stats`.
    pub(crate) async fn stats(&self) -> Value {
        serde_json::from_str(&self.get("/stats").await.1).unwrap()
    }

    /// Waits until the body of a path satisfies `is_so`.
    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&str) -> bool, what: &str) {
        let start = Instant::now();
        loop {
            let (_, text) = self.get(&format!("/{path}")).await;
            if is_so(&text) {
                return;
            }
            assert!(start.elapsed() < TIMEOUT, "{what} did not come: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until `/stats` satisfies `is_so`.
    pub(crate) async fn until_stats(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let stats = self.stats().await;
            if is_so(&stats) {
                return stats;
            }
            assert!(start.elapsed() < TIMEOUT, "{what} did not come: {stats}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn serve(router: axum::Router) -> SocketAddr {
    let listener = listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    Server::new(Arc::new(ConnectionLimiter::in_total(10_000)), Settings::default()).serve(listener, router);
    address
}

/// Status and body of the response to a request.
async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}{headers}\r\n");
    let request = format!("{head}{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The operator's authorization header.
pub(crate) fn admin_token() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let signer =
        Signer::from_pem(include_str!("../../../../crates/protocol/tests/data/admission-test-key.pem"), "test")
            .unwrap();
    format!("Authorization: Bearer {}\r\n", signer.admin(now).unwrap())
}

/// Free ports can be taken by another process before they are opened; then others are tried.
async fn start_workers(
    count: usize,
    plain_ports: usize,
    listen_ip: IpAddr,
    announce: impl Fn(&PortBlock) -> Announcement,
    metrics: &Metrics,
) -> Arc<Workers> {
    for _ in 0..20 {
        let block = free_block(count + plain_ports);
        let announced = announce(&block);
        let spec =
            WorkerSpec { count, block, listen_ips: vec![listen_ip], announced, tcp: TcpLimits::default(), pipes: None };
        if let Ok(workers) = Workers::start(spec, metrics.clone()).await {
            return workers;
        }
    }
    panic!("no free block of {count} ports");
}

/// Ports below those that the kernel gives to connections: tests with thousands of connections would take a port between the check and
/// the start of the program that needs it.
const BLOCKS: std::ops::Range<u16> = 10_000..20_000;

/// A block of ports that is free at this moment, and used by no other test of this process: a worker that ends releases its port for a
/// moment, and its successor needs it.
pub(crate) fn free_block(count: usize) -> PortBlock {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let is_free = |port: u16| {
        UdpSocket::bind(("127.0.0.1", port)).is_ok() && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
    };
    let count = u16::try_from(count).unwrap();
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        // Several of these programs may run at once.
        let first = next.unwrap_or_else(|| BLOCKS.start + u16::try_from(std::process::id() % 90 * 100).unwrap());
        let first = if first + count > BLOCKS.end { BLOCKS.start } else { first };
        *next = Some(first + count);
        if (first..first + count).all(is_free) {
            return PortBlock::new(first, first + count - 1).unwrap();
        }
    }
}

/// A protoo client.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    waiting: VecDeque<Value>,
    received: u64,
}

impl Client {
    /// Connects to a room of a pod.
    pub(crate) async fn connect(pod: &Pod, room: &str, peer: &str) -> Self {
        Self::try_connect(pod, room, peer, None).await.expect("the pod accepts the connection")
    }

    /// Connects, optionally with a token; the error is the HTTP status.
    pub(crate) async fn try_connect(pod: &Pod, room: &str, peer: &str, token: Option<&str>) -> Result<Self, u16> {
        Self::try_open(pod, &format!("/signal/{room}?peerId={peer}"), token).await
    }

    /// Connects to a path of the pod.
    pub(crate) async fn try_open(pod: &Pod, path: &str, token: Option<&str>) -> Result<Self, u16> {
        let mut request = format!("ws://{}{path}", pod.address).into_client_request().expect("a good address");
        request.headers_mut().insert("Sec-WebSocket-Protocol", "protoo".parse().unwrap());
        if let Some(token) = token {
            request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket, next_id: 0, waiting: VecDeque::new(), received: 0 }),
            Err(WsError::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("could not connect: {error}"),
        }
    }

    /// Messages received, as a session counts them.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Names of the requests and notifications received that the test has not taken.
    pub(crate) fn unexpected(&self) -> Vec<&str> {
        self.waiting.iter().filter_map(|message| message["method"].as_str()).collect()
    }

    /// Sends raw text.
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends raw bytes below the WebSocket layer.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt;
        let MaybeTlsStream::Plain(stream) = self.socket.get_mut() else { panic!("the tests use no TLS") };
        stream.write_all(bytes).await.unwrap();
    }

    /// Sends a request and returns its response.
    pub(crate) async fn ask(&mut self, method: &str, data: Value) -> Result<Value, (u64, String)> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await;
        let answer = self.until(|message| message["response"] == true && message["id"] == id).await;
        if answer["ok"] == true {
            Ok(answer["data"].clone())
        } else {
            Err((answer["errorCode"].as_u64().unwrap(), answer["errorReason"].as_str().unwrap().to_owned()))
        }
    }

    /// Sends a notification.
    pub(crate) async fn tell(&mut self, method: &str, data: Value) {
        self.send(json!({ "notification": true, "method": method, "data": data }).to_string()).await;
    }

    /// Accepts a request of the pod.
    pub(crate) async fn accept(&mut self, request: &Value) {
        self.send(json!({ "response": true, "id": request["id"], "ok": true, "data": {} }).to_string()).await;
    }

    /// The next message of a method, request or notification.
    pub(crate) async fn hear(&mut self, method: &str) -> Value {
        self.until(|message| message["method"] == method).await
    }

    /// The first message that matches, already received or not. Others are kept.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(index).unwrap();
        }
        let next = async {
            loop {
                let message = self.next().await.expect("the socket is open");
                if fits(&message) {
                    return message;
                }
                self.waiting.push_back(message);
            }
        };
        let heard = tokio::time::timeout(TIMEOUT, next).await;
        heard.unwrap_or_else(|_| panic!("it did not arrive; received instead: {:?}", self.waiting))
    }

    /// Closes the socket for good, as a client that leaves does.
    pub(crate) async fn leave(mut self) {
        self.socket.close(None).await.unwrap();
    }

    /// Reads until the pod closes the socket, without a timeout; returns code and reason.
    pub(crate) async fn drain_until_closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    /// Code and reason of the pod's close frame.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let end = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    other => panic!("ended without a close frame: {other:?}"),
                }
            }
        };
        tokio::time::timeout(TIMEOUT, end).await.expect("the pod closes the socket")
    }

    async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    // Describes the session, and is not counted in it.
                    self.received += u64::from(message["method"] != "session");
                    return Ok(message);
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(_)) => {}
                other => panic!("the socket ended: {other:?}"),
            }
        }
    }

    /// Creates a transport for a direction.
    pub(crate) async fn transport(&mut self, direction: &str) -> Value {
        let data = json!({ "forceTcp": false, "appData": { "direction": direction } });
        self.ask("createWebRtcTransport", data).await.unwrap()
    }

    /// Joins with the router's own capabilities.
    pub(crate) async fn join(&mut self, name: &str) -> Value {
        let answer = self.ask("getRouterRtpCapabilities", json!({})).await.unwrap();
        let data = json!({
            "displayName": name, "device": { "flag": "unknown", "name": "test" },
            "rtpCapabilities": answer["routerRtpCapabilities"],
        });
        self.ask("join", data).await.unwrap()
    }
}

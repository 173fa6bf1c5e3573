use super::super::stun::tests::frame;
use super::*;
use mediasoup::prelude::IceParameters;

const LIMITS: TcpLimits = TcpLimits { pending: 40, pending_per_address: 30, open: 4, open_per_address: 3 };
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A guard in front of an echo server.
struct Guarded {
    tcp_port: TcpPort,
    port: u16,
    credentials: Credentials,
    metrics: Metrics,
}

impl Guarded {
    async fn start(limits: TcpLimits) -> Self {
        let metrics = Metrics::default();
        let guard = TcpGuard::new(limits, metrics.clone());
        let (tcp_port, port) = open(&guard);
        let guarded = Self { tcp_port, port, credentials: Credentials::default(), metrics };
        let parameters =
            IceParameters { username_fragment: "server".into(), password: "secret".into(), ice_lite: Some(true) };
        guarded.credentials.add("t1", &parameters);
        guarded.tcp_port.forward_to(vec![echo().await], guarded.credentials.clone());
        guarded
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect((LOCAL, self.port)).await.unwrap()
    }

    /// From another address of this machine.
    async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 1, 1, last), 0).into()).unwrap();
        socket.connect((LOCAL, self.port).into()).await.unwrap()
    }

    async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    fn count(&self, outcome: &str) -> u64 {
        self.metrics.tcp_connections.with_label_values(&[outcome]).get()
    }
}

/// A free port can be taken by another process before it is opened; then the next is tried.
fn open(guard: &Arc<TcpGuard>) -> (TcpPort, u16) {
    for _ in 0..20 {
        let port = std::net::TcpListener::bind((LOCAL, 0)).unwrap().local_addr().unwrap().port();
        if let Ok(tcp_port) = TcpPort::open(guard, &[LOCAL], port) {
            return (tcp_port, port);
        }
    }
    panic!("no free port")
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

fn good() -> Vec<u8> {
    frame("server:client", "secret")
}

/// Whether exactly these bytes are echoed.
async fn is_echoed(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let mut heard = vec![0; bytes.len()];
    timeout(Duration::from_secs(10), stream.read_exact(&mut heard)).await.unwrap().is_ok() && heard == bytes
}

/// The time until the connection is closed without a response.
async fn closed(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut heard = [0; 16];
    let end = timeout(FIRST_FRAME * 4, stream.read(&mut heard)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    start.elapsed()
}

#[tokio::test]
async fn a_connection_with_ice_credentials_is_passed_on_from_its_first_byte() {
    let guarded = Guarded::start(LIMITS).await;
    let mut stream = guarded.connect().await;
    let first = [good(), b"and more".to_vec()].concat();
    for byte in &first {
        stream.write_all(&[*byte]).await.unwrap();
    }
    assert!(is_echoed(&mut stream, &first).await);
    stream.write_all(b"media").await.unwrap();
    assert!(is_echoed(&mut stream, b"media").await);
    assert_eq!((guarded.count("Accepted"), guarded.metrics.tcp_open.get()), (1, 1));
}

#[tokio::test]
async fn anything_else_is_closed_at_once() {
    let guarded = Guarded::start(LIMITS).await;
    let cases = [
        (b"\xff\xff".to_vec(), "NotStun"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "NotStun"),
        (b"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42123456789012".to_vec(), "NoCredentials"),
        (frame("other:client", "secret"), "UnknownTransport"),
        (frame("server:client", "guess"), "WrongSignature"),
    ];
    for (bytes, outcome) in cases {
        let mut stream = guarded.say(&bytes).await;
        assert!(closed(&mut stream).await < FIRST_FRAME / 2, "{outcome}");
    }
    for (outcome, count) in [("NotStun", 2), ("NoCredentials", 1), ("UnknownTransport", 1), ("WrongSignature", 1)] {
        assert_eq!(guarded.count(outcome), count, "{outcome}");
    }
    let mut half = guarded.say(&good()[..30]).await;
    half.shutdown().await.unwrap();
    closed(&mut half).await;
    assert_eq!((guarded.count("Left"), guarded.metrics.tcp_open.get()), (1, 0));
}

#[tokio::test]
async fn a_silent_connection_and_a_slow_one_are_closed_after_the_same_time() {
    let guarded = Guarded::start(LIMITS).await;
    let (mut silent, mut slow) = (guarded.connect().await, guarded.say(&good()[..30]).await);
    let (silent, slow) = tokio::join!(closed(&mut silent), closed(&mut slow));
    assert!(silent >= FIRST_FRAME / 2 && slow >= FIRST_FRAME / 2);
    assert_eq!(guarded.count("TooSlow"), 2);
}

#[tokio::test]
async fn silent_connections_keep_no_honest_one_out() {
    let guarded = Guarded::start(LIMITS).await;
    let mut silent = Vec::new();
    for number in 0..200 {
        silent.push(guarded.connect_from(1 + number % 100).await);
    }
    let mut honest = guarded.say(&good()).await;
    assert!(is_echoed(&mut honest, &good()).await);
    let start = Instant::now();
    while guarded.count("Displaced") < 150 {
        assert!(start.elapsed() < FIRST_FRAME, "{} were displaced", guarded.count("Displaced"));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn open_connections_are_limited_by_address() {
    let guarded = Guarded::start(LIMITS).await;
    let mut streams = Vec::new();
    for _ in 0..LIMITS.open_per_address {
        let mut stream = guarded.say(&good()).await;
        assert!(is_echoed(&mut stream, &good()).await);
        streams.push(stream);
    }
    let mut one_more = guarded.say(&good()).await;
    closed(&mut one_more).await;
    assert_eq!(guarded.count("TooMany"), 1);
    drop(streams.pop());
    let start = Instant::now();
    while guarded.metrics.tcp_open.get() > 2 {
        assert!(start.elapsed() < FIRST_FRAME, "the place is not given back");
        sleep(Duration::from_millis(5)).await;
    }
    let mut another = guarded.say(&good()).await;
    assert!(is_echoed(&mut another, &good()).await);
}

#[tokio::test]
async fn connections_end_with_their_transport_and_with_the_worker() {
    let guarded = Guarded::start(LIMITS).await;
    let mut stream = guarded.say(&good()).await;
    assert!(is_echoed(&mut stream, &good()).await);
    guarded.tcp_port.close();
    closed(&mut stream).await;
    let mut early = guarded.say(&good()).await;
    closed(&mut early).await;
    assert_eq!(guarded.count("NoWorker"), 1);
    let credentials = Credentials::default();
    let parameters =
        IceParameters { username_fragment: "newer".into(), password: "secret".into(), ice_lite: Some(true) };
    credentials.add("t2", &parameters);
    guarded.tcp_port.forward_to(vec![echo().await], credentials);
    let mut later = guarded.say(&frame("newer:client", "secret")).await;
    assert!(is_echoed(&mut later, &frame("newer:client", "secret")).await, "the successor of the worker is reached");
    drop(guarded.tcp_port);
    closed(&mut later).await;
}

#[tokio::test]
async fn a_worker_that_takes_no_connection_is_none() {
    let guarded = Guarded::start(LIMITS).await;
    let closed_port = TcpListener::bind((LOCAL, 0)).await.unwrap().local_addr().unwrap();
    let parameters =
        IceParameters { username_fragment: "newer".into(), password: "secret".into(), ice_lite: Some(true) };
    let credentials = Credentials::default();
    credentials.add("t2", &parameters);
    guarded.tcp_port.forward_to(vec![closed_port], credentials);
    let mut stream = guarded.say(&frame("newer:client", "secret")).await;
    closed(&mut stream).await;
    assert_eq!((guarded.count("NoWorker"), guarded.metrics.tcp_open.get()), (1, 0));
}

#[tokio::test]
async fn both_families_listen_on_one_port() {
    let guard = TcpGuard::new(LIMITS, Metrics::default());
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let port = std::net::TcpListener::bind((LOCAL, 0)).unwrap().local_addr().unwrap().port();
    let both = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let Ok(tcp_port) = TcpPort::open(&guard, &both, port) else { return };
    let credentials = Credentials::default();
    let parameters =
        IceParameters { username_fragment: "server".into(), password: "secret".into(), ice_lite: Some(true) };
    credentials.add("t1", &parameters);
    let unused = SocketAddr::new(LOCAL, 9);
    tcp_port.forward_to(vec![unused, echo().await], credentials);
    let mut stream = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
    stream.write_all(&good()).await.unwrap();
    assert!(is_echoed(&mut stream, &good()).await, "each listener leads to its own address of the worker");
}

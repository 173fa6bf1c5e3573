//! How every program serves HTTP, whatever it is that it serves: unknown paths and methods, handlers that panic, slow clients, too many
//! clients, no file descriptors. Shared by the tests of several programs; each assertion is the same for all of them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

use super::environment::{Folder, collect, free_port};

/// Time limit of every wait.
const TIMEOUT: Duration = Duration::from_secs(40);
/// Descriptors that are left to a program whose limit is lowered.
const SPARE_FILES: u64 = 8;

/// Declares the tests that a program passes; `$start` starts it with flags.
macro_rules! serving_tests {
    ($start:path) => {
        #[test]
        fn unknown_paths_and_methods_are_problems() {
            serving::check_refusals(&$start(&[]));
        }

        #[test]
        fn a_slow_request_head_ends_its_connection_and_no_other() {
            serving::check_slow_heads(&$start(&[]));
        }

        #[test]
        fn without_file_descriptors_the_program_waits_and_then_serves_again() {
            serving::check_open_files(&mut $start(&[]));
        }
    };
}

/// The same for programs with a limit on connections.
macro_rules! connection_limit_tests {
    ($start:path) => {
        #[test]
        fn connections_over_the_limit_get_a_problem_and_liveness_probes_an_answer() {
            serving::check_connection_limit(&$start(&["--max-connections=2"]));
        }
    };
}

pub(crate) use {connection_limit_tests, serving_tests};

/// A program in a separate process.
pub(crate) struct Service {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    _folder: Folder,
}

impl Service {
    /// Starts the program and waits until it serves its routes.
    pub(crate) fn start(path: &str, flags: &[&str]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = Folder::new(&format!("serving-{}", address.port()));
        let mut command = Command::new(path);
        command.args(flags).arg(format!("--listen={address}")).env_clear().env("RUST_LOG", "info,kube_client=off");
        command.env("KUBECONFIG", folder.0.join("kubeconfig")).env("CONVENE_WEB_DIR", &folder.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = collect(child.stderr.take().unwrap());
        let service = Self { child, address, log, _folder: folder };
        drop(service.open());
        service
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The response on a new connection; `None` if there is none.
    fn try_ask(&self, line: &str) -> Option<Answer> {
        ask(&mut connect(self.address)?, line)
    }

    fn ask(&self, line: &str) -> Answer {
        self.try_ask(line).unwrap_or_else(|| panic!("no response to {line}; log: {}", self.log()))
    }

    /// A connection that has been served.
    fn open(&self) -> TcpStream {
        let mut open = None;
        until("a connection is served", || {
            open = connect(self.address).and_then(served);
            open.is_some()
        });
        open.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path that no program has: a response to it other than 404 is from the listener itself.
const UNKNOWN: &str = "GET /api/no/such/path";

/// The connection, if it is served.
fn served(mut stream: TcpStream) -> Option<TcpStream> {
    ask(&mut stream, UNKNOWN).filter(|answer| answer.status == 404).map(|_| stream)
}

/// A response.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

impl Answer {
    /// It is a problem of this type, title and path.
    fn assert_problem(&self, status: u16, kind: &str, title: &str, path: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json\r\n"), "{self:?}");
        assert!(self.head.contains("cache-control: no-store\r\n"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["type"], format!("https://convene.dev/problems/{kind}"));
        assert_eq!((&body["title"], &body["status"], &body["instance"]), (&title.into(), &status.into(), &path.into()));
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    Some(stream)
}

/// Sends a request without a body on an open connection; `None` if the response does not come.
fn ask(stream: &mut TcpStream, line: &str) -> Option<Answer> {
    write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").ok()?;
    let mut received = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        received.extend_from_slice(&buffer[..count]);
        if let Some(answer) = parse(&received) {
            return Some(answer);
        }
    }
}

/// A complete response.
fn parse(received: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = format!("{}\r\n", head.to_ascii_lowercase());
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (body.len() >= length).then(|| Answer { status, head, body: body.to_owned() })
}

/// Whether the other side closes the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub(crate) fn check_refusals(service: &Service) {
    let unknown = service.ask(&format!("{UNKNOWN}?token=secret"));
    unknown.assert_problem(404, "route-not-found", "Not found", "/api/no/such/path");
    assert!(!unknown.body.contains("secret"), "{unknown:?}");
    let wrong = service.ask("POST /healthz");
    wrong.assert_problem(405, "method-not-allowed", "Method not allowed", "/healthz");
    assert!(wrong.head.contains("allow: get"), "{wrong:?}");
}

pub(crate) fn check_slow_heads(service: &Service) {
    let mut silent = connect(service.address).unwrap();
    let mut half = connect(service.address).unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let mut other = service.open();
    assert!(is_closed(&mut silent), "who sends nothing");
    assert!(is_closed(&mut half), "who sends half a head");
    assert_eq!(ask(&mut other, UNKNOWN).map(|answer| answer.status), Some(404), "others stay connected");
    assert_eq!(service.ask("GET /healthz").status, 200);
}

/// For a program that allows two connections.
pub(crate) fn check_connection_limit(service: &Service) {
    let (mut first, second) = (service.open(), service.open());
    let refused = service.ask(UNKNOWN);
    refused.assert_problem(503, "too-many-connections", "Too many connections", "/api/no/such/path");
    assert!(refused.head.contains("retry-after: "), "{refused:?}");
    let alive = service.ask("GET /healthz");
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok\n"), "the process lives");
    assert_eq!(service.ask(UNKNOWN).status, 503);
    until("the log says so", || service.log().contains("connection limit reached"));
    assert_eq!(service.log().matches("connection limit reached").count(), 1, "one line per period: {}", service.log());
    assert_eq!(ask(&mut first, UNKNOWN).map(|answer| answer.status), Some(404), "an open connection stays");
    drop(second);
    drop(service.open());
}

pub(crate) fn check_open_files(service: &mut Service) {
    lower_open_files(&service.child);
    let mut open = vec![service.open()];
    let mut queued = loop {
        let mut stream = connect(service.address).expect("the kernel accepts it");
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        if ask(&mut stream, UNKNOWN).is_none() {
            break stream;
        }
        open.push(stream);
        assert!(open.len() < 200, "the limit has no effect");
    };
    until("the log says so", || service.log().contains("could not accept connections"));
    assert!(ask(&mut open[0], UNKNOWN).is_some(), "open connections are served");
    let error = queued.read(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "the program tries several times within this read");
    assert!(service.child.try_wait().unwrap().is_none(), "the program has ended: {}", service.log());
    drop(open);
    queued.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert!(queued.read(&mut [0; 64]).is_ok_and(|count| count > 0), "the queued connection is served");
    assert_eq!(service.ask(UNKNOWN).status, 404);
    until("the log says that it is over", || service.log().contains("connections are accepted again"));
    let log = service.log();
    assert_eq!(log.matches("could not accept connections").count(), 1, "one line per period: {log}");
}

/// Leaves the process a few descriptors.
fn lower_open_files(child: &Child) {
    let used = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count() as u64;
    // The program has raised its limit to the maximum, which it has from this process.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(used + SPARE_FILES), maximum };
    prlimit(Some(Pid::from_child(child)), Resource::Nofile, limit).unwrap();
}

/// For a server in this process, with a route `/panic` whose handler panics. `log` returns what was logged so far.
pub(crate) fn check_panics(address: SocketAddr, log: impl Fn() -> String) {
    let (mut broken, mut other) = (connect(address).unwrap(), connect(address).unwrap());
    assert_eq!(ask(&mut other, UNKNOWN).map(|answer| answer.status), Some(404));
    let answer = ask(&mut broken, "GET /panic?token=secret").expect("a response, not a closed connection");
    answer.assert_problem(500, "internal", "Internal error", "/panic");
    assert!(!answer.body.contains("on purpose"), "the client does not learn the cause: {answer:?}");
    assert_eq!(ask(&mut broken, UNKNOWN).map(|answer| answer.status), Some(404), "the same connection goes on");
    assert_eq!(ask(&mut other, UNKNOWN).map(|answer| answer.status), Some(404), "others go on");
    assert!(connect(address).and_then(served).is_some(), "new connections too");
    let log = log();
    assert!(log.contains("a request handler panicked") && !log.contains("secret"), "{log}");
}

/// The handler of `/panic`.
pub(crate) async fn panic_on_purpose() {
    tokio::task::yield_now().await;
    panic!("on purpose");
}

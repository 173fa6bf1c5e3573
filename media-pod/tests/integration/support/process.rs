//! The real program as a separate process, and plain HTTP to it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::free_block;
use crate::environment::collect;

/// Timeout for every wait.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Ports of the pod for plain transports.
const PLAIN_PORTS: usize = 16;

/// A folder that is removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("convene-edge-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("index.html"), "<title>the app</title>").unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The real program as a separate process.
pub(crate) struct Process {
    child: Child,
    pub(crate) said: Vec<String>,
    pub(crate) log: Arc<Mutex<String>>,
    _folder: Folder,
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convene-media-pod"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit status and output of a run that ends by itself.
pub(crate) fn run(flags: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = program().args(flags).envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

impl Process {
    /// A standalone pod on free ports.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(|command| {
            command.args(["--listen", "127.0.0.1:0"]).args(flags);
        })
    }

    pub(crate) fn start_with(change: impl Fn(&mut Command)) -> Self {
        // Free ports can be taken by another process before they are opened; then others are tried.
        (0..5).find_map(|_| Self::try_start(&change)).expect("the pod starts")
    }

    fn try_start(change: &impl Fn(&mut Command)) -> Option<Self> {
        let folder = Folder::new();
        let mut command = program();
        let ports = free_block(1 + PLAIN_PORTS).to_string();
        command.args(["--dev", "--workers", "1", "--rtc-ports", &ports, "--rtc-listen-ip", "127.0.0.1", "--web-dir"]);
        command.arg(&folder.0);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        // stderr may be redirected.
        let log = child.stderr.take().map(collect).unwrap_or_default();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said: Vec<_> = lines.by_ref().take(2).collect();
        if said.len() < 2 {
            let _ = child.wait();
            return None;
        }
        // The line about the demo, if any, is written together with this one.
        let wants_demo = command.get_args().any(|arg| arg == "--demo-listen");
        said.extend(lines.by_ref().take(usize::from(wants_demo)));
        Some(Self { child, said, log, _folder: folder })
    }

    /// The port after a text in its output.
    pub(crate) fn port(&self, before: &str) -> u16 {
        let said = self.said.join("\n");
        let rest = said.split(before).nth(1).unwrap_or_else(|| panic!("{before:?} is not in {said}"));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    }

    /// A pod with a limit on open files.
    pub(crate) fn start_with_files(files: u32) -> Self {
        Self::start_with(|command| {
            command.args(["--listen", "127.0.0.1:0"]);
            let mut limited = Command::new("/bin/sh");
            limited.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            limited.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\" \"$@\""));
            limited.arg(command.get_program()).args(command.get_args());
            *command = limited;
        })
    }

    /// Number of open files.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Resident memory (`VmRSS` of proc(5)).
    pub(crate) fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Processor time of all threads so far (`utime` and `stime` of proc(5), in hundredths of a second).
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Number of open rooms.
    pub(crate) async fn rooms(&self) -> u64 {
        self.stats().await["rooms"].as_u64().unwrap()
    }

    /// `/stats`.
    pub(crate) async fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&get(self.connect().await, "/stats").await.1).unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port("//localhost:"))).await.unwrap()
    }

    /// Sends SIGTERM and waits for the exit.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < TIMEOUT, "the pod does not end: {}", self.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = self.log.lock().unwrap().clone();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header, or empty.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Sends a request, adding only its Content-Length, and reads until the connection closes.
pub(crate) async fn http(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Status and body of a GET.
pub(crate) async fn get(stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> (u16, String) {
    let answer = http(stream, &format!("GET {path} HTTP/1.1\r\nHost: localhost"), "").await;
    (answer.status, answer.body)
}

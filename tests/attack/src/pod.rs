//! The media pod as a process under its memory limit, with the information that an operator can get.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::cgroup::{Cgroup, CgroupError};
use crate::failure::{Failure, Outcome, wrong};
use crate::http::{Answer, Request, call};
use crate::keys::Keys;

/// Number of ports of the pod for plain transports.
const PLAIN_PORTS: u16 = 16;
const START_LIMIT: Duration = Duration::from_secs(30);
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);
/// How much of the log is kept, in bytes: the newest part.
const LOG_KEPT: usize = 256 * 1024;

/// Options of a pod.
#[derive(Clone, Debug)]
pub(crate) struct PodSpec {
    pub(crate) program: PathBuf,
    pub(crate) memory: u64,
    /// Whether its log goes to a full device.
    pub(crate) log_is_full: bool,
    /// Whether a room can be made to panic.
    pub(crate) has_test_switches: bool,
}

pub(crate) struct Pod {
    pub(crate) address: SocketAddr,
    pub(crate) media: SocketAddr,
    pub(crate) keys: Keys,
    pub(crate) spec: PodSpec,
    metrics: SocketAddr,
    child: Mutex<Child>,
    log: Arc<Mutex<Log>>,
    memory: Arc<Memory>,
    folder: PathBuf,
}

#[derive(Default)]
struct Log {
    text: String,
    panics: usize,
}

struct Memory {
    group: Cgroup,
    peak: AtomicU64,
    is_over: AtomicBool,
}

impl Pod {
    pub(crate) async fn start(spec: &PodSpec) -> Outcome<Self> {
        let group = Cgroup::create(spec.memory).map_err(|error: CgroupError| wrong(error.to_string()))?;
        let (keys, folder) = (Keys::new(), folder()?);
        std::fs::write(folder.join("keys.jwks"), keys.jwks())?;
        let first = free_ports(1 + PLAIN_PORTS)?;
        let (address, metrics) = (free_address()?, free_address()?);
        let mut command = command(spec, &group, &folder);
        command.args(["--listen", &address.to_string(), "--rtc-ports", &format!("{first}-{}", first + PLAIN_PORTS)]);
        command.env("CONVENE_METRICS_LISTEN", metrics.to_string());
        let mut child =
            command.spawn().map_err(|error| wrong(format!("could not start {}: {error}", spec.program.display())))?;
        let log = Arc::<Mutex<Log>>::default();
        if let Some(stderr) = child.stderr.take() {
            collect(stderr, Arc::clone(&log));
        }
        let memory = Arc::new(Memory { group, peak: AtomicU64::new(0), is_over: AtomicBool::new(false) });
        sample(Arc::clone(&memory));
        let media = SocketAddr::from((Ipv4Addr::LOCALHOST, first));
        let child = Mutex::new(child);
        let pod = Self { address, media, keys, spec: spec.clone(), metrics, child, log, memory, folder };
        pod.wait_until_ready().await.map(|()| pod)
    }

    async fn wait_until_ready(&self) -> Outcome {
        let start = Instant::now();
        // With a log that cannot be written it is alive but never ready.
        let path = if self.spec.log_is_full { "/healthz" } else { "/readyz" };
        while !call(self.address, Request::get(path)).await.is_ok_and(|answer| answer.status == 200) {
            if !self.is_alive() || start.elapsed() > START_LIMIT {
                return Err(wrong(format!("the pod did not become ready: {}", self.log_end())));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) fn is_alive(&self) -> bool {
        let mut child = self.child.lock().expect("no holder of this lock panics");
        matches!(child.try_wait(), Ok(None))
    }

    /// Whether `/healthz` responds and the process is still the one that was started.
    pub(crate) async fn is_healthy(&self) -> bool {
        self.is_alive() && call(self.address, Request::get("/healthz")).await.is_ok_and(|answer| answer.status == 200)
    }

    pub(crate) async fn get(&self, path: &str) -> Outcome<Answer> {
        call(self.address, Request::get(path)).await
    }

    /// `/stats`, with an admin token.
    pub(crate) async fn stats(&self) -> Outcome<Value> {
        call(self.address, Request::get("/stats").with(&self.keys.admin())).await?.json()
    }

    /// Names of the rooms, from the admin API.
    pub(crate) async fn rooms(&self) -> Outcome<Vec<String>> {
        let list = call(self.address, Request::get("/admin/v1/rooms").with(&self.keys.admin())).await?.json()?;
        let rooms = list["rooms"].as_array().ok_or_else(|| wrong("/admin/v1/rooms has no list of rooms"))?;
        Ok(rooms.iter().filter_map(|room| room["name"].as_str()).map(str::to_owned).collect())
    }

    /// The metrics, from their own listener if the pod has one.
    pub(crate) async fn metrics(&self) -> Outcome<String> {
        let own = call(self.metrics, Request::get("/metrics")).await;
        let answer = if own.is_ok() { own? } else { self.get("/metrics").await? };
        Ok(answer.body)
    }

    /// The sum of a metric over its labels; `None` if the pod does not have it.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.metrics().await.ok()?;
        let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values: Vec<f64> = text.lines().filter(is_it).filter_map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// Number of panics in the log or in the metric.
    pub(crate) async fn panics(&self) -> usize {
        let counted = self.metric("convene_media_room_panics_total").await.unwrap_or(0.0);
        let logged = self.log.lock().expect("no holder of this lock panics").panics;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        logged.max(counted as usize)
    }

    pub(crate) fn log_end(&self) -> String {
        let log = self.log.lock().expect("no holder of this lock panics");
        let lines: Vec<&str> = log.text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory.group.used()
    }

    /// Maximum memory in use since the last call, in bytes.
    pub(crate) fn take_peak(&self) -> u64 {
        self.memory.peak.swap(self.memory(), Ordering::Relaxed)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.memory.is_over.store(true, Ordering::Relaxed);
        let mut child = self.child.lock().expect("no holder of this lock panics");
        let _ = child.kill();
        let _ = child.wait();
        self.memory.group.remove();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn value(line: &str) -> Option<f64> {
    line.rsplit(' ').next()?.parse().ok()
}

/// A shell joins the cgroup and then becomes the pod.
fn command(spec: &PodSpec, group: &Cgroup, folder: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = r#"echo $$ > "$0" && exec "$@""#;
    command.args(["-c", script]).arg(group.procs()).arg(&spec.program);
    command.args(["--workers", "1", "--rtc-listen-ip", "127.0.0.1", "--announced-address", "127.0.0.1"]);
    command.arg("--admission-keys").arg(folder.join("keys.jwks"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if spec.has_test_switches {
        command.env("CONVENE_ALLOW_TEST_SWITCHES", "true");
    }
    if let (true, Ok(full)) = (spec.log_is_full, std::fs::File::options().write(true).open("/dev/full")) {
        command.stderr(full);
    }
    command
}

fn folder() -> Outcome<PathBuf> {
    let path = std::env::temp_dir().join(format!("convene-attack-{:016x}", rand::random::<u64>()));
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The first of `count` contiguous ports that are currently free for UDP and TCP.
fn free_ports(count: u16) -> Outcome<u16> {
    let is_free = |port: u16| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    for _ in 0..100 {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if first.checked_add(count).is_some_and(|end| (first..end).all(is_free)) {
            return Ok(first);
        }
    }
    Err(Failure::Silent("free ports".into()))
}

fn collect(mut stream: impl Read + Send + 'static, log: Arc<Mutex<Log>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let mut log = log.lock().expect("no holder of this lock panics");
            log.panics += text.matches("panicked at").count();
            log.text.push_str(&text);
            let excess = log.text.len().saturating_sub(LOG_KEPT);
            let cut = log.text.ceil_char_boundary(excess);
            log.text.drain(..cut);
        }
    });
}

fn sample(memory: Arc<Memory>) {
    std::thread::spawn(move || {
        while !memory.is_over.load(Ordering::Relaxed) {
            memory.peak.fetch_max(memory.group.used(), Ordering::Relaxed);
            std::thread::sleep(SAMPLE_INTERVAL);
        }
    });
}

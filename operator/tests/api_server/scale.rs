//! Resource usage and speed of the operator with many meetings: the optimized program as its own process against a real API server. This
//! process simulates media pods and kubelets. `make measure-operator` runs it and stores its output in docs/measurements.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "the results are for readers")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    ApiServer, HOME, Login, free_port,
    media::Nodes,
    objects::{
        CREW, create, install_chart_rights, install_definitions, make_namespaces, make_node, media_pods, meeting, pool,
    },
    wait_for,
};
use convene_crds::{MediaPool, Meeting, MeetingPhase, names};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Duration = Duration::from_mins(10);
const POOLS: [(&str, u16); 3] = [("lagoon", 41000), ("delta", 42000), ("bay", 43000)];
/// Clients that create meetings concurrently.
const CLIENTS: usize = 16;
/// Meetings created per second where latency is measured.
const OFFERED: u32 = 50;
const OFFERED_SECONDS: u32 = 30;
/// Unit of processor time in Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// The operator as its own process.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts it and waits until it is ready.
    async fn start(server: &ApiServer) -> Self {
        let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
        let log =
            std::fs::File::options().create(true).append(true).open(server.directory().join("operator.log")).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/convene-operator");
        let program = std::env::var_os("CONVENE_OPERATOR").map_or(program, PathBuf::from);
        let child = Command::new(&program)
            .args(["--namespace", HOME, "--listen", &address.to_string(), "--media-pod-image", "registry.test/media:1"])
            .env("KUBECONFIG", server.write_kubeconfig(Login::Operator))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {}: {error}; build it first", program.display()));
        let process = Self { child, address };
        wait_for("the operator", LONG, async || {
            let answer = process.fetch("/readyz").await;
            if answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n") { Ok(()) } else { Err(answer) }
        })
        .await;
        process
    }

    async fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let ended = tokio::task::spawn_blocking(move || self.child.wait().unwrap().success());
        assert!(ended.await.unwrap(), "the operator did not end well");
    }

    /// The whole response; empty if nothing listens.
    async fn fetch(&self, path: &str) -> String {
        let Ok(mut stream) = tokio::net::TcpStream::connect(self.address).await else { return String::new() };
        let request = format!("GET {path} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    async fn metrics(&self) -> Metrics {
        Metrics::parse(&self.fetch("/metrics").await)
    }

    async fn ready_count(&self) -> usize {
        self.metrics().await.count("convene_operator_meeting_ready_seconds_count")
    }

    /// Waits until it has brought this many meetings to Ready since it started.
    async fn wait_until_ready(&self, count: usize) {
        wait_for("Ready meetings", LONG, async || match self.ready_count().await {
            found if found >= count => Ok(()),
            found => Err(format!("{found} of {count}")),
        })
        .await;
    }

    fn proc_file(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// A field of `/proc/PID/status`, in MiB.
    fn mebibytes(&self, field: &str) -> f64 {
        let text = self.proc_file("status");
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        round(line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0, 2)
    }

    fn processor_seconds(&self) -> f64 {
        let text = self.proc_file("stat");
        // The name of the program, in brackets, may contain spaces.
        let fields: Vec<_> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS_PER_SECOND
    }
}

/// `/metrics` by the beginning of each line.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        Self(lines.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect())
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    fn count(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_default() as usize
    }

    /// Bounds and counts of a histogram.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let beginning = format!("{name}_bucket{{le=\"");
        let bound = |key: &str| key.strip_prefix(&beginning)?.strip_suffix("\"}")?.parse::<f64>().ok();
        let mut buckets: Vec<_> = self.0.iter().filter_map(|(key, count)| Some((bound(key)?, *count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }

    /// The quantile `part` of what was observed since `before`, in ms, with linear interpolation between bounds.
    fn quantile(&self, before: &Self, name: &str, part: f64) -> f64 {
        let old = before.buckets(name);
        let news = self.buckets(name).into_iter().zip(old).map(|((bound, count), (_, old))| (bound, count - old));
        let news: Vec<_> = news.collect();
        let wanted = news.last().map_or(0.0, |(_, count)| count * part);
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in news {
            if count >= wanted && count > below {
                let high = if bound.is_finite() { bound } else { low };
                return round(1000.0 * (low + (high - low) * (wanted - below) / (count - below)), 1);
            }
            (low, below) = (bound, count);
        }
        f64::NAN
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn quantile_of(sorted: &[Duration], part: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((sorted.len() - 1) as f64 * part).round() as usize;
    round(sorted[index].as_secs_f64() * 1000.0, 1)
}

/// All results.
struct Report(Vec<Value>);

impl Report {
    fn note(&mut self, what: &str, unit: &str, value: f64) {
        println!("{what}: {value} {unit}");
        self.0.push(json!({"what": what, "unit": unit, "values": [value]}));
    }

    fn write(self) {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo");
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let revision = Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap().stdout;
        let report = json!({
            "date": jiff::Timestamp::now().to_string(),
            "revision": String::from_utf8(revision).unwrap().trim(),
            "processor": processor.map(|(_, name)| name.trim()),
            "cores": std::thread::available_parallelism().unwrap().get(),
            "kernel": read("/proc/sys/kernel/osrelease").trim(),
            "figures": self.0,
        });
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/measurements/operator.json");
        let path = std::env::var_os("CONVENE_MEASUREMENTS").map_or(path, PathBuf::from);
        std::fs::write(&path, serde_json::to_string_pretty(&report).unwrap() + "\n").unwrap();
    }
}

fn build_meeting(batch: &str, number: usize) -> Meeting {
    let spec = json!({"pool": POOLS[number % POOLS.len()].0, "title": "Weekly planning"});
    serde_json::from_value(meeting(&format!("{batch}-{number}"), spec)).unwrap()
}

/// Creates meetings as fast as possible and returns the rate per second.
async fn create_meetings(client: &Client, batch: &str, count: usize) -> f64 {
    let api: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    let one = async || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            api.create(&PostParams::default(), &build_meeting(batch, number)).await.unwrap();
        }
    };
    join_all((0..CLIENTS).map(|_| one())).await;
    per_second(count, begin.elapsed())
}

fn per_second(count: usize, duration: Duration) -> f64 {
    round(count as f64 / duration.as_secs_f64(), 1)
}

async fn delete_meetings(client: &Client) {
    let api: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    wait_for("the end of all meetings", LONG, async || {
        // With very many meetings the API server's limit of one minute ends the request, and the next one deletes the rest.
        let _ = api.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
        let left = api.list_metadata(&ListParams::default().limit(1)).await.unwrap().items.len();
        if left == 0 { Ok(()) } else { Err("some are left".into()) }
    })
    .await;
}

async fn assert_all_ready(client: &Client, count: usize) {
    let api: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    let meetings = api.list(&ListParams::default()).await.unwrap().items;
    let is_ready =
        |meeting: &&Meeting| meeting.status.as_ref().and_then(|status| status.phase) == Some(MeetingPhase::Ready);
    assert_eq!((meetings.len(), meetings.iter().filter(is_ready).count()), (count, count));
}

/// Spare pods exist, and their reachability is known: from then on a meeting costs only its own writes.
async fn wait_until_warm(client: &Client) {
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
    wait_for("warm pods", LONG, async || {
        let found = pools.list(&ListParams::default()).await.unwrap().items;
        let counts: Vec<_> = found.iter().filter_map(|pool| Some(pool.status.as_ref()?.pods)).collect();
        let are_warm = counts.len() == POOLS.len() && counts.iter().all(|pods| pods.warm >= 2 && pods.starting == 0);
        let pods = media_pods(client).await;
        let is_probed = |type_: &str| type_ == names::POD_CONDITION_MEDIA_REACHABLE;
        let are_probed = pods.iter().all(|pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
            conditions.iter().any(|condition| is_probed(&condition.type_))
        });
        if are_warm && are_probed { Ok(()) } else { Err(format!("{counts:?}, probed: {are_probed}")) }
    })
    .await;
}

/// Waits until the operator has written nothing but its lease for some seconds.
async fn settle(server: &ApiServer) {
    let count = || count_writes(server).0;
    wait_for("quiet", LONG, async || {
        let before = count();
        tokio::time::sleep(Duration::from_secs(5)).await;
        if count() == before { Ok(()) } else { Err("it still writes".into()) }
    })
    .await;
}

/// Writes of the operator so far: without its lease, and of its lease.
fn count_writes(server: &ApiServer) -> (usize, usize) {
    let writes = server.operator_writes();
    let renewals = writes.iter().filter(|write| write.ends_with(" leases")).count();
    (writes.len() - renewals, renewals)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of a quarter of an hour: make measure-operator"]
async fn many_meetings() {
    let count = setting("CONVENE_SCALE_MEETINGS", 10_000);
    let quiet = setting("CONVENE_SCALE_QUIET_SECONDS", 180);
    let server = ApiServer::start("scale").await;
    let client = &server.client;
    let mut report = Report(Vec::new());
    report.note("meetings", "", count as f64);
    prepare(&server).await;
    let _nodes = Nodes::start(client, 88);
    measure_backlog(&server, &mut report, count).await;
    measure_rest(&server, &mut report, quiet as u64, count).await;
    measure_stream(&server, &mut report, count).await;
    measure_latency(&server, &mut report).await;
    report.write();
}

async fn prepare(server: &ApiServer) {
    make_namespaces(&server.client).await;
    install_definitions(&server.client).await;
    install_chart_rights(server);
    make_node(&server.client, "pier-1", "203.0.113.7").await;
    let pools: Api<MediaPool> = Api::namespaced(server.client.clone(), HOME);
    for (name, port) in POOLS {
        let spec =
            json!({"rtcPorts": {"min": port, "max": port + 199}, "warm": 2, "max": 20, "capacity": {"meetings": 1000}});
        create(&pools, pool(name, spec)).await;
    }
}

/// All meetings exist when the operator starts.
async fn measure_backlog(server: &ApiServer, report: &mut Report, count: usize) {
    let operator = Process::start(server).await;
    wait_until_warm(&server.client).await;
    settle(server).await;
    report.note("resident memory without meetings", "MiB", operator.mebibytes("VmRSS"));
    operator.stop().await;

    let rate = create_meetings(&server.client, "backlog", count).await;
    report.note("API server alone: meetings created", "1/s", rate);
    let begin = Instant::now();
    let operator = Process::start(server).await;
    operator.wait_until_ready(count).await;
    report.note("backlog: meetings brought to Ready", "1/s", per_second(count, begin.elapsed()));
    report.note("backlog: processor time of the operator", "s", operator.processor_seconds());
    settle(server).await;
    assert_all_ready(&server.client, count).await;
    report.note("backlog: resident memory afterwards", "MiB", operator.mebibytes("VmRSS"));
    report.note("backlog: largest resident memory", "MiB", operator.mebibytes("VmHWM"));
    operator.stop().await;
}

/// Nothing happens for a while.
async fn measure_rest(server: &ApiServer, report: &mut Report, seconds: u64, count: usize) {
    let operator = Process::start(server).await;
    settle(server).await;
    assert_all_ready(&server.client, count).await;
    let before = (count_writes(server), operator.processor_seconds());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = (count_writes(server), operator.processor_seconds());
    let per_minute = |count: f64| round(count * 60.0 / seconds as f64, 2);
    report.note("rest: writes other than the lease", "1/min", per_minute((after.0.0 - before.0.0) as f64));
    report.note("rest: renewals of the lease", "1/min", per_minute((after.0.1 - before.0.1) as f64));
    report.note("rest: processor time of the operator", "s/min", per_minute(after.1 - before.1));
    report.note("rest: resident memory after a restart", "MiB", operator.mebibytes("VmRSS"));
    let begin = operator.processor_seconds();
    delete_meetings(&server.client).await;
    settle(server).await;
    report.note(
        "all meetings deleted: processor time of the operator",
        "s",
        round(operator.processor_seconds() - begin, 2),
    );
    operator.stop().await;
}

/// Meetings are created as fast as possible.
async fn measure_stream(server: &ApiServer, report: &mut Report, count: usize) {
    let operator = Process::start(server).await;
    wait_until_warm(&server.client).await;
    settle(server).await;
    let before = operator.metrics().await;
    let begin = Instant::now();
    let rate = tokio::join!(create_meetings(&server.client, "stream", count), operator.wait_until_ready(count)).0;
    report.note("stream: meetings created", "1/s", rate);
    report.note("stream: meetings brought to Ready", "1/s", per_second(count, begin.elapsed()));
    report.note("stream: processor time of the operator", "s", operator.processor_seconds());
    let after = operator.metrics().await;
    for (name, part) in [("half", 0.5), ("99 %", 0.99)] {
        let value = after.quantile(&before, "convene_operator_assignment_seconds", part);
        report.note(&format!("stream: assignment, {name} within"), "ms", value);
    }
    settle(server).await;
    report.note("stream: largest resident memory", "MiB", operator.mebibytes("VmHWM"));
    delete_meetings(&server.client).await;
    operator.stop().await;
}

/// Some meetings per second, and the latency of each.
async fn measure_latency(server: &ApiServer, report: &mut Report) {
    let operator = Process::start(server).await;
    wait_until_warm(&server.client).await;
    settle(server).await;
    let before = operator.metrics().await;
    let mut latencies = offer_meetings(&server.client).await;
    let after = operator.metrics().await;
    latencies.sort();
    for (name, part) in [("half", 0.5), ("99 %", 0.99)] {
        let value = after.quantile(&before, "convene_operator_assignment_seconds", part);
        report.note(&format!("{OFFERED} meetings a second: assignment, {name} within"), "ms", value);
        let value = quantile_of(&latencies, part);
        report.note(
            &format!("{OFFERED} meetings a second: from the request to create until Ready is seen, {name} within"),
            "ms",
            value,
        );
    }
    operator.stop().await;
}

/// When each meeting was requested, by name, and the latencies of those that are ready.
#[derive(Clone, Default)]
struct Clock {
    begun: Arc<Mutex<BTreeMap<String, Instant>>>,
    taken: Arc<Mutex<Vec<Duration>>>,
}

impl Clock {
    fn see(&self, meeting: &Meeting) {
        if meeting.status.as_ref().and_then(|status| status.phase) == Some(MeetingPhase::Ready)
            && let Some(begun) = self.begun.lock().unwrap().remove(&meeting.name_any())
        {
            self.taken.lock().unwrap().push(begun.elapsed());
        }
    }
}

async fn offer_meetings(client: &Client) -> Vec<Duration> {
    let api: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    let clock = Clock::default();
    let watch = {
        let (api, clock) = (api.clone(), clock.clone());
        tokio::spawn(async move {
            let changes = watcher(api, watcher::Config::default()).default_backoff().touched_objects();
            let see = |meeting: Meeting| {
                clock.see(&meeting);
                std::future::ready(Ok(()))
            };
            changes.try_for_each(see).await
        })
    };
    let total = (OFFERED * OFFERED_SECONDS) as usize;
    let ticks = tokio::time::interval(Duration::from_secs(1) / OFFERED);
    let ticks = futures_util::stream::unfold(ticks, async |mut ticks| Some((ticks.tick().await, ticks))).take(total);
    let created = ticks.enumerate().map(|(number, _)| {
        let (api, clock) = (api.clone(), clock.clone());
        tokio::spawn(async move {
            let meeting = build_meeting("offered", number);
            clock.begun.lock().unwrap().insert(meeting.name_any(), Instant::now());
            api.create(&PostParams::default(), &meeting).await.unwrap();
        })
    });
    created.buffer_unordered(total).map(Result::unwrap).collect::<()>().await;
    wait_for("every meeting Ready", LONG, async || match clock.taken.lock().unwrap().len() {
        found if found == total => Ok(()),
        found => Err(format!("{found} of {total}")),
    })
    .await;
    watch.abort();
    clock.taken.lock().unwrap().clone()
}

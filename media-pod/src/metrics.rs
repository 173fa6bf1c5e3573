//! Prometheus metrics of the media pod. Labels are bounded: no names of meetings or people.

pub mod flow;

use convene_service::log::LogHealth;
use prometheus::{
    CounterVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use flow::Flow;

use crate::room::Fact;

/// Seconds; people leave when it takes longer than the last.
const JOIN_BUCKETS: [f64; 10] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 15.0, 60.0];

/// Every metric of the pod; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Workers that run.
    pub workers_alive: IntGauge,
    /// Workers that ended on their own.
    pub worker_deaths: IntCounter,
    /// Open rooms.
    pub rooms: IntGauge,
    /// Bytes that wait for clients, or are kept to be sent again.
    pub queued_bytes: IntGauge,
    /// Rooms that ended by a panic.
    pub room_panics: IntCounter,
    /// Open WebSockets.
    pub connections: IntGauge,
    /// Participants who have joined.
    pub participants: IntGauge,
    /// People who wait in lobbies.
    pub waiting: IntGauge,
    /// What moderators did, by `action`.
    pub moderation: IntCounterVec,
    /// Open things of the media plane, by `object` (transport, producer, consumer) and `kind`.
    pub objects: IntGaugeVec,
    /// Requests and notifications by `method`.
    pub requests: IntCounterVec,
    /// What clients sent that could not be read, by `reason`.
    pub protocol_errors: IntCounterVec,
    /// WebSockets by `outcome` of their opening.
    pub connection_attempts: IntCounterVec,
    /// Attempts to go on with a session over a new socket, by `outcome`.
    pub resumed: IntCounterVec,
    /// What was not made because a limit was reached, by `limit`.
    pub limits_reached: IntCounterVec,
    /// Seconds from the connection to a `stage`: joined, media.
    pub join_seconds: HistogramVec,
    /// CPU time of each `worker`'s thread.
    pub worker_cpu: CounterVec,
    /// What flows.
    pub flow: Flow,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            workers_alive: gauge(&registry, "convene_media_workers", "mediasoup workers that run"),
            worker_deaths: counter(
                &registry,
                "convene_media_worker_deaths_total",
                "mediasoup workers that ended on their own",
            ),
            rooms: gauge(&registry, "convene_media_rooms", "open rooms"),
            queued_bytes: gauge(
                &registry,
                "convene_media_queued_bytes",
                "bytes that wait for clients or are kept to be sent again",
            ),
            room_panics: counter(&registry, "convene_media_room_panics_total", "rooms that ended by a panic"),
            connections: gauge(&registry, "convene_media_connections", "open signaling connections"),
            participants: gauge(&registry, "convene_media_participants", "participants who have joined"),
            waiting: gauge(&registry, "convene_media_waiting", "people who wait in a lobby"),
            moderation: counters(&registry, "convene_media_moderation_total", "what moderators did", &["action"]),
            objects: gauges(
                &registry,
                "convene_media_objects",
                "open transports, producers and consumers",
                &["object", "kind"],
            ),
            requests: counters(
                &registry,
                "convene_media_requests_total",
                "client requests and notifications",
                &["method"],
            ),
            protocol_errors: counters(
                &registry,
                "convene_media_protocol_errors_total",
                "unreadable client messages",
                &["reason"],
            ),
            connection_attempts: counters(
                &registry,
                "convene_media_connection_attempts_total",
                "signaling connections asked for",
                &["outcome"],
            ),
            resumed: counters(
                &registry,
                "convene_media_resumed_total",
                "signaling sessions that clients wanted to go on with over a new socket",
                &["outcome"],
            ),
            limits_reached: counters(
                &registry,
                "convene_media_limits_reached_total",
                "what was not made because a limit was reached",
                &["limit"],
            ),
            join_seconds: histograms(
                &registry,
                HistogramOpts::new(
                    "convene_media_join_seconds",
                    "time from the connection to being joined, and to media",
                )
                .buckets(JOIN_BUCKETS.into()),
                &["stage"],
            ),
            worker_cpu: seconds(
                &registry,
                "convene_media_worker_cpu_seconds_total",
                "CPU time of the media worker's thread",
                &["worker"],
            ),
            flow: Flow::new(&registry),
            registry,
        };
        #[cfg(target_os = "linux")]
        metrics.register_process();
        metrics
    }
}

impl Metrics {
    /// Counts the lost lines of this log, too.
    pub fn watch_log(&self, log: &LogHealth) {
        log.register(&self.registry).expect("a program has one log");
    }

    /// The text exposition format of Prometheus.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Notes the CPU time that a worker's thread has used; a new thread begins anew, as counters may.
    pub fn worker_cpu(&self, worker: usize, seconds: f64) {
        let counter = self.worker_cpu.with_label_values(&[&worker.to_string()]);
        counter.reset();
        counter.inc_by(seconds);
    }

    /// Counts what a room has noted.
    pub fn note(&self, fact: Fact) {
        match fact {
            Fact::Joined(after) => self.join_seconds.with_label_values(&["joined"]).observe(after.as_secs_f64()),
            Fact::MediaConnected(after) => self.join_seconds.with_label_values(&["media"]).observe(after.as_secs_f64()),
            Fact::Moderated(action) => self.moderation.with_label_values(&[action]).inc(),
            Fact::LimitReached(limit) => self.limits_reached.with_label_values(&[limit]).inc(),
        }
    }

    /// Open things of one sort, over all kinds of media.
    pub fn count(&self, object: &str) -> i64 {
        let kinds: &[&str] = if object == "transport" { &["webrtc", "plain"] } else { &["audio", "video"] };
        kinds.iter().map(|kind| self.objects.with_label_values(&[object, kind]).get()).sum()
    }

    /// Open data producers or data consumers.
    pub fn count_data(&self, object: &str) -> i64 {
        self.objects.with_label_values(&[object, "data"]).get()
    }

    #[cfg(target_os = "linux")]
    fn register_process(&self) {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(collector)).expect("registered once per registry");
    }
}

/// Counts one thing for as long as it lives.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    /// Counts up now and down when dropped.
    pub fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let gauge = IntGauge::new(name, help).expect("the names here are valid");
    registry.register(Box::new(gauge.clone())).expect("every name is registered once");
    gauge
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let counter = IntCounter::new(name, help).expect("the names here are valid");
    registry.register(Box::new(counter.clone())).expect("every name is registered once");
    counter
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels).expect("the names here are valid");
    registry.register(Box::new(gauges.clone())).expect("every name is registered once");
    gauges
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let counters = IntCounterVec::new(Opts::new(name, help), labels).expect("the names here are valid");
    registry.register(Box::new(counters.clone())).expect("every name is registered once");
    counters
}

fn histograms(registry: &Registry, options: HistogramOpts, labels: &[&str]) -> HistogramVec {
    let histograms = HistogramVec::new(options, labels).expect("the names here are valid");
    registry.register(Box::new(histograms.clone())).expect("every name is registered once");
    histograms
}

fn seconds(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> CounterVec {
    let counters = CounterVec::new(Opts::new(name, help), labels).expect("the names here are valid");
    registry.register(Box::new(counters.clone())).expect("every name is registered once");
    counters
}

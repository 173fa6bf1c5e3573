//! Prometheus metrics of the media pod. Labels are bounded: they never contain names of meetings or participants.

pub(crate) mod flow;
mod moves;

use convene_service::log::LogHealth;
use convene_service::metrics::{counter, counters, gauge, gauges, histograms, render, second_counters};
use prometheus::{CounterVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use flow::Flow;
use moves::MoveMetrics;

/// Seconds; users give up after more than the last.
const JOIN_BUCKETS: [f64; 10] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 15.0, 60.0];

/// Every metric of the pod; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Running workers.
    pub(crate) workers_alive: IntGauge,
    /// Workers that ended unexpectedly.
    pub(crate) worker_deaths: IntCounter,
    /// Open rooms.
    pub(crate) rooms: IntGauge,
    /// Bytes queued for clients, or kept for retransmission.
    pub(crate) queued_bytes: IntGauge,
    /// Rooms that ended by a panic.
    pub(crate) room_panics: IntCounter,
    /// Open WebSockets.
    pub(crate) connections: IntGauge,
    /// Participants who have joined.
    pub(crate) participants: IntGauge,
    /// Participants waiting in lobbies.
    pub(crate) waiting: IntGauge,
    /// Prepared connections.
    pub(crate) prepared: IntGauge,
    /// Actions of moderators, by `action`.
    pub(crate) moderation: IntCounterVec,
    /// Moves of meetings between pods.
    pub(crate) moves: MoveMetrics,
    /// Open objects of the media plane, by `object` (transport, producer, consumer) and `kind`.
    pub(crate) objects: IntGaugeVec,
    /// Requests and notifications by `method`.
    pub(crate) requests: IntCounterVec,
    /// Invalid client messages, by `reason`.
    pub(crate) protocol_errors: IntCounterVec,
    /// Attempts to open a WebSocket, by `outcome`.
    pub(crate) connection_attempts: IntCounterVec,
    /// Attempts to resume a session on a new socket, by `outcome`.
    pub(crate) resumed: IntCounterVec,
    /// Requests refused because a limit was reached, by `limit`.
    pub(crate) limits_reached: IntCounterVec,
    /// TCP connections to the media ports by `outcome`.
    pub(crate) tcp_connections: IntCounterVec,
    /// TCP connections forwarded to workers.
    pub tcp_open: IntGauge,
    /// Seconds from the connection to a `stage`: joined, media.
    pub(crate) join_seconds: HistogramVec,
    /// Packets for media sockets that the kernel dropped.
    pub(crate) udp_dropped: IntCounter,
    /// CPU time of each `worker`'s thread.
    pub(crate) worker_cpu: CounterVec,
    /// Links to and from other pods that have ended, by `direction` (out, in) and `reason`.
    pub(crate) links: IntCounterVec,
    /// Samples of media traffic.
    pub(crate) flow: Flow,
}

fn links(registry: &Registry) -> IntCounterVec {
    let help = "Links to and from other media pods that have ended or were refused, by reason.";
    counters(registry, "convene_media_links_total", help, &["direction", "reason"])
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            workers_alive: gauge(&registry, "convene_media_workers", "Running mediasoup workers."),
            worker_deaths: counter(
                &registry,
                "convene_media_worker_deaths_total",
                "mediasoup workers that ended unexpectedly.",
            ),
            rooms: gauge(&registry, "convene_media_rooms", "Open rooms."),
            queued_bytes: gauge(
                &registry,
                "convene_media_queued_bytes",
                "Bytes queued for clients or kept for retransmission.",
            ),
            room_panics: counter(&registry, "convene_media_room_panics_total", "Rooms that ended by a panic."),
            connections: gauge(&registry, "convene_media_connections", "Open signaling connections."),
            participants: gauge(&registry, "convene_media_participants", "Participants who have joined."),
            waiting: gauge(&registry, "convene_media_waiting", "Participants waiting in lobbies."),
            prepared: gauge(
                &registry,
                "convene_media_prepared_connections",
                "Connections with transports that have not entered a meeting.",
            ),
            moderation: counters(&registry, "convene_media_moderation_total", "Actions of moderators.", &["action"]),
            moves: MoveMetrics::new(&registry),
            objects: gauges(
                &registry,
                "convene_media_objects",
                "Open transports, producers and consumers.",
                &["object", "kind"],
            ),
            requests: counters(
                &registry,
                "convene_media_requests_total",
                "Requests and notifications of clients.",
                &["method"],
            ),
            protocol_errors: counters(
                &registry,
                "convene_media_protocol_errors_total",
                "Invalid messages of clients.",
                &["reason"],
            ),
            connection_attempts: counters(
                &registry,
                "convene_media_connection_attempts_total",
                "Attempts to open a signaling connection, by outcome.",
                &["outcome"],
            ),
            resumed: counters(
                &registry,
                "convene_media_resumed_total",
                "Attempts to resume a signaling session on a new socket, by outcome.",
                &["outcome"],
            ),
            limits_reached: counters(
                &registry,
                "convene_media_limits_reached_total",
                "Requests refused because a limit was reached.",
                &["limit"],
            ),
            tcp_connections: counters(
                &registry,
                "convene_media_tcp_connections_total",
                "TCP connections to the media ports, by outcome.",
                &["outcome"],
            ),
            tcp_open: gauge(
                &registry,
                "convene_media_tcp_connections_open",
                "Open TCP connections forwarded to media workers.",
            ),
            udp_dropped: counter(
                &registry,
                "convene_media_udp_dropped_packets_total",
                "Packets that the kernel dropped because the receive buffer of a media socket was full.",
            ),
            join_seconds: histograms(
                &registry,
                "convene_media_join_seconds",
                "Time from the connection until the participant has joined, and until media is connected.",
                &JOIN_BUCKETS,
                &["stage"],
            ),
            worker_cpu: second_counters(
                &registry,
                "convene_media_worker_cpu_seconds_total",
                "CPU time of the media worker's thread.",
                &["worker"],
            ),
            links: links(&registry),
            flow: Flow::new(&registry),
            registry,
        };
        #[cfg(target_os = "linux")]
        metrics.register_process();
        metrics
    }
}

impl Metrics {
    /// Adds the metrics of the log.
    pub(crate) fn watch_log(&self, log: &LogHealth) {
        log.register(&self.registry).expect("a program has one log");
    }

    /// All metrics in Prometheus' text exposition format.
    pub fn render(&self) -> String {
        render(&self.registry)
    }

    /// Sets the CPU time of a worker's thread. It restarts from 0 with a new thread, which Prometheus handles as a counter reset.
    pub(crate) fn worker_cpu(&self, worker: usize, seconds: f64) {
        let counter = self.worker_cpu.with_label_values(&[&worker.to_string()]);
        counter.reset();
        counter.inc_by(seconds);
    }

    /// Open objects of one type, over all kinds of media.
    pub(crate) fn count(&self, object: &str) -> i64 {
        let kinds: &[&str] = if object == "transport" { &["webrtc", "plain"] } else { &["audio", "video"] };
        kinds.iter().map(|kind| self.objects.with_label_values(&[object, kind]).get()).sum()
    }

    /// Open data producers or data consumers.
    pub(crate) fn count_data(&self, object: &str) -> i64 {
        self.objects.with_label_values(&[object, "data"]).get()
    }

    #[cfg(target_os = "linux")]
    fn register_process(&self) {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(collector)).expect("registered once per registry");
    }
}

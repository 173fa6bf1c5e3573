//! The router's metrics, and the listener they are on. Labels are bounded: routes, statuses and reasons, never a meeting's or a person's
//! name. Clients never get them: the public listeners have no such route.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use convene_service::log::LogHealth;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tracing::warn;

use self::edge::EdgeMetrics;

pub(crate) mod edge;

/// All metrics of one router.
#[derive(Debug)]
pub(crate) struct RouterMetrics {
    registry: Registry,
    /// Limits, streams, propagation.
    pub(crate) edge: EdgeMetrics,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    joins: IntCounterVec,
    closes: IntCounterVec,
    hold_seconds: Histogram,
    index_objects: IntGaugeVec,
    watch_errors: IntCounterVec,
    spliced_bytes: IntCounterVec,
    tickets: IntCounterVec,
    secret_problems: IntGaugeVec,
    join_keys: IntGauge,
    turn_secrets: IntGauge,
    /// Joins that wait for a pod now.
    pub(crate) held_joins: IntGauge,
    /// Signaling sockets that are spliced now.
    pub(crate) open_sockets: IntGauge,
}

const VALID: &str = "metric names and labels are constants that the tests register";

impl Default for RouterMetrics {
    fn default() -> Self {
        let metrics = Self::unregistered();
        metrics.register();
        metrics
    }
}

impl RouterMetrics {
    /// Counts the lost lines of this log.
    pub(crate) fn watch_log(&self, log: &LogHealth) -> Result<(), prometheus::Error> {
        log.register(&self.registry)
    }

    fn unregistered() -> Self {
        let buckets = vec![0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let seconds = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(buckets.clone());
        let duration = seconds(
            "convene_router_request_duration_seconds",
            "Time to answer a request, by route; held joins include their wait.",
        );
        let hold =
            seconds("convene_router_hold_seconds", "How long joins were held before they were connected or given up.");
        let registry = Registry::new();
        Self {
            edge: EdgeMetrics::new(&registry),
            registry,
            requests: counters("convene_router_requests_total", "Answered requests.", &["route", "status"]),
            request_seconds: HistogramVec::new(duration, &["route"]).expect(VALID),
            joins: counters(
                "convene_router_joins_total",
                "Joins at the signaling route, by what became of them.",
                &["outcome"],
            ),
            closes: counters(
                "convene_router_socket_ends_total",
                "Ended signaling sockets, by who ended them.",
                &["reason"],
            ),
            hold_seconds: Histogram::with_opts(hold).expect(VALID),
            index_objects: gauges("convene_router_index_objects", "Objects in the routing index.", &["kind"]),
            watch_errors: counters("convene_router_watch_errors_total", "Failed watches.", &["kind"]),
            spliced_bytes: counters(
                "convene_router_spliced_bytes_total",
                "Bytes passed between clients and media pods.",
                &["direction"],
            ),
            tickets: counters(
                "convene_router_tickets_total",
                "Requests at the join route, by what became of them.",
                &["outcome"],
            ),
            secret_problems: gauges(
                "convene_router_secret_problems",
                "Entries of Secrets with join keys or TURN credentials that cannot be used now.",
                &["reason"],
            ),
            join_keys: IntGauge::new("convene_router_join_keys", "Join keys in use.").expect(VALID),
            turn_secrets: IntGauge::new("convene_router_turn_secrets", "Secrets with TURN credentials in use.")
                .expect(VALID),
            held_joins: IntGauge::new("convene_router_held_joins", "Joins that wait for a media pod.").expect(VALID),
            open_sockets: IntGauge::new("convene_router_open_sockets", "Open signaling sockets.").expect(VALID),
        }
    }

    fn register(&self) {
        let collectors: [Box<dyn prometheus::core::Collector>; 14] = [
            Box::new(self.requests.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.joins.clone()),
            Box::new(self.closes.clone()),
            Box::new(self.hold_seconds.clone()),
            Box::new(self.index_objects.clone()),
            Box::new(self.watch_errors.clone()),
            Box::new(self.spliced_bytes.clone()),
            Box::new(self.tickets.clone()),
            Box::new(self.secret_problems.clone()),
            Box::new(self.join_keys.clone()),
            Box::new(self.turn_secrets.clone()),
            Box::new(self.held_joins.clone()),
            Box::new(self.open_sockets.clone()),
        ];
        for collector in collectors {
            self.registry.register(collector).expect(VALID);
        }
    }

    /// An answered request.
    pub(crate) fn count_request(&self, route: &str, status: StatusCode, took: Duration) {
        self.requests.with_label_values(&[route, status.as_str()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// What became of a join.
    pub(crate) fn count_join(&self, outcome: &str) {
        self.joins.with_label_values(&[outcome]).inc();
    }

    /// A signaling socket ended.
    pub(crate) fn count_socket_end(&self, reason: &str, from_client: u64, from_pod: u64) {
        self.closes.with_label_values(&[reason]).inc();
        self.spliced_bytes.with_label_values(&["from_client"]).inc_by(from_client);
        self.spliced_bytes.with_label_values(&["from_pod"]).inc_by(from_pod);
    }

    /// A join was held for so long.
    pub(crate) fn observe_hold(&self, held: Duration) {
        self.hold_seconds.observe(held.as_secs_f64());
    }

    /// Sizes of the index.
    pub(crate) fn set_index_sizes(&self, meetings: usize, pods: usize) {
        for (kind, count) in [("Meeting", meetings), ("Pod", pods)] {
            self.index_objects.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// What became of a request at the join route.
    pub(crate) fn count_ticket(&self, outcome: &str) {
        self.tickets.with_label_values(&[outcome]).inc();
    }

    /// What the Secrets with join keys and TURN credentials hold, and how many entries of theirs are broken for which reason.
    pub(crate) fn set_secrets(&self, join_keys: usize, turn_secrets: usize, problems: &BTreeMap<&'static str, usize>) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.join_keys.set(number(join_keys));
        self.turn_secrets.set(number(turn_secrets));
        self.secret_problems.reset();
        for (reason, count) in problems {
            self.secret_problems.with_label_values(&[*reason]).set(number(*count));
        }
    }

    /// A watch failed.
    pub(crate) fn count_watch_error(&self, kind: &str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            warn!(%error, "could not write the metrics");
        }
        text
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(VALID)
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID)
}

/// Counts one up while it lives.
#[derive(Debug)]
pub(crate) struct GaugeGuard(IntGauge);

impl GaugeGuard {
    /// Counts one up.
    pub(crate) fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

//! Metrics of the router. Labels are bounded: routes, statuses and reasons, never names of meetings or participants.

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
    /// Refusals, event streams, propagation.
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
    /// Joins waiting for a pod.
    pub(crate) held_joins: IntGauge,
    /// Open signaling sockets.
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
    /// Registers the metrics of this log.
    pub(crate) fn watch_log(&self, log: &LogHealth) -> Result<(), prometheus::Error> {
        log.register(&self.registry)
    }

    fn unregistered() -> Self {
        let buckets = vec![0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let seconds = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(buckets.clone());
        let duration = seconds(
            "convene_router_request_duration_seconds",
            "Time to respond to a request by route; includes the wait of held joins.",
        );
        let hold = seconds(
            "convene_router_hold_seconds",
            "Time that joins were held before they were connected or abandoned.",
        );
        let registry = Registry::new();
        Self {
            edge: EdgeMetrics::new(&registry),
            registry,
            requests: counters("convene_router_requests_total", "Requests by route and status.", &["route", "status"]),
            request_seconds: HistogramVec::new(duration, &["route"]).expect(VALID),
            joins: counters("convene_router_joins_total", "Joins at the signaling route by outcome.", &["outcome"]),
            closes: counters("convene_router_socket_ends_total", "Closed signaling sockets by reason.", &["reason"]),
            hold_seconds: Histogram::with_opts(hold).expect(VALID),
            index_objects: gauges("convene_router_index_objects", "Objects in the routing index.", &["kind"]),
            watch_errors: counters("convene_router_watch_errors_total", "Watch errors by kind.", &["kind"]),
            spliced_bytes: counters(
                "convene_router_spliced_bytes_total",
                "Bytes forwarded between clients and media pods by direction.",
                &["direction"],
            ),
            tickets: counters("convene_router_tickets_total", "Requests at the join route by outcome.", &["outcome"]),
            secret_problems: gauges(
                "convene_router_secret_problems",
                "Unusable entries of Secrets with join keys or TURN credentials by reason.",
                &["reason"],
            ),
            join_keys: IntGauge::new("convene_router_join_keys", "Join keys in use.").expect(VALID),
            turn_secrets: IntGauge::new("convene_router_turn_secrets", "Secrets with TURN credentials in use.")
                .expect(VALID),
            held_joins: IntGauge::new("convene_router_held_joins", "Joins waiting for a media pod.").expect(VALID),
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

    pub(crate) fn count_request(&self, route: &str, status: StatusCode, took: Duration) {
        self.requests.with_label_values(&[route, status.as_str()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub(crate) fn count_join(&self, outcome: &str) {
        self.joins.with_label_values(&[outcome]).inc();
    }

    /// Counts a closed signaling socket and its bytes.
    pub(crate) fn count_socket_end(&self, reason: &str, from_client: u64, from_pod: u64) {
        self.closes.with_label_values(&[reason]).inc();
        self.spliced_bytes.with_label_values(&["from_client"]).inc_by(from_client);
        self.spliced_bytes.with_label_values(&["from_pod"]).inc_by(from_pod);
    }

    /// Records how long a join was held.
    pub(crate) fn observe_hold(&self, held: Duration) {
        self.hold_seconds.observe(held.as_secs_f64());
    }

    pub(crate) fn set_index_sizes(&self, meetings: usize, pods: usize) {
        for (kind, count) in [("Meeting", meetings), ("Pod", pods)] {
            self.index_objects.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Counts a request at the join route by outcome.
    pub(crate) fn count_ticket(&self, outcome: &str) {
        self.tickets.with_label_values(&[outcome]).inc();
    }

    /// Sets the numbers of join keys, TURN credentials, and invalid entries by reason.
    pub(crate) fn set_secrets(&self, join_keys: usize, turn_secrets: usize, problems: &BTreeMap<&'static str, usize>) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.join_keys.set(number(join_keys));
        self.turn_secrets.set(number(turn_secrets));
        self.secret_problems.reset();
        for (reason, count) in problems {
            self.secret_problems.with_label_values(&[*reason]).set(number(*count));
        }
    }

    pub(crate) fn count_watch_error(&self, kind: &str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    /// The metrics in the Prometheus text format.
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

/// Increments a gauge until it is dropped.
#[derive(Debug)]
pub(crate) struct GaugeGuard(IntGauge);

impl GaugeGuard {
    /// Increments `gauge`.
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

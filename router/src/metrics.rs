//! Metrics of the router. Labels are bounded: routes, statuses and reasons, never names of meetings or participants.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use convene_service::log::LogHealth;
use convene_service::metrics::{counters, gauge, gauges, histogram, histograms, render};
use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use self::edge::EdgeMetrics;

pub(crate) mod edge;

/// Buckets of durations, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

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

impl Default for RouterMetrics {
    fn default() -> Self {
        let (registry, seconds) = (Registry::new(), &SECONDS);
        let counters = |name, help, labels: &[&str]| counters(&registry, name, help, labels);
        let gauge = |name, help| gauge(&registry, name, help);
        let gauges = |name, help, labels: &[&str]| gauges(&registry, name, help, labels);
        Self {
            edge: EdgeMetrics::new(&registry),
            requests: counters("convene_router_requests_total", "Requests by route and status.", &["route", "status"]),
            request_seconds: histograms(
                &registry,
                "convene_router_request_duration_seconds",
                "Time to respond to a request by route; includes the wait of held joins.",
                seconds,
                &["route"],
            ),
            joins: counters("convene_router_joins_total", "Joins at the signaling route by outcome.", &["outcome"]),
            closes: counters("convene_router_socket_ends_total", "Closed signaling sockets by reason.", &["reason"]),
            hold_seconds: histogram(
                &registry,
                "convene_router_hold_seconds",
                "Time that joins were held before they were connected or abandoned.",
                seconds,
            ),
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
            join_keys: gauge("convene_router_join_keys", "Join keys in use."),
            turn_secrets: gauge("convene_router_turn_secrets", "Secrets with TURN credentials in use."),
            held_joins: gauge("convene_router_held_joins", "Joins waiting for a media pod."),
            open_sockets: gauge("convene_router_open_sockets", "Open signaling sockets."),
            registry,
        }
    }
}

impl RouterMetrics {
    /// Registers the metrics of this log.
    pub(crate) fn watch_log(&self, log: &LogHealth) -> Result<(), prometheus::Error> {
        log.register(&self.registry)
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
        render(&self.registry)
    }
}

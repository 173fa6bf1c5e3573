//! Metrics of the router's edge: refusals, open event streams, and how fast watch events reach the routing table.

use std::time::Duration;

use convene_service::metrics::{counters, gauge, histogram};
use prometheus::{Histogram, IntCounterVec, IntGauge, Registry};

const PROPAGATION_SECONDS: [f64; 10] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

#[derive(Debug)]
pub(crate) struct EdgeMetrics {
    refused: IntCounterVec,
    propagation: Histogram,
    /// Open event streams.
    pub(crate) event_streams: IntGauge,
}

impl EdgeMetrics {
    /// Creates and registers the metrics.
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            refused: counters(
                registry,
                "convene_router_refused_total",
                "Requests and connections refused by a limit or an origin rule, by reason.",
                &["reason"],
            ),
            propagation: histogram(
                registry,
                "convene_router_propagation_seconds",
                "Time from the arrival of watch events until the routing table includes them.",
                &PROPAGATION_SECONDS,
            ),
            event_streams: gauge(registry, "convene_router_event_streams", "Open event streams."),
        }
    }

    /// Counts a refused request or connection.
    pub(crate) fn count_refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Records how long watch events took to reach the routing table.
    pub(crate) fn observe_propagation(&self, took: Duration) {
        self.propagation.observe(took.as_secs_f64());
    }
}

//! Metrics in one registry: each is registered when it is made. Names and labels are constants; that they are valid is tested by making them.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

const VALID: &str = "metric names and labels are constants that the tests register";

/// A gauge.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    registered(registry, IntGauge::new(name, help))
}

/// Gauges with labels.
pub fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

/// A counter.
pub fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, IntCounter::new(name, help))
}

/// Counters with labels.
pub fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

/// Counters of seconds with labels.
pub fn second_counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> CounterVec {
    registered(registry, CounterVec::new(Opts::new(name, help), labels))
}

/// A histogram with these buckets.
pub fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    registered(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
}

/// Histograms with labels.
pub fn histograms(registry: &Registry, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
    registered(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, made: Result<C, prometheus::Error>) -> C {
    let collector = made.expect(VALID);
    registry.register(Box::new(collector.clone())).expect(VALID);
    collector
}

/// All metrics in Prometheus' text exposition format.
pub fn render(registry: &Registry) -> String {
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_else(|error| {
        tracing::warn!(%error, "could not write the metrics");
        String::new()
    })
}

/// The response of `/metrics` with this text.
pub fn response(text: String) -> Response {
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response()
}

/// Increments a gauge until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(IntGauge);

impl GaugeGuard {
    /// Increments the gauge now.
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_rendered_and_a_gauge_counts_what_exists() {
        let registry = Registry::new();
        counters(&registry, "requests_total", "Requests.", &["route"]).with_label_values(&["/"]).inc();
        let open = gauge(&registry, "open", "Open.");
        let guard = GaugeGuard::new(&open);
        let text = render(&registry);
        assert!(text.contains("requests_total{route=\"/\"} 1\n") && text.contains("open 1\n"), "{text}");
        drop(guard);
        assert!(render(&registry).contains("open 0\n"));
    }
}

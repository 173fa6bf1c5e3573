//! The operator's metrics. Labels are bounded: kinds, outcomes and states, never names of objects or people.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// All metrics of one operator.
#[derive(Clone, Debug)]
pub struct OperatorMetrics {
    passes: IntCounterVec,
    pass_seconds: HistogramVec,
    /// Room lists that could not be fetched from a pod.
    pub podlink_failures: IntCounterVec,
    /// Media pods in the cache.
    pub media_pods: IntGauge,
    /// Meetings in the cache.
    pub meetings: IntGauge,
}

impl OperatorMetrics {
    /// Registers all of them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            passes: IntCounterVec::new(
                Opts::new("convene_operator_passes_total", "Looks at an object, by kind and outcome"),
                &["kind", "outcome"],
            )?,
            pass_seconds: HistogramVec::new(
                HistogramOpts::new("convene_operator_pass_seconds", "How long a look at an object took"),
                &["kind"],
            )?,
            podlink_failures: IntCounterVec::new(
                Opts::new("convene_operator_podlink_failures_total", "Questions to media pods that failed, by reason"),
                &["reason"],
            )?,
            media_pods: IntGauge::new("convene_operator_media_pods", "Media pods that the operator knows")?,
            meetings: IntGauge::new("convene_operator_meetings", "Meetings that the operator knows")?,
        };
        registry.register(Box::new(metrics.passes.clone()))?;
        registry.register(Box::new(metrics.pass_seconds.clone()))?;
        registry.register(Box::new(metrics.podlink_failures.clone()))?;
        registry.register(Box::new(metrics.media_pods.clone()))?;
        registry.register(Box::new(metrics.meetings.clone()))?;
        Ok(metrics)
    }

    /// Counts one look at an object.
    pub fn count_pass(&self, kind: &str, outcome: &str, duration: Duration) {
        self.passes.with_label_values(&[kind, outcome]).inc();
        self.pass_seconds.with_label_values(&[kind]).observe(duration.as_secs_f64());
    }
}

//! The operator's metrics. Labels are bounded: kinds, outcomes, states and pools (of which there are few), never names of meetings or
//! participants.

use std::time::Duration;

use convene_service::metrics::{counters, gauge, gauges, histogram, histograms};
use prometheus::{DEFAULT_BUCKETS, Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

/// Histogram buckets in seconds: from the time that a warm pool takes to that of pulling an image.
const LATENCIES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// All metrics of one operator.
#[derive(Clone, Debug)]
pub(crate) struct OperatorMetrics {
    reconcile: IntCounterVec,
    reconcile_seconds: HistogramVec,
    /// Room lists that could not be fetched from a pod.
    pub(crate) podlink_failures: IntCounterVec,
    /// Media pods, by pool and state.
    pub(crate) media_pods: IntGaugeVec,
    /// Ports, by pool and use.
    pub(crate) ports: IntGaugeVec,
    /// Objects in the queue, by kind.
    pub(crate) queue_depth: IntGaugeVec,
    /// Writes to the cluster, by step and outcome.
    pub(crate) steps: IntCounterVec,
    /// From the assignment of a pod to its record in the status.
    pub(crate) assignment_seconds: Histogram,
    /// From the creation of a Meeting (or its start, if that is later) to Ready.
    pub(crate) ready_seconds: Histogram,
    /// Kubernetes events, by outcome (published, failed, dropped).
    pub(crate) events: IntCounterVec,
    /// Meetings in the cache.
    pub(crate) meetings: IntGauge,
    pub(crate) silence: SilenceMetrics,
}

/// Metrics of media pods that do not respond.
#[derive(Clone, Debug)]
pub(crate) struct SilenceMetrics {
    /// Silent pods.
    pub(crate) pods: IntGauge,
    /// 1 while most nodes do not respond.
    pub(crate) cut_off: IntGauge,
    /// Changes, by outcome.
    pub(crate) changes: IntCounterVec,
}

impl SilenceMetrics {
    fn register(registry: &Registry) -> Self {
        Self {
            pods: gauge(registry, "convene_operator_silent_pods", "Media pods that do not respond to the operator"),
            cut_off: gauge(
                registry,
                "convene_operator_cut_off",
                "1 while most nodes with media pods do not respond, so that the operator may be cut off itself",
            ),
            changes: counters(
                registry,
                "convene_operator_silence_total",
                "Changes of media pods that do not respond (Silent, Returned, CutOff)",
                &["outcome"],
            ),
        }
    }
}

impl OperatorMetrics {
    /// Registers all of them.
    pub(crate) fn register(registry: &Registry) -> Self {
        let counters = |name, help, labels: &[&str]| counters(registry, name, help, labels);
        let gauges = |name, help, labels: &[&str]| gauges(registry, name, help, labels);
        Self {
            reconcile: counters(
                "convene_operator_reconcile_total",
                "Reconciliations by kind and outcome",
                &["kind", "outcome"],
            ),
            reconcile_seconds: histograms(
                registry,
                "convene_operator_reconcile_duration_seconds",
                "Duration of reconciliations in seconds, by kind",
                DEFAULT_BUCKETS,
                &["kind"],
            ),
            podlink_failures: counters(
                "convene_operator_podlink_failures_total",
                "Questions to media pods that failed, by reason",
                &["reason"],
            ),
            media_pods: gauges("convene_operator_media_pods", "Media pods, by pool and state", &["pool", "state"]),
            ports: gauges(
                "convene_operator_ports",
                "Ports of the pools' ranges, by pool and use (free, used, resting)",
                &["pool", "use"],
            ),
            queue_depth: gauges(
                "convene_operator_queue_depth",
                "Objects waiting in the queue for reconciliation, by kind",
                &["kind"],
            ),
            steps: counters(
                "convene_operator_steps_total",
                "What was done to the cluster, by step and outcome",
                &["step", "outcome"],
            ),
            assignment_seconds: histogram(
                registry,
                "convene_operator_assignment_seconds",
                "From the decision for a media pod to its record in the Meeting's status",
                &LATENCIES,
            ),
            ready_seconds: histogram(
                registry,
                "convene_operator_meeting_ready_seconds",
                "From the creation of a Meeting, or its start if that is later, to Ready",
                &LATENCIES,
            ),
            events: counters(
                "convene_operator_events_total",
                "Kubernetes events, by outcome (published, failed, dropped because too many waited)",
                &["outcome"],
            ),
            meetings: gauge(registry, "convene_operator_meetings", "Meetings that the operator knows"),
            silence: SilenceMetrics::register(registry),
        }
    }

    /// Removes the metrics of a pool that is gone.
    pub(crate) fn forget_pool(&self, pool: &str) {
        // The series may never have been set.
        for state in ["ready", "starting", "warm", "draining", "outdated", "total"] {
            let _ = self.media_pods.remove_label_values(&[pool, state]);
        }
        for use_ in ["used", "resting", "free"] {
            let _ = self.ports.remove_label_values(&[pool, use_]);
        }
    }

    /// Counts one step.
    pub(crate) fn count_step<T, E>(&self, step: &str, result: &Result<T, E>) {
        self.steps.with_label_values(&[step, if result.is_ok() { "done" } else { "failed" }]).inc();
    }

    /// Counts one reconciliation.
    pub(crate) fn count_reconcile(&self, kind: &str, outcome: &str, duration: Duration) {
        self.reconcile.with_label_values(&[kind, outcome]).inc();
        self.reconcile_seconds.with_label_values(&[kind]).observe(duration.as_secs_f64());
    }
}

//! Metrics of media traffic: bytes, packets, loss, round-trip times, scores. They are sampled from the workers, so they are a few
//! seconds old, and never of a single participant.

use convene_service::metrics::{counters, histogram, histograms};
use prometheus::{Histogram, HistogramVec, IntCounterVec, Registry};

const LOSS_BUCKETS: [f64; 7] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const ROUND_TRIP_BUCKETS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
const SCORE_BUCKETS: [f64; 5] = [0.0, 3.0, 6.0, 8.0, 10.0];

/// Direction, seen from the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowDirection {
    /// From participants.
    In,
    /// To participants.
    Out,
}

impl FlowDirection {
    fn label(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// One sample of one stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StreamSample {
    /// Packets since the last sample.
    pub(crate) packets: u64,
    /// Fraction of packets lost recently, 0 to 1.
    pub(crate) loss: f64,
    /// Round-trip time in seconds, once known.
    pub(crate) round_trip: Option<f64>,
    /// mediasoup's score, 0 to 10.
    pub(crate) score: u8,
}

/// Metrics of media traffic.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    bytes: IntCounterVec,
    packets: IntCounterVec,
    loss: HistogramVec,
    round_trip: Histogram,
    score: HistogramVec,
}

impl Flow {
    /// Creates and registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        let labels = &["direction", "kind"];
        Self {
            bytes: counters(
                registry,
                "convene_media_bytes_total",
                "Bytes received and sent by media transports.",
                &["direction"],
            ),
            packets: counters(
                registry,
                "convene_media_packets_total",
                "RTP packets of producers (in) and consumers (out).",
                labels,
            ),
            loss: histograms(
                registry,
                "convene_media_loss_ratio",
                "Fraction of packets lost per stream, sampled.",
                &LOSS_BUCKETS,
                labels,
            ),
            round_trip: histogram(
                registry,
                "convene_media_round_trip_seconds",
                "Round-trip times to receivers, sampled.",
                &ROUND_TRIP_BUCKETS,
            ),
            score: histograms(
                registry,
                "convene_media_score",
                "mediasoup's score per stream, 0 to 10, sampled.",
                &SCORE_BUCKETS,
                labels,
            ),
        }
    }

    /// Adds the bytes since the last sample.
    pub(crate) fn bytes(&self, direction: FlowDirection, bytes: u64) {
        self.bytes.with_label_values(&[direction.label()]).inc_by(bytes);
    }

    /// Adds one sample of a stream; `kind` is audio or video.
    pub(crate) fn stream(&self, direction: FlowDirection, kind: &str, sample: StreamSample) {
        let labels = &[direction.label(), kind];
        self.packets.with_label_values(labels).inc_by(sample.packets);
        self.loss.with_label_values(labels).observe(sample.loss);
        self.score.with_label_values(labels).observe(sample.score.into());
        if let Some(seconds) = sample.round_trip {
            self.round_trip.observe(seconds);
        }
    }
}

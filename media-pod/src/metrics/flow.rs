//! Metrics of media traffic: bytes, packets, loss, round-trip times, scores. They are sampled from the workers, so they are a few
//! seconds old, and never of a single participant.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

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
        let bytes = Opts::new("convene_media_bytes_total", "Bytes received and sent by media transports.");
        let packets = Opts::new("convene_media_packets_total", "RTP packets of producers (in) and consumers (out).");
        let loss = HistogramOpts::new("convene_media_loss_ratio", "Fraction of packets lost per stream, sampled.");
        let round_trip =
            HistogramOpts::new("convene_media_round_trip_seconds", "Round-trip times to receivers, sampled.");
        let score = HistogramOpts::new("convene_media_score", "mediasoup's score per stream, 0 to 10, sampled.");
        let labels = &["direction", "kind"];
        let flow = Self {
            bytes: IntCounterVec::new(bytes, &["direction"]).expect("the names here are valid"),
            packets: IntCounterVec::new(packets, labels).expect("the names here are valid"),
            loss: HistogramVec::new(loss.buckets(LOSS_BUCKETS.into()), labels).expect("the names here are valid"),
            round_trip: Histogram::with_opts(round_trip.buckets(ROUND_TRIP_BUCKETS.into()))
                .expect("the names here are valid"),
            score: HistogramVec::new(score.buckets(SCORE_BUCKETS.into()), labels).expect("the names here are valid"),
        };
        flow.register(registry);
        flow
    }

    fn register(&self, registry: &Registry) {
        let all: [Box<dyn prometheus::core::Collector>; 5] = [
            Box::new(self.bytes.clone()),
            Box::new(self.packets.clone()),
            Box::new(self.loss.clone()),
            Box::new(self.round_trip.clone()),
            Box::new(self.score.clone()),
        ];
        for collector in all {
            registry.register(collector).expect("every name is registered once");
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

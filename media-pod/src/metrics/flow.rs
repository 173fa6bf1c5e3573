//! What flows through the pod: bytes, packets, loss, round trips, scores. Sampled from the workers, so some seconds old.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

const LOSS_BUCKETS: [f64; 7] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const ROUND_TRIP_BUCKETS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
const SCORE_BUCKETS: [f64; 5] = [0.0, 3.0, 6.0, 8.0, 10.0];

/// Which way, seen from the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From participants.
    In,
    /// To participants.
    Out,
}

impl Way {
    fn label(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// One look at one stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamSample {
    /// Packets since the last look.
    pub packets: u64,
    /// Share of packets lost lately, 0 to 1.
    pub loss: f64,
    /// Seconds there and back, once known.
    pub round_trip: Option<f64>,
    /// mediasoup's score, 0 to 10.
    pub score: u8,
}

/// The metrics.
#[derive(Clone, Debug)]
pub struct Flow {
    bytes: IntCounterVec,
    packets: IntCounterVec,
    loss: HistogramVec,
    round_trip: Histogram,
    score: HistogramVec,
}

impl Flow {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        let bytes = Opts::new("convene_media_bytes_total", "bytes of media transports");
        let packets = Opts::new("convene_media_packets_total", "RTP packets of producers (in) and consumers (out)");
        let loss = HistogramOpts::new("convene_media_loss_ratio", "share of packets lost per stream, sampled");
        let round_trip =
            HistogramOpts::new("convene_media_round_trip_seconds", "round trip times to receivers, sampled");
        let score = HistogramOpts::new("convene_media_score", "mediasoup's score per stream, 0 to 10, sampled");
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

    /// Counts bytes since the last look.
    pub fn bytes(&self, way: Way, bytes: u64) {
        self.bytes.with_label_values(&[way.label()]).inc_by(bytes);
    }

    /// Counts one look at a stream; `kind` is audio or video.
    pub fn stream(&self, way: Way, kind: &str, sample: StreamSample) {
        let labels = &[way.label(), kind];
        self.packets.with_label_values(labels).inc_by(sample.packets);
        self.loss.with_label_values(labels).observe(sample.loss);
        self.score.with_label_values(labels).observe(sample.score.into());
        if let Some(seconds) = sample.round_trip {
            self.round_trip.observe(seconds);
        }
    }
}

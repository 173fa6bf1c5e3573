//! Metrics of meetings that move between media pods. They never name a meeting or a participant.

use convene_service::metrics::counters;
use prometheus::{IntCounterVec, Registry};

/// Metrics of moves.
#[derive(Clone, Debug)]
pub(crate) struct MoveMetrics {
    /// Steps of moves, by `outcome`.
    pub(crate) steps: IntCounterVec,
    /// Clients of meetings that moved, by `outcome`.
    pub(crate) clients: IntCounterVec,
    /// Bytes of snapshots, by `direction`.
    pub(crate) snapshot_bytes: IntCounterVec,
}

impl MoveMetrics {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            steps: counters(
                registry,
                "convene_media_moves_total",
                "Steps of moves of meetings between media pods, by outcome.",
                &["outcome"],
            ),
            clients: counters(
                registry,
                "convene_media_client_moves_total",
                "Clients of meetings that moved to another media pod, by outcome.",
                &["outcome"],
            ),
            snapshot_bytes: counters(
                registry,
                "convene_media_snapshot_bytes_total",
                "Bytes of snapshots of rooms, sent and received.",
                &["direction"],
            ),
        }
    }
}

//! The routing table as handlers see it: the newest snapshot of the index, read without locks, and a signal when it changes.
//!
//! One task writes it (see [`watch`](crate::index::watch)), everybody reads. It holds no rule of its own.

use std::sync::Arc;

use arc_swap::ArcSwap;
use convene_join_token::MeetingKey;
use tokio::sync::watch;

use crate::index::record::MeetingRecord;
use crate::index::routing_index::RoutingIndex;
use crate::index::select::RouteDecision;

/// Snapshot of the index and change signal.
#[derive(Debug)]
pub(crate) struct RoutingTable {
    snapshot: ArcSwap<RoutingIndex>,
    changes: watch::Sender<()>,
}

impl Default for RoutingTable {
    fn default() -> Self {
        Self { snapshot: ArcSwap::default(), changes: watch::Sender::new(()) }
    }
}

impl RoutingTable {
    /// Where a join of `key` goes now.
    pub(crate) fn route(&self, key: &MeetingKey) -> RouteDecision {
        self.snapshot.load().route(key)
    }

    /// What is known of a meeting now.
    pub(crate) fn meeting(&self, key: &MeetingKey) -> Option<Arc<MeetingRecord>> {
        self.snapshot.load().meeting(key).map(Arc::clone)
    }

    /// Whether this very pod is still known.
    pub(crate) fn has_pod(&self, name: &str, uid: &str) -> bool {
        self.snapshot.load().has_pod(name, uid)
    }

    /// Puts a new index in place and wakes everybody who waits.
    pub(crate) fn publish(&self, index: RoutingIndex) {
        self.snapshot.store(Arc::new(index));
        self.wake();
    }

    /// Wakes everybody who waits, because something beside the index changed that a join may depend on.
    pub(crate) fn wake(&self) {
        self.changes.send_replace(());
    }

    /// A receiver that sees every change from now on: subscribe first, then ask for the route, then wait.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

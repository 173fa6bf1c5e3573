//! The routing table: the latest snapshot of the index, read without locks, and a change notification.
//!
//! One task writes it (see [`watch`](crate::index::watch)), all handlers read it. It implements no rules itself.

use std::sync::Arc;

use arc_swap::ArcSwap;
use convene_join_token::MeetingKey;
use tokio::sync::watch;

use crate::index::record::MeetingRecord;
use crate::index::routing_index::RoutingIndex;
use crate::index::select::RouteDecision;

/// Snapshot of the index and change notification.
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
    /// The current route of a join of `key`.
    pub(crate) fn route(&self, key: &MeetingKey) -> RouteDecision {
        self.snapshot.load().route(key)
    }

    /// The current record of a meeting.
    pub(crate) fn meeting(&self, key: &MeetingKey) -> Option<Arc<MeetingRecord>> {
        self.snapshot.load().meeting(key).map(Arc::clone)
    }

    /// Whether clients of a meeting on this pod must reconnect.
    pub(crate) fn has_lost(&self, key: &MeetingKey, name: &str, uid: &str) -> bool {
        self.snapshot.load().has_lost(key, name, uid)
    }

    /// Replaces the snapshot and notifies all subscribers.
    pub(crate) fn publish(&self, index: RoutingIndex) {
        self.snapshot.store(Arc::new(index));
        self.wake();
    }

    /// Notifies all subscribers of a change outside the index that joins may depend on.
    pub(crate) fn wake(&self) {
        self.changes.send_replace(());
    }

    /// A receiver of all changes from now on: subscribe first, then read the route, then wait.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

//! Open connections by media pod: when a pod is deleted, its connections are closed.
//!
//! A pod that dies with its node sends no last packet, so the sockets to it would stay open. Readiness does not matter: a draining pod
//! keeps its participants.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::index::record::PodRecord;
use crate::index::table::RoutingTable;

/// One cancellation token for each pod with connections, by name and uid.
#[derive(Debug, Default)]
pub(crate) struct PodLinks {
    tokens: Mutex<HashMap<(String, String), CancellationToken>>,
}

impl PodLinks {
    /// A token that is cancelled once the pod is no longer in the table; immediately if it is already absent.
    pub(crate) fn attach(&self, pod: &PodRecord, table: &RoutingTable) -> CancellationToken {
        let key = (pod.name.clone(), pod.uid.clone());
        let token = self.lock().entry(key).or_default().clone();
        // The table is read after the token is stored: either `sweep` finds the token or this finds the pod absent.
        if !table.has_pod(&pod.name, &pod.uid) {
            token.cancel();
        }
        token
    }

    /// Cancels and removes the tokens of pods that are no longer in the table.
    pub(crate) fn sweep(&self, table: &RoutingTable) {
        self.lock().retain(|(name, uid), token| {
            let is_known = table.has_pod(name, uid);
            if !is_known {
                token.cancel();
            }
            is_known
        });
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), CancellationToken>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::pod_record;
    use crate::index::routing_index::RoutingIndex;

    fn table(uids: &[&str]) -> RoutingTable {
        let mut index = RoutingIndex::default();
        index.reset_pods(uids.iter().map(|uid| pod_record(&format!("media-{uid}"), uid, "10.0.0.1:8080")));
        let table = RoutingTable::default();
        table.publish(index);
        table
    }

    #[test]
    fn only_the_connections_of_a_pod_that_is_gone_are_cut() {
        let links = PodLinks::default();
        let pods = ["a", "b"].map(|uid| pod_record(&format!("media-{uid}"), uid, "10.0.0.1:8080"));
        let before = table(&["a", "b"]);
        let [gone, stays] = pods.each_ref().map(|pod| links.attach(pod, &before));
        links.sweep(&before);
        assert!(!gone.is_cancelled() && !stays.is_cancelled());
        links.sweep(&table(&["b"]));
        assert!(gone.is_cancelled() && !stays.is_cancelled());
    }

    #[test]
    fn who_connects_too_late_is_cut_at_once() {
        let token = PodLinks::default().attach(&pod_record("media-a", "a", "10.0.0.1:8080"), &table(&[]));
        assert!(token.is_cancelled());
    }
}

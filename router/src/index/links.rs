//! Open connections by meeting and media pod: they are closed when the pod is deleted, or when the meeting has another pod because this
//! one was lost.
//!
//! A pod that is lost with its node sends no last packet, so the sockets to it would stay open. Readiness does not matter: a draining pod
//! keeps its participants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use convene_join_token::MeetingKey;
use tokio_util::sync::CancellationToken;

use crate::index::record::PodRecord;
use crate::index::table::RoutingTable;

/// Connections of one meeting to one pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LinkKey {
    meeting: MeetingKey,
    pod: String,
    uid: String,
}

impl LinkKey {
    fn is_lost(&self, table: &RoutingTable) -> bool {
        table.has_lost(&self.meeting, &self.pod, &self.uid)
    }
}

/// One cancellation token for each pod with connections of a meeting. It lives as long as the connections.
#[derive(Debug, Default)]
pub(crate) struct PodLinks {
    tokens: Mutex<HashMap<LinkKey, Weak<CancellationToken>>>,
}

impl PodLinks {
    /// A token that is cancelled once the connections of this meeting to the pod must be closed; immediately if that is so already.
    pub(crate) fn attach(&self, meeting: &MeetingKey, pod: &PodRecord, table: &RoutingTable) -> Arc<CancellationToken> {
        let key = LinkKey { meeting: meeting.clone(), pod: pod.name.clone(), uid: pod.uid.clone() };
        let token = self.token(&key);
        // The table is read after the token is stored: either `sweep` finds the token or this finds the pod lost.
        if key.is_lost(table) {
            token.cancel();
        }
        token
    }

    fn token(&self, key: &LinkKey) -> Arc<CancellationToken> {
        let mut tokens = self.lock();
        // A meeting may return to a pod whose last connections are still being closed.
        let known = tokens.get(key).and_then(Weak::upgrade).filter(|token| !token.is_cancelled());
        known.unwrap_or_else(|| {
            let token = Arc::default();
            tokens.insert(key.clone(), Arc::downgrade(&token));
            token
        })
    }

    /// Cancels and removes the tokens of lost pods, and removes those without connections.
    pub(crate) fn sweep(&self, table: &RoutingTable) {
        self.lock().retain(|key, token| {
            let Some(token) = token.upgrade() else { return false };
            let is_lost = key.is_lost(table);
            if is_lost {
                token.cancel();
            }
            !is_lost
        });
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, HashMap<LinkKey, Weak<CancellationToken>>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{key, meeting_record, pod_record};
    use crate::index::routing_index::RoutingIndex;

    fn pod(uid: &str) -> PodRecord {
        pod_record(&format!("media-{uid}"), uid, "10.0.0.1:8080")
    }

    /// These pods, and the meeting `a` on the pod `a`, in place of another one.
    fn table(uids: &[&str], assigned: &str, instead_of: Option<&str>) -> RoutingTable {
        let mut index = RoutingIndex::default();
        index.reset_pods(uids.iter().map(|uid| pod(uid)));
        let mut record = meeting_record("team-a", "a", Some((&format!("media-{assigned}"), assigned)));
        record.assignment.as_mut().unwrap().instead_of = instead_of.map(str::to_owned);
        index.reset_meetings([record, meeting_record("team-a", "b", Some(("media-a", "a")))]);
        let table = RoutingTable::default();
        table.publish(index);
        table
    }

    #[test]
    fn only_the_connections_to_a_pod_that_is_gone_are_closed() {
        let (links, a) = (PodLinks::default(), key("team-a", "a"));
        let before = table(&["a", "b"], "a", None);
        let [gone, stays] = ["a", "b"].map(|uid| links.attach(&a, &pod(uid), &before));
        links.sweep(&before);
        assert!(!gone.is_cancelled() && !stays.is_cancelled());
        links.sweep(&table(&["b"], "b", None));
        assert!(gone.is_cancelled() && !stays.is_cancelled());
    }

    #[test]
    fn clients_leave_a_pod_that_was_lost_and_stay_after_a_handover() {
        // (the pod it is on now, in place of, whether connections to `a` and `b` are closed)
        let cases = [
            ("a", None, [false, false]),
            ("b", None, [false, false]),
            ("b", Some("a"), [true, false]),
            ("c", Some("b"), [true, true]),
            ("a", Some("b"), [false, true]),
        ];
        for (now, instead_of, closed) in cases {
            let (links, a, b) = (PodLinks::default(), key("team-a", "a"), key("team-a", "b"));
            let before = table(&["a", "b", "c"], "a", None);
            let own = ["a", "b"].map(|uid| links.attach(&a, &pod(uid), &before));
            let other = links.attach(&b, &pod("a"), &before);
            links.sweep(&table(&["a", "b", "c"], now, instead_of));
            assert_eq!(own.each_ref().map(|token| token.is_cancelled()), closed, "{now} {instead_of:?}");
            assert!(!other.is_cancelled(), "the other meeting on that pod");
        }
    }

    #[test]
    fn a_connection_that_comes_too_late_is_closed_at_once() {
        let a = key("team-a", "a");
        assert!(PodLinks::default().attach(&a, &pod("a"), &table(&[], "a", None)).is_cancelled());
        assert!(PodLinks::default().attach(&a, &pod("a"), &table(&["a", "b"], "b", Some("a"))).is_cancelled());
    }

    #[test]
    fn meetings_without_connections_take_no_memory() {
        let (links, table) = (PodLinks::default(), table(&["a"], "a", None));
        let first = links.attach(&key("team-a", "a"), &pod("a"), &table);
        let second = links.attach(&key("team-a", "a"), &pod("a"), &table);
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        links.sweep(&table);
        assert_eq!(links.lock().len(), 1);
        drop(second);
        links.sweep(&table);
        assert!(links.lock().is_empty());
    }
}

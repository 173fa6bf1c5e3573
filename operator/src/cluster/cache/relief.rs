//! What the state knows about an overfull media pod. The decision is `model::relief`.

use std::sync::Arc;

use jiff::Timestamp;

use super::CacheState;
use crate::model::{
    ledger::PodLoad,
    media_pod::MediaPod,
    relief::{Relief, ReliefView, plan_relief},
    valid_pool::ValidPool,
};

impl CacheState {
    /// The meeting that should leave this pod now because it is overfull, and where it should move. This process must have the report of a pod:
    /// what statuses say may be old.
    pub(crate) fn find_relief(&self, pool: &ValidPool, pod_uid: &str, now: Timestamp) -> Option<Relief> {
        // Most pods end here, and most meetings are planned on them.
        if self.ledger.load_of(pod_uid).participants <= pool.capacity.participants {
            return None;
        }
        let mut others = self.views.pods_of(&pool.name);
        others.retain(|pod| self.ledger.participants_on(&pod.uid).is_some());
        let own = others.iter().position(|pod| pod.uid == pod_uid)?;
        let pod = others.swap_remove(own);
        plan_relief(&ReliefView {
            pool,
            pod: &pod,
            is_resting: self.moves.is_resting(pod_uid, now),
            guests: self.ledger.guest_participants_on(pod_uid),
            meetings: self.ledger.hosted_on(pod_uid),
            others: self.observe_targets(others),
            now,
        })
    }

    fn observe_targets(&self, pods: Vec<Arc<MediaPod>>) -> Vec<(Arc<MediaPod>, PodLoad)> {
        let remaining = pods.into_iter().filter(|pod| !self.ledger.is_marked_for_deletion(&pod.uid));
        remaining.map(|pod| (Arc::clone(&pod), self.observe_load(&pod))).collect()
    }

    /// Includes participants of meetings that are leaving the pod.
    fn observe_load(&self, pod: &MediaPod) -> PodLoad {
        let load = self.ledger.load_of(&pod.uid);
        let reported = self.ledger.participants_on(&pod.uid).unwrap_or_default();
        PodLoad { participants: load.participants.max(reported), ..load }
    }
}

#[cfg(test)]
mod tests;

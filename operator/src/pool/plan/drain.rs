//! Decides which pods are drained, and how participants are moved off them and off overfull pods.
//!
//! Pure. The start and the reason of a drain are an annotation of the pod, so they survive restarts of the operator.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use jiff::{SignedDuration, Timestamp};

use super::{
    census::Census,
    types::{DrainChange, ObservedPods, PodDeletion, Protection, compute_deletion},
};
use crate::model::{
    ledger::PodLoad,
    media_pod::{Draining, MediaPod},
    reason::Reason,
    valid_pool::ValidPool,
};
use convene_crds::reason;

/// Drains that start or end.
pub(super) fn plan_drains(pool: &ValidPool, observed: &ObservedPods, census: &Census<'_>) -> Vec<DrainChange> {
    let mut changes: Vec<_> = observed
        .pods
        .iter()
        .filter(|pod| pod.is_live())
        .filter_map(|pod| match &pod.draining {
            None if is_on_cordoned_node(observed, pod) => Some(begin(observed, pod, reason::CORDONED)),
            Some(draining) if !has_cause(pool, observed, pod, draining) => Some(end(pod)),
            _ => None,
        })
        .collect();
    changes.extend(plan_rollout(pool, observed, census));
    if changes.is_empty() {
        changes.extend(plan_consolidation(pool, observed));
    }
    changes
}

fn begin(observed: &ObservedPods, pod: &MediaPod, cause: &'static str) -> DrainChange {
    let (name, node) = (&pod.name, pod.node.as_deref().unwrap_or_default());
    let message = match cause {
        reason::CORDONED => format!("draining media pod {name:?}: its node {node:?} is cordoned"),
        reason::OUTDATED => format!("draining media pod {name:?}: it was created from an older template"),
        _ => format!("draining media pod {name:?}: other pods can take its idle meetings"),
    };
    let since = Timestamp::from_second(observed.now.as_second()).unwrap_or(observed.now);
    change(pod, Some(Draining { since, reason: cause }), message)
}

fn end(pod: &MediaPod) -> DrainChange {
    change(pod, None, format!("media pod {:?} is no longer draining: the cause no longer applies", pod.name))
}

fn change(pod: &MediaPod, draining: Option<Draining>, message: String) -> DrainChange {
    DrainChange { name: pod.name.clone(), uid: pod.uid.clone(), draining, message }
}

fn is_on_cordoned_node(observed: &ObservedPods, pod: &MediaPod) -> bool {
    let node = pod.node.as_deref().and_then(|node| observed.nodes.get(node));
    node.is_some_and(|node| node.is_cordoned)
}

fn has_cause(pool: &ValidPool, observed: &ObservedPods, pod: &MediaPod, draining: &Draining) -> bool {
    match draining.reason {
        reason::CORDONED => is_on_cordoned_node(observed, pod) || !pool.is_current(pod),
        reason::OUTDATED => !pool.is_current(pod) || is_on_cordoned_node(observed, pod),
        // Left by an older pool of this name: that pool is gone, and its pods are being deleted.
        reason::POOL_DELETING => true,
        // Started while the pod was empty; participants may have joined since.
        _ => !observed.has_participants(pod) || !pool.is_current(pod),
    }
}

/// Pods of older templates are drained as their replacements become ready, as many at a time as the surge allows. Silent ones do not count:
/// their meetings move anyway, and it is unknown when they can be deleted. But without a surge they are missing already.
fn plan_rollout(pool: &ValidPool, observed: &ObservedPods, census: &Census<'_>) -> Vec<DrainChange> {
    let is_open = |pod: &&std::sync::Arc<MediaPod>| pod.is_open() && pool.is_current(pod);
    let has_successor = observed.pods.iter().any(|pod| is_open(&pod));
    let is_cramped = pool.max_surge == 0 && census.live >= pool.max as usize;
    if !has_successor && !is_cramped {
        return Vec::new();
    }
    let responds = |pod: &MediaPod| pod.is_live() && !pod.is_silent();
    let is_missing = |pod: &MediaPod| pool.max_surge == 0 && pod.is_silent();
    let is_under_way = |pod: &MediaPod| is_missing(pod) || (responds(pod) && pod.draining.is_some());
    let under_way = observed.pods.iter().filter(|pod| is_under_way(pod)).count();
    let may_begin = (pool.max_surge.max(1) as usize).saturating_sub(under_way);
    let may_drain = |pod: &&&MediaPod| responds(pod) && !is_on_cordoned_node(observed, pod);
    let mut outdated: Vec<_> = census.outdated_busy.iter().filter(may_drain).collect();
    outdated.sort_by_key(|pod| (observed.load_of(pod).participants, pod.name.clone()));
    outdated.into_iter().take(may_begin).map(|pod| begin(observed, pod, reason::OUTDATED)).collect()
}

/// Idle meetings of two pods fit on one: the pod with fewer meetings is drained.
fn plan_consolidation(pool: &ValidPool, observed: &ObservedPods) -> Option<DrainChange> {
    let is_quiet = observed.pods.iter().all(|pod| !pod.is_live() || (pod.is_open() && pool.is_current(pod)));
    if !is_quiet {
        return None;
    }
    let loaded = |pod: &&std::sync::Arc<MediaPod>| pod.is_open() && observed.load_of(pod).meetings > 0;
    let sharing: Vec<_> =
        observed.pods.iter().filter(loaded).filter(|pod| observed.load_of(pod).dedicated == 0).collect();
    let idle = sharing.iter().filter(|pod| !observed.has_participants(pod) && observed.load_of(pod).guests == 0);
    let leaving = idle.min_by_key(|pod| (observed.load_of(pod).meetings, pod.name.clone()))?;
    let load = observed.load_of(leaving);
    let takes = |other: PodLoad| {
        let participants_allow = u64::from(other.participants) * 2 <= u64::from(pool.capacity.participants);
        other.meetings.saturating_add(load.meetings) <= pool.capacity.meetings && participants_allow
    };
    let has_taker = sharing.iter().any(|pod| pod.uid != leaving.uid && takes(observed.load_of(pod)));
    has_taker.then(|| begin(observed, leaving, reason::NOT_NEEDED))
}

/// Draining pods that can be deleted: they have no participants and no meetings left, or their deadline has passed.
pub(super) fn plan_departures(pool: &ValidPool, observed: &ObservedPods) -> Vec<PodDeletion> {
    let deletion = |pod: &MediaPod| {
        let is_meant = |draining: &&Draining| pod.is_live() && has_cause(pool, observed, pod, draining);
        let draining = pod.draining.as_ref().filter(is_meant)?;
        let name = &pod.name;
        if observed.load_of(pod).meetings == 0 && observed.is_known_empty(pod) {
            return Some(Reason::new(
                reason::POD_DELETED,
                format!("media pod {name:?} is drained ({})", draining.reason),
            ));
        }
        let deadline = pool.drain.deadline_seconds;
        (observed.now >= compute_deadline(pool, draining)).then(|| {
            let message =
                format!("media pod {name:?} was not empty after {deadline} s of draining ({})", draining.reason);
            Reason::new(reason::DRAIN_DEADLINE, message)
        })
    };
    observed.pods.iter().filter_map(|pod| Some(compute_deletion(pod, deletion(pod)?))).collect()
}

fn compute_deadline(pool: &ValidPool, draining: &Draining) -> Timestamp {
    let time = SignedDuration::from_secs(i64::from(pool.drain.deadline_seconds));
    draining.since.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// Draining pods with participants: some of their meetings move in this reconciliation.
pub(super) fn plan_moves(observed: &ObservedPods) -> Vec<String> {
    let draining = observed.pods.iter().filter(|pod| pod.is_live() && pod.draining.is_some());
    let is_used = |load: PodLoad| load.active > 0 || load.guests > 0;
    draining.filter(|pod| is_used(observed.load_of(pod))).map(|pod| pod.uid.clone()).collect()
}

/// Pods with more participants than their capacity, which are not emptied anyway. A meeting that is alone there gains nothing by a move.
pub(super) fn plan_reliefs(pool: &ValidPool, observed: &ObservedPods) -> Vec<String> {
    let is_overfull = |pod: &&std::sync::Arc<MediaPod>| {
        let load = observed.load_of(pod);
        pod.is_open() && load.meetings + load.guests > 1 && load.participants > pool.capacity.participants
    };
    observed.pods.iter().filter(is_overfull).map(|pod| pod.uid.clone()).collect()
}

/// The next deadline of a drain.
pub(super) fn compute_next_deadline(pool: &ValidPool, observed: &ObservedPods) -> Option<Timestamp> {
    let draining = observed.pods.iter().filter(|pod| pod.is_live()).filter_map(|pod| pod.draining.as_ref());
    draining.map(|draining| compute_deadline(pool, draining)).min()
}

/// A pod without participants may be evicted.
pub(super) fn plan_protection(observed: &ObservedPods) -> Vec<Protection> {
    let is_wrong = |pod: &&std::sync::Arc<MediaPod>| pod.is_live() && pod.is_evictable == is_protected(observed, pod);
    let wrong = observed.pods.iter().filter(is_wrong);
    wrong
        .map(|pod| Protection { name: pod.name.clone(), uid: pod.uid.clone(), is_evictable: !pod.is_evictable })
        .collect()
}

/// New pods are protected until they have reported their participants.
fn is_protected(observed: &ObservedPods, pod: &MediaPod) -> bool {
    observed.has_participants(pod)
        || observed.may_serve_guests(pod)
        || (!observed.participants.contains_key(&pod.uid) && !pod.is_evictable)
}

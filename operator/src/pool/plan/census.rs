//! Counts the live pods of a pool by use, and computes how many are wanted.
//!
//! Pure. It only counts; the planner decides what follows.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use super::types::ObservedPods;
use crate::model::{media_pod::MediaPod, valid_pool::ValidPool};

/// Maximum number of pods created per reconciliation.
pub(super) const MAX_CREATIONS: usize = 10;

/// The live pods of a pool.
pub(super) struct Census<'a> {
    /// All of them.
    pub(super) live: usize,
    /// Created from the current template, with meetings.
    pub(super) busy: usize,
    /// Created from the current template, without meetings; those to keep come first.
    pub(super) spare: Vec<&'a MediaPod>,
    /// Created from an older template, with meetings.
    pub(super) outdated_busy: Vec<&'a MediaPod>,
    /// Created from an older template, without meetings.
    pub(super) outdated_spare: Vec<&'a MediaPod>,
    /// Pods that are draining.
    pub(super) draining: usize,
    /// Number of pods of the current template that are wanted.
    pub(super) wanted: usize,
}

impl<'a> Census<'a> {
    pub(super) fn take(pool: &ValidPool, observed: &'a ObservedPods) -> Self {
        let live: Vec<&MediaPod> = observed.pods.iter().map(AsRef::as_ref).filter(|pod| pod.is_live()).collect();
        let is_busy = |pod: &MediaPod| !observed.load_of(pod).is_unused() || observed.has_participants(pod);
        let (draining, staying): (Vec<_>, Vec<_>) = live.iter().copied().partition(|pod| pod.draining.is_some());
        let (current, outdated): (Vec<_>, Vec<_>) = staying.into_iter().partition(|pod| pool.is_current(pod));
        let (busy, mut spare): (Vec<_>, Vec<_>) = current.into_iter().partition(|pod| is_busy(pod));
        // One that does not respond is no reserve, and is not deleted either: its node may return.
        spare.retain(|pod| !pod.is_silent());
        let (outdated_busy, outdated_spare): (Vec<_>, Vec<_>) = outdated.into_iter().partition(|pod| is_busy(pod));
        spare.sort_by_key(|pod| (!pod.is_ready(), pod.created, pod.name.clone()));
        let has_to_move = !outdated_busy.is_empty() || draining.iter().any(|pod| is_busy(pod));
        Self {
            live: live.len(),
            busy: busy.len(),
            wanted: compute_wanted(pool, observed, busy.len(), has_to_move),
            spare,
            outdated_busy,
            outdated_spare,
            draining: draining.len(),
        }
    }

    /// Number of pods to create within `max`; while others are being replaced or drained, also within the surge.
    pub(super) fn missing(&self, pool: &ValidPool) -> usize {
        let lacking = self.wanted.saturating_sub(self.busy + self.spare.len());
        let are_leaving = self.draining + self.outdated_busy.len() + self.outdated_spare.len() > 0;
        let most = pool.max as usize + if are_leaving { pool.max_surge as usize } else { 0 };
        lacking.min(most.saturating_sub(self.live)).min(MAX_CREATIONS)
    }
}

/// Pods with meetings, plus the spare ones or those that the waiting meetings need, whichever is more; meetings that have to move need one.
fn compute_wanted(pool: &ValidPool, observed: &ObservedPods, busy: usize, has_to_move: bool) -> usize {
    let for_waiting = observed.waiting.pods(pool.capacity.meetings);
    let beside = pool.warm.max(for_waiting).max(u32::from(has_to_move && busy == 0));
    (busy + beside as usize).min(pool.max as usize)
}

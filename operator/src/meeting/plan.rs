//! Third step for a Meeting: which media pod carries it, and what is true of it.
//!
//! Pure: no I/O, no clock, no randomness. The plan leaves the executor no choices.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::AssignedPod;

use super::validate::ValidMeeting;
use crate::{
    conditions::Verdict,
    ledger::{PodLoad, PodLoads},
    media_pod::{MediaPod, PodState, Wait},
    pool::{explain::explain_no_ready_pod, validate::ValidPool},
    reason,
};

/// The pool a meeting is in, as observed.
#[derive(Clone, Debug)]
pub struct ObservedPool {
    /// The pool's spec.
    pub pool: ValidPool,
    /// Why the pool could not make the pods it wants, if so: its condition `PodsAvailable`.
    pub trouble: Option<Wait>,
    /// Its pods, those about to be deleted left out.
    pub pods: Vec<MediaPod>,
    /// What they carry.
    pub loads: PodLoads,
}

/// Where the meeting is from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Where it was.
    Kept(AssignedPod),
    /// On this pod, which it was not on before.
    New(AssignedPod),
    /// Nowhere.
    Nowhere,
}

/// Everything that is to be written about a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingPlan {
    /// Condition `Accepted`.
    pub accepted: Verdict,
    /// Condition `Assigned`.
    pub assigned: Verdict,
    /// Condition `Ready`.
    pub ready: Verdict,
    /// Where it is.
    pub placement: Placement,
    /// Why it left the pod it was on, if it did.
    pub left: Option<Wait>,
}

/// Plans a meeting that its pool can serve.
pub fn plan_meeting(meeting: &ValidMeeting, observed: &ObservedPool) -> MeetingPlan {
    let Some(bound) = &meeting.bound_to else { return plan_placement(meeting, observed, None) };
    let pod = observed.pods.iter().find(|pod| pod.uid == bound.uid);
    match pod.map(|pod| (pod, &pod.state)) {
        Some((pod, PodState::Ready | PodState::Starting(_))) => plan_kept(pod, observed),
        Some((pod, PodState::Crashing(wait))) => plan_crashing(meeting, observed, pod, wait),
        Some((_, PodState::Dead(wait))) => plan_placement(meeting, observed, Some(wait.clone())),
        Some((_, PodState::Terminating)) | None => plan_placement(meeting, observed, Some(compute_gone(bound))),
    }
}

/// Plans a meeting that cannot be served: what it was bound to is left.
pub fn plan_refused(why: &Wait) -> MeetingPlan {
    let no = Verdict::False(why.clone());
    MeetingPlan { accepted: no.clone(), assigned: no.clone(), ready: no, placement: Placement::Nowhere, left: None }
}

/// The fullest ready pod that has room, so that other pods become empty and can go.
pub fn select_pod<'a>(meeting: &ValidMeeting, observed: &'a ObservedPool) -> Option<&'a MediaPod> {
    let fits = |load: PodLoad| {
        load.meetings < observed.pool.capacity.meetings
            && load.participants + meeting.max_participants <= observed.pool.capacity.participants
    };
    let candidates = observed.pods.iter().filter(|pod| pod.is_ready() && fits(load_of(observed, pod)));
    candidates.max_by_key(|pod| {
        let load = load_of(observed, pod);
        let is_current = pod.revision == observed.pool.revision;
        (is_current, load.participants, load.meetings, std::cmp::Reverse(pod.name.clone()))
    })
}

fn load_of(observed: &ObservedPool, pod: &MediaPod) -> PodLoad {
    observed.loads.get(&pod.uid).copied().unwrap_or_default()
}

fn plan_kept(pod: &MediaPod, observed: &ObservedPool) -> MeetingPlan {
    let ready = match pod.wait() {
        Some(wait) => Verdict::False(wait.clone()),
        None => Verdict::yes(reason::POD_READY, "people can join"),
    };
    let placement = Placement::Kept(pod.to_assigned());
    MeetingPlan { accepted: accept(observed), assigned: assign(pod), ready, placement, left: None }
}

/// A pod that keeps crashing is left for a better one, but is better than none.
fn plan_crashing(meeting: &ValidMeeting, observed: &ObservedPool, pod: &MediaPod, wait: &Wait) -> MeetingPlan {
    match select_pod(meeting, observed) {
        Some(other) => plan_new(other, observed, Some(wait.clone())),
        None => plan_kept(pod, observed),
    }
}

fn plan_placement(meeting: &ValidMeeting, observed: &ObservedPool, left: Option<Wait>) -> MeetingPlan {
    match select_pod(meeting, observed) {
        Some(pod) => plan_new(pod, observed, left),
        None => plan_waiting(observed, left),
    }
}

fn plan_new(pod: &MediaPod, observed: &ObservedPool, left: Option<Wait>) -> MeetingPlan {
    MeetingPlan { placement: Placement::New(pod.to_assigned()), left, ..plan_kept(pod, observed) }
}

fn plan_waiting(observed: &ObservedPool, left: Option<Wait>) -> MeetingPlan {
    let no = Verdict::False(explain_no_ready_pod(&observed.pool, &observed.pods, observed.trouble.as_ref()));
    MeetingPlan { accepted: accept(observed), assigned: no.clone(), ready: no, placement: Placement::Nowhere, left }
}

fn accept(observed: &ObservedPool) -> Verdict {
    Verdict::yes(reason::ACCEPTED, format!("MediaPool {:?} can carry this meeting", observed.pool.name))
}

fn assign(pod: &MediaPod) -> Verdict {
    let node = pod.node.as_deref().map(|node| format!(" on node {node:?}")).unwrap_or_default();
    Verdict::yes(reason::ASSIGNED, format!("bound to media pod {:?}{node}", pod.name))
}

fn compute_gone(bound: &AssignedPod) -> Wait {
    Wait::new(reason::POD_GONE, format!("media pod {:?} was deleted, or lost with its node", bound.name))
}

#[cfg(test)]
mod tests;

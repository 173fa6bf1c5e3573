//! Third step for a Meeting: which media pod hosts it, and the values of its conditions.
//!
//! Pure: no I/O, no clock, no randomness. The plan leaves no choices to the executor.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::BTreeMap, sync::Arc};

use convene_crds::{AssignedPod, MeetingSite};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::validate::{Moment, ValidMeeting};
use crate::model::{
    conditions::ConditionValue,
    explain::explain_no_ready_pod,
    ledger::{Holders, PodLoad, PodLoads},
    media_pod::{MediaPod, PodState},
    reason::Reason,
    removal::Removal,
    valid_pool::ValidPool,
};
use convene_crds::reason;

/// Percentage of a pod's capacity for participants above which its idle meetings are better moved to another pod.
const HOT_PERCENT: u64 = 80;
/// Percentage of its capacity up to which a pod is a suitable target for such a move.
const COOL_PERCENT: u64 = 50;

/// The observed pool of a meeting.
#[derive(Clone, Debug)]
pub(crate) struct ObservedPool {
    /// The pool's spec.
    pub(crate) pool: Arc<ValidPool>,
    /// The reason the pool could not create the pods it wants, if that is the case (its condition `PodsAvailable`).
    pub(crate) trouble: Option<Reason>,
    /// Its pods, except those about to be deleted.
    pub(crate) pods: Vec<Arc<MediaPod>>,
    /// Their load.
    pub(crate) loads: PodLoads,
    /// The namespaces that use the pool, once it has its maximum of pods.
    pub(crate) holders: Holders,
}

/// The meeting's placement from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// On the same pod as before.
    Kept(AssignedPod),
    /// On this pod, newly assigned to it.
    New(AssignedPod),
    /// On no pod.
    Nowhere,
}

/// Everything to be written about a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MeetingPlan {
    pub(crate) accepted: ConditionValue,
    pub(crate) assigned: ConditionValue,
    /// Condition `MediaReachable`.
    pub(crate) reachable: ConditionValue,
    pub(crate) ready: ConditionValue,
    /// The pod it is on.
    pub(crate) placement: Placement,
    /// The pods that serve it besides that one.
    pub(crate) sites: Vec<MeetingSite>,
    /// Those that no longer do so, because they could not be linked.
    pub(crate) unlinked: Vec<MeetingSite>,
    /// Whether it needs fewer of them.
    pub(crate) has_spare_site: bool,
    /// The reason it left its pod, if it did.
    pub(crate) left: Option<Reason>,
    /// Whether it needs a pod that does not exist: the pool should create one.
    pub(crate) wants_pod: bool,
    /// Whether its pod is draining.
    pub(crate) is_draining: bool,
    /// When it ended, if it has ended.
    pub(crate) ended_at: Option<Timestamp>,
}

/// Plans a meeting that its pool can host.
pub(crate) fn plan_meeting(meeting: &ValidMeeting, observed: &ObservedPool) -> MeetingPlan {
    let plan = plan_moment(meeting, observed);
    MeetingPlan { placement: remember_move(meeting, plan.left.as_ref(), plan.placement), ..plan }
}

/// The time of the last move, and the pod that was lost, stay known while the participants are on the same pod.
fn remember_move(meeting: &ValidMeeting, left: Option<&Reason>, placement: Placement) -> Placement {
    let whole_second = Timestamp::from_second(meeting.now.as_second()).unwrap_or(meeting.now);
    let old = meeting.bound_to.as_ref();
    match placement {
        Placement::Kept(pod) => Placement::Kept(AssignedPod {
            moved_at: old.and_then(|old| old.moved_at.clone()),
            instead_of: old.and_then(|old| old.instead_of.clone()),
            ..pod
        }),
        Placement::New(pod) => Placement::New(AssignedPod {
            moved_at: (meeting.participants > 0).then_some(Time(whole_second)),
            instead_of: old.filter(|_| left.is_some_and(is_loss)).map(|old| old.uid.clone()),
            ..pod
        }),
        Placement::Nowhere => Placement::Nowhere,
    }
}

/// Whether a meeting leaves its pod for a reason because of which that pod cannot hand it over.
fn is_loss(left: &Reason) -> bool {
    ![reason::RELIEVED, reason::RELIEF, reason::POD_DRAINING].contains(&left.code)
}

fn plan_moment(meeting: &ValidMeeting, observed: &ObservedPool) -> MeetingPlan {
    match (meeting.moment, observed.pool.compute_removal()) {
        (Moment::After { ended_at }, _) => plan_ended(observed, ended_at),
        (_, Some(removal)) => plan_last(meeting, observed, &removal),
        (Moment::Before { starts_at }, None) => plan_scheduled(observed, starts_at),
        (Moment::Shortly { starts_at }, None) => plan_early(plan_place(meeting, observed), starts_at),
        (Moment::During, None) => plan_place(meeting, observed),
    }
}

/// In a pool that is being deleted, participants may stay for a while, and no meeting gets a new place. Until the pod has reported its
/// participants, the meeting may have some; it is reconciled again after that report.
fn plan_last(meeting: &ValidMeeting, observed: &ObservedPool, removal: &Removal) -> MeetingPlan {
    let bound = meeting.bound_to.as_ref();
    let pod = bound.and_then(|bound| observed.pods.iter().find(|pod| pod.uid == bound.uid && pod.is_live()));
    let name = &observed.pool.name;
    if let Some(pod) = pod.filter(|_| meeting.participants > 0 || !meeting.is_reported) {
        let until = removal.deadline;
        let why = format!("MediaPool {name:?} is being deleted: the call can continue until {until}, then it ends");
        let accepted = ConditionValue::no(reason::POOL_DELETING, why);
        return MeetingPlan { accepted, is_draining: true, ..plan_kept(pod, observed) };
    }
    let why = Reason::new(
        reason::POOL_DELETING,
        format!("MediaPool {name:?} is being deleted: create the meeting again in another pool"),
    );
    MeetingPlan { left: bound.map(|_| why.clone()), ..plan_refused(&why) }
}

/// Plans a meeting that cannot be hosted: it leaves its pod.
pub(crate) fn plan_refused(why: &Reason) -> MeetingPlan {
    plan_nowhere(ConditionValue::False(why.clone()), why)
}

fn plan_nowhere(accepted: ConditionValue, why: &Reason) -> MeetingPlan {
    let no = ConditionValue::False(why.clone());
    MeetingPlan {
        accepted,
        assigned: no.clone(),
        reachable: ConditionValue::Unknown(Reason::new(reason::NOT_PROBED, "the meeting has no media pod")),
        ready: no,
        placement: Placement::Nowhere,
        sites: Vec::new(),
        unlinked: Vec::new(),
        has_spare_site: false,
        left: None,
        wants_pod: false,
        is_draining: false,
        ended_at: None,
    }
}

fn plan_ended(observed: &ObservedPool, ended_at: Timestamp) -> MeetingPlan {
    let why = Reason::new(
        reason::ENDED,
        format!("the meeting ended at {ended_at}: set spec.endsAt to a later time to reopen it"),
    );
    MeetingPlan { ended_at: Some(ended_at), ..plan_nowhere(accept(observed), &why) }
}

fn plan_scheduled(observed: &ObservedPool, starts_at: Timestamp) -> MeetingPlan {
    plan_nowhere(accept(observed), &compute_scheduled(starts_at))
}

/// Shortly before its start a meeting gets its pod, but clients cannot join yet.
fn plan_early(plan: MeetingPlan, starts_at: Timestamp) -> MeetingPlan {
    let ready = if plan.ready.is_true() { ConditionValue::False(compute_scheduled(starts_at)) } else { plan.ready };
    MeetingPlan { ready, ..plan }
}

fn compute_scheduled(starts_at: Timestamp) -> Reason {
    Reason::new(reason::SCHEDULED, format!("the meeting starts at {starts_at}"))
}

fn plan_place(meeting: &ValidMeeting, observed: &ObservedPool) -> MeetingPlan {
    let Some(bound) = &meeting.bound_to else { return plan_placement(meeting, observed, None) };
    let pod = observed.pods.iter().find(|pod| pod.uid == bound.uid);
    match pod.map(|pod| (pod, &pod.state)) {
        Some((pod, PodState::Ready | PodState::Starting(_))) => plan_bound(meeting, observed, pod),
        Some((pod, PodState::Crashing(reason) | PodState::Silent(reason))) => {
            plan_better(meeting, observed, pod, reason)
        }
        Some((_, PodState::Dead(reason))) => plan_placement(meeting, observed, Some(reason.clone())),
        Some((_, PodState::Terminating)) => plan_placement(meeting, observed, Some(compute_deleted(bound))),
        None => plan_placement(meeting, observed, Some(compute_gone(bound))),
    }
}

/// On a working pod: the meeting stays, unless the pod is draining, overfull or hot. One move ends before the next begins.
fn plan_bound(meeting: &ValidMeeting, observed: &ObservedPool, pod: &MediaPod) -> MeetingPlan {
    if let Some(draining) = &pod.draining {
        let why = Reason::new(reason::POD_DRAINING, compute_drain_message(pod, draining.reason));
        if !meeting.is_arriving && (meeting.participants == 0 || meeting.is_released) {
            return plan_better(meeting, observed, pod, &why);
        }
        let has_elsewhere = select_pod(meeting, observed).is_some();
        return MeetingPlan { is_draining: true, wants_pod: !has_elsewhere, ..plan_kept(pod, observed) };
    }
    if let Some(other) = meeting.relief.as_deref().filter(|_| meeting.is_released && !meeting.is_arriving) {
        let message = format!("media pod {:?} has more participants than its capacity", pod.name);
        return plan_new(other, observed, Some(Reason::new(reason::RELIEF, message)));
    }
    if meeting.participants == 0 && !meeting.is_dedicated && is_hot(observed, pod) {
        let cool = select_pod(meeting, observed).filter(|other| is_cool(observed, other));
        let message = format!("media pod {:?} is nearly full", pod.name);
        return cool.map_or_else(
            || plan_kept(pod, observed),
            |other| plan_new(other, observed, Some(Reason::new(reason::RELIEVED, message))),
        );
    }
    plan_kept(pod, observed)
}

/// Leaves a bad pod for a better one, but keeps a bad pod rather than none.
fn plan_better(meeting: &ValidMeeting, observed: &ObservedPool, pod: &MediaPod, why: &Reason) -> MeetingPlan {
    if let Some(other) = select_pod(meeting, observed) {
        return plan_new(other, observed, Some(why.clone()));
    }
    let is_draining = pod.draining.is_some() && meeting.participants > 0;
    MeetingPlan { wants_pod: true, is_draining, ..plan_kept(pod, observed) }
}

fn compute_drain_message(pod: &MediaPod, cause: &str) -> String {
    let name = &pod.name;
    let node = pod.node.as_deref().unwrap_or_default();
    match cause {
        reason::CORDONED => format!("media pod {name:?} is being drained: its node {node:?} is cordoned"),
        reason::OUTDATED => format!("media pod {name:?} is being drained: it was created from an older template"),
        _ => format!("media pod {name:?} is no longer needed"),
    }
}

fn compute_share(observed: &ObservedPool, pod: &MediaPod) -> u64 {
    let participants = u64::from(load_of(observed, pod).participants);
    participants.saturating_mul(100) / u64::from(observed.pool.capacity.participants.max(1))
}

/// Whether a pod has so many participants that its remaining capacity should be left to their meetings.
pub(crate) fn is_hot(observed: &ObservedPool, pod: &MediaPod) -> bool {
    compute_share(observed, pod) >= HOT_PERCENT
}

fn is_cool(observed: &ObservedPool, pod: &MediaPod) -> bool {
    compute_share(observed, pod) <= COOL_PERCENT
}

/// The fullest open pod with enough capacity, so that other pods become empty and can be deleted; ties go to the node with the fewest
/// participants. A Dedicated meeting takes an empty pod.
pub(crate) fn select_pod<'a>(meeting: &ValidMeeting, observed: &'a ObservedPool) -> Option<&'a MediaPod> {
    let own = meeting.bound_to.as_ref().map(|pod| pod.uid.as_str());
    let candidates = observed
        .pods
        .iter()
        .filter(|pod| pod.is_open() && Some(pod.uid.as_str()) != own && has_room(meeting, observed, pod));
    let on_node = compute_participants_by_node(observed);
    candidates.map(AsRef::as_ref).max_by_key(|pod: &&MediaPod| {
        let load = load_of(observed, pod);
        let is_current = pod.revision == observed.pool.revision;
        let is_reached = pod.reached.as_ref().is_none_or(|reached| reached.is_reachable != Some(false));
        let crowd = on_node.get(pod.node.as_deref().unwrap_or_default()).copied().unwrap_or_default();
        let least = std::cmp::Reverse((crowd, pod.name.as_str()));
        (is_current, is_reached, load.participants, load.meetings, least)
    })
}

fn has_room(meeting: &ValidMeeting, observed: &ObservedPool, pod: &MediaPod) -> bool {
    let load = load_of(observed, pod);
    if meeting.is_dedicated {
        return load.is_unused();
    }
    // Its own participants there would come to its room.
    let own = meeting.sites.on(&pod.uid).participants;
    load.dedicated == 0
        && load.meetings < observed.pool.capacity.meetings
        && load.remaining(observed.pool.capacity.participants, own) >= meeting.max_participants
}

fn compute_participants_by_node(observed: &ObservedPool) -> BTreeMap<&str, u32> {
    let mut participants = BTreeMap::new();
    for pod in &observed.pods {
        *participants.entry(pod.node.as_deref().unwrap_or_default()).or_default() +=
            load_of(observed, pod).participants;
    }
    participants
}

fn load_of(observed: &ObservedPool, pod: &MediaPod) -> PodLoad {
    observed.loads.get(&pod.uid).copied().unwrap_or_default()
}

fn plan_kept(pod: &MediaPod, observed: &ObservedPool) -> MeetingPlan {
    let ready = match pod.reason() {
        Some(reason) => ConditionValue::False(reason.clone()),
        None => ConditionValue::yes(reason::POD_READY, "participants can join"),
    };
    MeetingPlan {
        accepted: accept(observed),
        assigned: assign(pod),
        reachable: compute_reachable(pod, observed),
        ready,
        placement: Placement::Kept(pod.to_assigned()),
        sites: Vec::new(),
        unlinked: Vec::new(),
        has_spare_site: false,
        left: None,
        wants_pod: false,
        is_draining: false,
        ended_at: None,
    }
}

fn compute_reachable(pod: &MediaPod, observed: &ObservedPool) -> ConditionValue {
    if !observed.pool.probes_media {
        return ConditionValue::Unknown(Reason::new(reason::PROBE_OFF, "spec.probeMedia of the pool is false"));
    }
    match &pod.reached {
        None => ConditionValue::Unknown(Reason::new(reason::NOT_PROBED, "the media ports have not been probed yet")),
        Some(reached) => reached.to_value(),
    }
}

/// A new place, which is subject to the limits per namespace. A move from one pod to another is not.
fn plan_placement(meeting: &ValidMeeting, observed: &ObservedPool, left: Option<Reason>) -> MeetingPlan {
    if let Some(why) = &meeting.denial {
        return MeetingPlan { left, ..plan_nowhere(accept(observed), why) };
    }
    match select_pod(meeting, observed) {
        Some(pod) => plan_new(pod, observed, left),
        None => plan_waiting(observed, left),
    }
}

fn plan_new(pod: &MediaPod, observed: &ObservedPool, left: Option<Reason>) -> MeetingPlan {
    MeetingPlan { placement: Placement::New(pod.to_assigned()), left, ..plan_kept(pod, observed) }
}

fn plan_waiting(observed: &ObservedPool, left: Option<Reason>) -> MeetingPlan {
    let why = explain_no_ready_pod(&observed.pool, &observed.pods, observed.trouble.as_ref(), &observed.holders);
    MeetingPlan { left, wants_pod: true, ..plan_nowhere(accept(observed), &why) }
}

fn accept(observed: &ObservedPool) -> ConditionValue {
    ConditionValue::yes(reason::ACCEPTED, format!("MediaPool {:?} can host this meeting", observed.pool.name))
}

fn assign(pod: &MediaPod) -> ConditionValue {
    let node = pod.node.as_deref().map(|node| format!(" on node {node:?}")).unwrap_or_default();
    ConditionValue::yes(reason::ASSIGNED, format!("assigned to media pod {:?}{node}", pod.name))
}

/// Its process may still be able to hand the meeting over.
fn compute_deleted(bound: &AssignedPod) -> Reason {
    Reason::new(reason::POD_GONE, format!("media pod {:?} is being deleted", bound.name))
}

fn compute_gone(bound: &AssignedPod) -> Reason {
    Reason::new(reason::POD_GONE, format!("media pod {:?} was deleted or lost with its node", bound.name))
}

#[cfg(test)]
mod tests;

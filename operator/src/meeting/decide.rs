//! Decides about one meeting: observes, validates and plans while holding the state of the cache, and records the decision there before the
//! next one is made.
//!
//! No I/O. What is decided follows from `plan` and `moving`; here it is brought together with what all meetings share: places on pods, the pace
//! of drains, and the slots for requests to media pods.

use std::sync::Arc;

use convene_crds::{Meeting, facts::has_backup, reason};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    moving::{MoveStep, MoveView, plan_move},
    observe,
    plan::{MeetingPlan, ObservedPool, Placement, plan_meeting, plan_refused},
    spread::{AVOIDED, choose_sites},
    validate::{self, ValidMeeting},
};
use crate::{
    cluster::cache::{CacheState, ClusterCache},
    context::Context,
    model::{
        ledger::Ledger,
        media_pod::MediaPod,
        moves::{MoveState, Observed},
        reason::Reason,
        valid_pool::ValidPool,
    },
    pods::slots::PodSlot,
};

/// The decision about a meeting.
pub(super) struct Decision {
    pub(super) plan: MeetingPlan,
    pub(super) step: MoveStep,
    /// Held while the requests of the step are under way.
    pub(super) slot: PodSlot,
}

/// Decides. `None`: others wait for the media pods that the step needs, so nothing has been decided yet.
pub(super) fn decide(meeting: &Meeting, context: &Context, now: Timestamp) -> Option<Decision> {
    let cache = &context.cache;
    let mut state = cache.state();
    if state.observe_move(meeting, now) == Observed::Over {
        cache.rooms_changed();
    }
    state.release_lost_place(meeting);
    let Planned { plan, participants, leaving } = plan(meeting, context, &state, now);
    let step = decide_move(meeting, &plan, &state, now);
    let slot = context.slots.take(&pods_to_ask(meeting, &plan, &step, &state))?;
    let moved = if is_paced(&plan) { participants } else { leaving };
    if moved > 0 {
        state.pace.take(&meeting.spec.pool, moved, context.moment());
    }
    note_decision(meeting, &plan, &mut state.ledger, cache);
    note_sites(meeting, &plan, &mut state.ledger, now);
    drop(state);
    cache.enqueue_unblocked_meetings();
    Some(Decision { plan, step, slot })
}

/// UIDs of the media pods that requests are sent to: those of the step, and one that receives a backup.
fn pods_to_ask<'a>(meeting: &Meeting, plan: &'a MeetingPlan, step: &'a MoveStep, state: &CacheState) -> Vec<&'a str> {
    let mut pods = step.pods();
    let uid = meeting.metadata.uid.as_deref().unwrap_or_default();
    if let Placement::New(pod) = &plan.placement
        && state.backups.may_exist(uid, has_backup(meeting))
        && !pods.contains(&pod.uid.as_str())
    {
        pods.push(&pod.uid);
    }
    pods
}

/// A plan, and how many participants it is about.
struct Planned {
    plan: MeetingPlan,
    /// All of the meeting.
    participants: u32,
    /// Those on other pods of the meeting that they have to leave.
    leaving: u32,
}

impl Planned {
    fn refused(why: &Reason) -> Self {
        Self { plan: plan_refused(why), participants: 0, leaving: 0 }
    }
}

fn plan(meeting: &Meeting, context: &Context, state: &CacheState, now: Timestamp) -> Planned {
    let view = observe::observe_pool(state, meeting);
    let pool = view.as_ref().map(|view| view.pool.as_ref().map(AsRef::as_ref).map_err(Clone::clone));
    let home = &context.cache.namespace;
    let labels = state.namespace_labels(&meeting.namespace().unwrap_or_default());
    let valid = validate::validate_meeting(meeting, pool.as_ref(), home, &labels, &state.ledger, now);
    match (valid, &view) {
        (Ok(valid), Some(view)) => match &view.pool {
            Ok(pool) => {
                let relief = find_relief(meeting, &valid, pool, state);
                let valid = add_moves(meeting, ValidMeeting { relief, ..valid }, context, state);
                let observed = observe::observe_pods(state, view, pool);
                add_sites(plan_meeting(&valid, &observed), &valid, &observed, state)
            }
            Err(why) => Planned::refused(why),
        },
        (Err(why), _) => Planned::refused(&why),
        (Ok(_), None) => unreachable!("a meeting is valid only in a pool"),
    }
}

/// The pod that the meeting should move to, because its own is overfull. A meeting that would not move with its participants stays: one whose
/// status does not say yet that it has some, or that it is on this pod.
fn find_relief(meeting: &Meeting, valid: &ValidMeeting, pool: &ValidPool, state: &CacheState) -> Option<Arc<MediaPod>> {
    let status = meeting.status.as_ref().filter(|status| status.participants.unwrap_or_default() > 0)?;
    let home = status.pod.as_ref().filter(|home| valid.bound_to.as_ref().is_some_and(|pod| pod.uid == home.uid))?;
    let relief = state.find_relief(pool, &home.uid, valid.now)?;
    (meeting.metadata.uid.as_deref() == Some(&*relief.uid)).then_some(relief.to)
}

/// Adds what is known of moves.
fn add_moves(meeting: &Meeting, valid: ValidMeeting, context: &Context, state: &CacheState) -> ValidMeeting {
    let uid = meeting.metadata.uid.as_deref().unwrap_or_default();
    ValidMeeting {
        participants: valid.participants.max(state.moves.expected(uid, valid.now)),
        is_arriving: state.moves.state(uid).is_some_and(MoveState::has_left),
        is_released: state.pace.is_open(&meeting.spec.pool, context.moment()),
        ..valid
    }
}

/// Adds the pods that serve the meeting besides its own.
fn add_sites(plan: MeetingPlan, valid: &ValidMeeting, observed: &ObservedPool, state: &CacheState) -> Planned {
    let participants = valid.participants;
    let home = match &plan.placement {
        Placement::Kept(pod) | Placement::New(pod) if valid.max_pods > 1 || !valid.sites.wanted.is_empty() => &pod.uid,
        _ => return Planned { plan, participants, leaving: 0 },
    };
    let lenders = state.lenders.keys().map(String::as_str).collect();
    let chosen = choose_sites(valid, observed, home, &lenders);
    let name = |pods: &[Arc<MediaPod>]| pods.iter().map(|pod| pod.to_site()).collect();
    let plan = MeetingPlan {
        sites: name(&chosen.sites),
        unlinked: name(&chosen.unlinked),
        has_spare_site: chosen.has_spare,
        wants_pod: plan.wants_pod || chosen.wants_pod,
        ..plan
    };
    Planned { plan, participants, leaving: chosen.leaving }
}

/// Whether the meeting leaves a draining or an overfull pod.
fn is_paced(plan: &MeetingPlan) -> bool {
    let is_cause = |why: &Reason| [reason::POD_DRAINING, reason::RELIEF].contains(&why.code);
    matches!(plan.placement, Placement::New(_)) && plan.left.as_ref().is_some_and(is_cause)
}

fn decide_move(meeting: &Meeting, plan: &MeetingPlan, state: &CacheState, now: Timestamp) -> MoveStep {
    let (status, uid) = (meeting.status.as_ref(), meeting.metadata.uid.as_deref().unwrap_or_default());
    let target = match &plan.placement {
        Placement::Kept(pod) | Placement::New(pod) => Some(pod),
        Placement::Nowhere => None,
    };
    plan_move(&MoveView {
        written: state.moves.newest(uid, status),
        state: state.moves.state(uid),
        home: status.and_then(|status| status.pod.as_ref()),
        target,
        why: plan.left.as_ref().unwrap_or_else(|| plan.ready.reason()),
        participants: status.and_then(|status| status.participants).unwrap_or_default(),
        find: &|uid| state.views.pods().find(|pod| pod.uid == uid).cloned(),
        now,
    })
}

fn note_sites(meeting: &Meeting, plan: &MeetingPlan, ledger: &mut Ledger, now: Timestamp) {
    let Some(uid) = &meeting.metadata.uid else { return };
    ledger.assign_sites(uid, plan.sites.iter().map(|site| site.uid.as_str()));
    ledger.note_spare(uid, plan.has_spare_site, now);
    for site in &plan.unlinked {
        ledger.avoid(uid, &site.uid, now, now.saturating_add(AVOIDED).unwrap_or(Timestamp::MAX));
    }
}

fn note_decision(meeting: &Meeting, plan: &MeetingPlan, ledger: &mut Ledger, cache: &ClusterCache) {
    let Some(uid) = &meeting.metadata.uid else { return };
    match &plan.placement {
        Placement::New(pod) => ledger.assign(uid, pod),
        // An earlier decision may not be written yet: no status will show it.
        Placement::Nowhere => ledger.forget(uid),
        Placement::Kept(_) => {}
    }
    ledger.set_over_quota(uid, plan.assigned.reason().code == reason::NAMESPACE_SHARE_USED);
    if ledger.want(uid, plan.wants_pod) {
        cache.enqueue_pool(&meeting.spec.pool);
    }
}

#[cfg(test)]
mod tests;

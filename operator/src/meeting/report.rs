//! Fifth step for a Meeting: from what was planned to the status and the events.
//!
//! Pure; `apply` sends both. A status is written only if [`is_same`] says that it differs.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{
    Meeting, MeetingPhase, MeetingStatus,
    names::{CONDITION_ACCEPTED, CONDITION_ASSIGNED, CONDITION_READY, join_path},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::plan::{MeetingPlan, Placement};
use crate::{
    conditions::{Verdict, are_same, compute_condition, find},
    events::Note,
    media_pod::Wait,
    reason,
};

/// The complete status of a meeting.
pub fn compute_status(
    meeting: &Meeting,
    plan: &MeetingPlan,
    public_url: &str,
    participants: u32,
    now: Timestamp,
) -> MeetingStatus {
    let MeetingPlan { accepted, assigned, ready, placement, left: _ } = plan;
    let generation = meeting.metadata.generation;
    let old = old_conditions(meeting);
    let condition = |type_: &str, verdict: &Verdict| compute_condition(old, type_, verdict, generation, now);
    let namespace = meeting.namespace().unwrap_or_default();
    let pod = match placement {
        Placement::Kept(pod) | Placement::New(pod) => Some(pod.clone()),
        Placement::Nowhere => None,
    };
    MeetingStatus {
        phase: Some(compute_phase(plan)),
        conditions: vec![
            condition(CONDITION_ACCEPTED, accepted),
            condition(CONDITION_ASSIGNED, assigned),
            condition(CONDITION_READY, ready),
        ],
        join_url: Some(format!("{}{}", public_url.trim_end_matches('/'), join_path(&namespace, &meeting.name_any()))),
        participants: Some(if pod.is_some() { participants } else { 0 }),
        pod,
        observed_generation: generation,
    }
}

/// Whether writing `new` over `old` would change anything but times.
pub fn is_same(old: Option<&MeetingStatus>, new: &MeetingStatus) -> bool {
    let Some(old) = old else { return false };
    let MeetingStatus { phase, conditions, join_url, pod, participants, observed_generation } = new;
    are_same(&old.conditions, conditions)
        && (&old.phase, &old.join_url, &old.pod, &old.participants, &old.observed_generation)
            == (phase, join_url, pod, participants, observed_generation)
}

/// What is new about the meeting, as events: one per cause.
pub fn compute_notes(meeting: &Meeting, plan: &MeetingPlan) -> Vec<Note> {
    let mut notes: Vec<Note> = plan.left.iter().map(|why| compute_left(why, &plan.placement)).collect();
    let old = old_conditions(meeting);
    let verdicts =
        [(CONDITION_ACCEPTED, &plan.accepted), (CONDITION_ASSIGNED, &plan.assigned), (CONDITION_READY, &plan.ready)];
    for (type_, verdict) in verdicts {
        let is_new = find(old, type_).is_none_or(|condition| condition.reason != verdict.wait().reason);
        let is_told = notes.iter().any(|note| note.reason == verdict.wait().reason);
        let is_move = type_ == CONDITION_ASSIGNED && plan.left.is_some() && verdict.is_true();
        if is_new && !is_told && !is_move {
            notes.push(compute_note(verdict));
        }
    }
    notes
}

fn old_conditions(meeting: &Meeting) -> &[Condition] {
    meeting.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
}

fn compute_phase(plan: &MeetingPlan) -> MeetingPhase {
    match (&plan.accepted, &plan.placement, plan.ready.is_true()) {
        (Verdict::False(Wait { reason: reason::MEETING_TOO_LARGE | reason::INVALID_SPEC, .. }), _, _) => {
            MeetingPhase::Failed
        }
        (Verdict::False(_), _, _) | (_, Placement::Nowhere, _) => MeetingPhase::Pending,
        (_, _, true) => MeetingPhase::Ready,
        (_, _, false) => MeetingPhase::Starting,
    }
}

fn compute_left(why: &Wait, placement: &Placement) -> Note {
    match placement {
        Placement::New(pod) => {
            Note::warning(reason::REASSIGNED, format!("moved to media pod {:?}: {}", pod.name, why.message))
                .about(&pod.name)
        }
        Placement::Kept(_) | Placement::Nowhere => Note::warning(why.reason, why.message.clone()),
    }
}

fn compute_note(verdict: &Verdict) -> Note {
    let Wait { reason, message } = verdict.wait();
    match (verdict, *reason) {
        (Verdict::True(_), _) | (_, reason::NO_POD_READY | reason::POD_NOT_READY) => {
            Note::normal(reason, message.clone())
        }
        (Verdict::False(_), _) => Note::warning(reason, message.clone()),
    }
}

#[cfg(test)]
mod tests;

//! Fifth step for a Meeting: turns the plan into the status and the events.
//!
//! Pure; `apply` writes both. A status is written only if [`is_same`] says that it differs.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{
    Meeting, MeetingMove, MeetingMovePhase, MeetingPhase, MeetingSite, MeetingStatus,
    facts::has_backup,
    names::{
        CONDITION_ACCEPTED, CONDITION_ASSIGNED, CONDITION_MEDIA_REACHABLE, CONDITION_READY, MEDIA_LINK_PORT, TRUE,
        join_path,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;

use super::plan::{MeetingPlan, Placement};
use crate::{
    cluster::events::Note,
    model::{
        conditions::{ConditionValue, are_same, compute_condition, find},
        ledger::Occupancy,
        moves::fall_back,
        reason::Reason,
    },
};
use convene_crds::reason;

/// The complete status of a meeting.
pub(crate) fn compute_status(
    meeting: &Meeting,
    plan: &MeetingPlan,
    public_url: &str,
    occupancy: Occupancy,
    now: Timestamp,
) -> MeetingStatus {
    let MeetingPlan {
        accepted,
        assigned,
        reachable,
        ready,
        placement,
        sites,
        ended_at,
        unlinked: _,
        has_spare_site: _,
        left: _,
        wants_pod: _,
        is_draining: _,
    } = plan;
    let generation = meeting.metadata.generation;
    let old = old_conditions(meeting);
    let condition = |type_: &str, value: &ConditionValue| compute_condition(old, type_, value, generation, now);
    let namespace = meeting.namespace().unwrap_or_default();
    let pod = match placement {
        Placement::Kept(pod) | Placement::New(pod) => Some(pod.clone()),
        Placement::Nowhere => None,
    };
    MeetingStatus {
        phase: Some(compute_phase(plan, occupancy.participants)),
        conditions: vec![
            condition(CONDITION_ACCEPTED, accepted),
            condition(CONDITION_ASSIGNED, assigned),
            condition(CONDITION_MEDIA_REACHABLE, reachable),
            condition(CONDITION_READY, ready),
        ],
        join_url: Some(format!("{}{}", public_url.trim_end_matches('/'), join_path(&namespace, &meeting.name_any()))),
        participants: Some(if pod.is_some() { occupancy.participants } else { 0 }),
        recording: occupancy.is_recorded && has_its_room(plan),
        pod,
        sites: sites.clone(),
        last_move: compute_last_move(meeting, plan),
        backup: has_backup(meeting),
        ended_at: ended_at.map(Time),
        observed_generation: generation,
    }
}

/// The record of the last move. A meeting without a pod is not moving.
fn compute_last_move(meeting: &Meeting, plan: &MeetingPlan) -> Option<MeetingMove> {
    let record = old_move(meeting)?;
    let is_off = record.is_active() && plan.placement == Placement::Nowhere;
    Some(if is_off { fall_back(record, plan.ready.reason()) } else { record.clone() })
}

/// Whether the last reported room can still exist and be reached: a room ends with its pod's process, and when the meeting moves.
fn has_its_room(plan: &MeetingPlan) -> bool {
    let is_lost = [reason::POD_CRASHING, reason::POD_SILENT].contains(&plan.ready.reason().code);
    matches!(plan.placement, Placement::Kept(_)) && !is_lost
}

/// Whether writing `new` over `old` would change nothing but times.
pub(crate) fn is_same(old: Option<&MeetingStatus>, new: &MeetingStatus) -> bool {
    let Some(old) = old else { return false };
    let MeetingStatus {
        phase,
        conditions,
        join_url,
        pod,
        sites,
        last_move,
        participants,
        recording,
        backup,
        ended_at,
        observed_generation,
    } = new;
    are_same(&old.conditions, conditions)
        && (old.recording, old.backup, &old.last_move, &old.sites) == (*recording, *backup, last_move, sites)
        && (&old.phase, &old.join_url, &old.pod, &old.participants, &old.ended_at, &old.observed_generation)
            == (phase, join_url, pod, participants, ended_at, observed_generation)
}

/// Whether `new` differs from `old` only in the number of participants.
pub(crate) fn differs_in_participants_only(old: Option<&MeetingStatus>, new: &MeetingStatus) -> bool {
    let participants = old.and_then(|status| status.participants);
    is_same(old, &MeetingStatus { participants, ..new.clone() })
}

/// Whether the meeting becomes ready for the first time since it had to wait.
pub(crate) fn becomes_ready(meeting: &Meeting, plan: &MeetingPlan) -> bool {
    plan.ready.is_true() && find(old_conditions(meeting), CONDITION_READY).is_none_or(|ready| ready.status != TRUE)
}

/// Changes of the meeting as events, one per cause: a meeting that is accepted, assigned and ready at once has one event.
pub(crate) fn compute_notes(meeting: &Meeting, plan: &MeetingPlan, status: &MeetingStatus) -> Vec<Note> {
    let moved = compute_move_note(old_move(meeting), status);
    let is_known = has_news_of_move(meeting, plan, status);
    let left = plan.left.iter().filter(|_| !is_known).map(|why| compute_left(why, &plan.placement));
    let mut notes: Vec<Note> = moved.into_iter().chain(left).collect();
    let old = old_conditions(meeting);
    let values = [
        (CONDITION_ACCEPTED, &plan.accepted),
        (CONDITION_ASSIGNED, &plan.assigned),
        (CONDITION_MEDIA_REACHABLE, &plan.reachable),
        (CONDITION_READY, &plan.ready),
    ];
    for (type_, value) in values {
        let is_new = find(old, type_).is_none_or(|condition| condition.reason != value.reason().code);
        let is_reported = notes.iter().any(|note| note.reason == value.reason().code);
        if is_new && !is_reported && is_notable(type_, value, plan) {
            notes.push(compute_note(value));
        }
    }
    notes.extend(plan.unlinked.iter().filter_map(|site| compute_unlinked_note(site, status)));
    notes.extend(compute_sites_note(meeting, status));
    notes.extend(compute_recording_note(meeting, status));
    notes
}

/// Whether the new pod is that of a move, which has events of its own.
fn has_news_of_move(meeting: &Meeting, plan: &MeetingPlan, status: &MeetingStatus) -> bool {
    let Placement::New(pod) = &plan.placement else { return false };
    let news = status.last_move.as_ref().filter(|record| Some(*record) != old_move(meeting));
    news.is_some_and(|record| record.to.uid == pod.uid)
}

/// The begin and the end of a move.
pub(crate) fn compute_move_note(old: Option<&MeetingMove>, status: &MeetingStatus) -> Option<Note> {
    let record = status.last_move.as_ref()?;
    let before = old.filter(|old| old.is_same_move(record)).map(|old| old.phase);
    if before == Some(record.phase) {
        return None;
    }
    let MeetingMove { from, to, message: why, .. } = record;
    let (from, to) = (&from.name, &to.name);
    let note = match record.phase {
        MeetingMovePhase::Copying => {
            Note::normal(reason::MOVING, format!("moving participants from media pod {from:?} to {to:?}: {why}"))
        }
        MeetingMovePhase::Moving => return None,
        MeetingMovePhase::Done => {
            Note::normal(reason::MOVED, format!("all participants have moved from media pod {from:?} to {to:?}"))
        }
        MeetingMovePhase::Fallback => compute_fallback(record, status),
    };
    Some(note.about(to))
}

fn compute_fallback(record: &MeetingMove, status: &MeetingStatus) -> Note {
    let MeetingMove { from, to, reason: code, message: why, .. } = record;
    let move_ = format!("the move from media pod {:?} to {:?}", from.name, to.name);
    let has_moved = status.pod.as_ref().is_some_and(|pod| pod.uid != from.uid);
    if has_moved && code != reason::MOVE_CANCELLED {
        let message = format!("{move_} failed, so participants have to reconnect: {why}");
        return Note::warning(reason::MOVE_FELL_BACK, message);
    }
    Note::normal(reason::MOVE_FELL_BACK, format!("{move_} was cancelled: {why}"))
}

/// A media pod was to serve the meeting, and could not.
fn compute_unlinked_note(site: &MeetingSite, status: &MeetingStatus) -> Option<Note> {
    let (site, pod) = (&site.name, &status.pod.as_ref()?.name);
    let message = format!(
        "media pod {site:?} cannot serve the meeting, because {pod:?} does not reach it: media pods need TCP port {MEDIA_LINK_PORT} of each other and pipePorts of their pool (UDP)"
    );
    Some(Note::warning(reason::SPREAD_FAILED, message).about(site))
}

/// Other media pods than before serve the meeting besides its own.
fn compute_sites_note(meeting: &Meeting, status: &MeetingStatus) -> Option<Note> {
    let pod = status.pod.as_ref()?;
    let before = meeting.status.as_ref().map(|old| old.sites.as_slice()).unwrap_or_default();
    if before == status.sites {
        return None;
    }
    let names: Vec<_> = status.sites.iter().map(|site| format!("{:?}", site.name)).collect();
    let message = match names.len() {
        0 => format!("the meeting uses media pod {:?} alone", pod.name),
        count => format!("the meeting uses {} media pods: {:?}, {}", count + 1, pod.name, names.join(", ")),
    };
    Some(Note::normal(reason::SPREAD, message))
}

fn compute_recording_note(meeting: &Meeting, status: &MeetingStatus) -> Option<Note> {
    let was_recorded = meeting.status.as_ref().is_some_and(|old| old.recording);
    let (reason, message) = match (was_recorded, status.recording) {
        (false, true) => (reason::RECORDING_STARTED, "recording started; participants are notified before they join"),
        (true, false) => (reason::RECORDING_STOPPED, "recording stopped"),
        _ => return None,
    };
    Some(Note::normal(reason, message))
}

/// Consequences of a reported change are not reported.
fn is_notable(type_: &str, value: &ConditionValue, plan: &MeetingPlan) -> bool {
    let is_bound_now = matches!(plan.placement, Placement::New(_));
    match (type_, value) {
        (CONDITION_ACCEPTED, ConditionValue::True(_))
        | (CONDITION_MEDIA_REACHABLE, ConditionValue::Unknown(_) | ConditionValue::True(_)) => false,
        (CONDITION_ASSIGNED, ConditionValue::True(_)) => plan.left.is_none(),
        (CONDITION_READY, ConditionValue::True(_)) => !is_bound_now,
        _ => true,
    }
}

fn old_move(meeting: &Meeting) -> Option<&MeetingMove> {
    meeting.status.as_ref()?.last_move.as_ref()
}

fn old_conditions(meeting: &Meeting) -> &[Condition] {
    meeting.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
}

fn compute_phase(plan: &MeetingPlan, participants: u32) -> MeetingPhase {
    let needs_mending = [reason::MEETING_TOO_LARGE, reason::INVALID_SPEC, reason::NAMESPACE_NOT_ALLOWED];
    match (&plan.placement, plan.ready.reason().code) {
        _ if plan.ended_at.is_some() => MeetingPhase::Ended,
        _ if !plan.accepted.is_true() && needs_mending.contains(&plan.accepted.reason().code) => MeetingPhase::Failed,
        (Placement::Nowhere, _) | (_, reason::SCHEDULED) => MeetingPhase::Pending,
        _ if plan.is_draining && participants > 0 => MeetingPhase::Draining,
        _ if plan.ready.is_true() => MeetingPhase::Ready,
        _ => MeetingPhase::Starting,
    }
}

fn compute_left(why: &Reason, placement: &Placement) -> Note {
    match placement {
        Placement::New(pod) => {
            let is_planned = [reason::RELIEVED, reason::RELIEF, reason::POD_DRAINING].contains(&why.code);
            let message = format!("moved to media pod {:?}: {}", pod.name, why.message);
            Note { is_warning: !is_planned, ..Note::normal(reason::REASSIGNED, message).about(&pod.name) }
        }
        Placement::Kept(_) | Placement::Nowhere => Note::warning(why.code, why.message.clone()),
    }
}

fn compute_note(value: &ConditionValue) -> Note {
    let Reason { code, message } = value.reason();
    match (value, *code) {
        (ConditionValue::True(_), _)
        | (_, reason::NO_POD_READY | reason::POD_NOT_READY | reason::SCHEDULED | reason::ENDED) => {
            Note::normal(code, message.clone())
        }
        _ => Note::warning(code, message.clone()),
    }
}

#[cfg(test)]
mod tests;

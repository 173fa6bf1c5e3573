//! Decides the next step of a meeting's move between two media pods, given where the plan places the meeting.
//!
//! Pure: the time is an argument. It decides nothing about where a meeting moves: `plan` does.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::BTreeSet, sync::Arc};

use convene_crds::{AssignedPod, MeetingMove, MeetingMovePhase, MeetingStatus, MovePod, reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::model::{
    media_pod::{MediaPod, PodState},
    moves::{MoveState, OldRoom, Progress, fall_back},
    reason::Reason,
};

/// The input of [`plan_move`].
pub(crate) struct MoveView<'a> {
    /// The move in the status as far as this process knows, under way or over.
    pub(crate) written: Option<&'a MeetingMove>,
    /// The state of the move in memory, until the cache shows that it is over.
    pub(crate) state: Option<&'a MoveState>,
    /// The pod in the cached status.
    pub(crate) home: Option<&'a AssignedPod>,
    /// The pod that the plan places the meeting on.
    pub(crate) target: Option<&'a AssignedPod>,
    /// The cause, if the plan changes the pod.
    pub(crate) why: &'a Reason,
    pub(crate) participants: u32,
    /// Finds a pod by UID.
    pub(crate) find: &'a dyn Fn(&str) -> Option<Arc<MediaPod>>,
    pub(crate) now: Timestamp,
}

/// A step of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MoveStep {
    /// None: the status keeps this record.
    Rest(Option<MeetingMove>),
    /// The new pod receives the state of the room. A move to another pod that this one replaces is cancelled first.
    Carry { record: MeetingMove, replaced: Option<MeetingMove> },
    /// The clients are notified.
    Leave(MeetingMove),
    /// It is over, with this record.
    Finish { record: MeetingMove, undo: Undo },
}

impl MoveStep {
    /// UIDs of the media pods that it sends requests to.
    pub(crate) fn pods(&self) -> Vec<&str> {
        let (record, replaced) = match self {
            Self::Rest(_) | Self::Finish { undo: Undo::Nothing, .. } => return Vec::new(),
            Self::Leave(record) | Self::Finish { record, undo: Undo::OldRoom } => return vec![&record.from.uid],
            Self::Finish { record, undo: Undo::BothRooms } => (record, None),
            Self::Carry { record, replaced } => (record, replaced.as_ref()),
        };
        let records = [Some(record), replaced].into_iter().flatten();
        let pods: BTreeSet<_> = records.flat_map(|record| [record.from.uid.as_str(), &record.to.uid]).collect();
        pods.into_iter().collect()
    }
}

/// The rooms to clean up after a move that was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// Nothing: clients know of it.
    Nothing,
    /// The old room may wait for it. The meeting gets the new one.
    OldRoom,
    /// The new room may have been filled, too, and is not needed.
    BothRooms,
}

/// The next step.
pub(crate) fn plan_move(view: &MoveView<'_>) -> MoveStep {
    let record = view.state.map(|state| &state.record).or(view.written);
    match (record.filter(|record| record.is_active()), view.state) {
        (None, Some(_)) => MoveStep::Rest(record.cloned()),
        (None, None) => plan_start(view)
            .map_or_else(|| MoveStep::Rest(record.cloned()), |record| MoveStep::Carry { record, replaced: None }),
        (Some(record), _) if record.phase == MeetingMovePhase::Copying => plan_copying(view, record),
        (Some(record), state) => plan_leaving(view, record, state),
    }
}

/// A new move, if the meeting has participants and both pods respond.
fn plan_start(view: &MoveView<'_>) -> Option<MeetingMove> {
    let (home, target) = view.home.zip(view.target).filter(|(home, target)| home.uid != target.uid)?;
    if view.participants == 0 || !can_hand_over(view, &home.uid) || !is_ready(view, &target.uid) {
        return None;
    }
    let name = |pod: &AssignedPod| MovePod { name: pod.name.clone(), uid: pod.uid.clone() };
    let since = Timestamp::from_second(view.now.as_second()).unwrap_or(view.now);
    let Reason { code, message } = view.why.clone();
    let phase = MeetingMovePhase::Copying;
    Some(MeetingMove {
        from: name(home),
        to: name(target),
        since: Time(since),
        phase,
        reason: code.to_owned(),
        message,
    })
}

/// Until the new pod is in the status, the meeting may still stay, or move elsewhere.
fn plan_copying(view: &MoveView<'_>, record: &MeetingMove) -> MoveStep {
    let start = plan_start(view);
    let is_at = |pod: &MovePod, place: Option<&AssignedPod>| place.is_some_and(|place| place.uid == pod.uid);
    let is_same = is_at(&record.from, view.home) && is_at(&record.to, view.target);
    match start {
        Some(_) if is_same => MoveStep::Carry { record: record.clone(), replaced: None },
        Some(new) => MoveStep::Carry { record: new, replaced: Some(record.clone()) },
        None => {
            let undo = if is_at(&record.to, view.target) { Undo::OldRoom } else { Undo::BothRooms };
            MoveStep::Finish { record: fall_back(record, &explain_cancellation(view, record)), undo }
        }
    }
}

fn explain_cancellation(view: &MoveView<'_>, record: &MeetingMove) -> Reason {
    let lost_from = Some(&record.from).filter(|pod| !can_hand_over(view, &pod.uid));
    let lost = lost_from.or_else(|| Some(&record.to).filter(|pod| !is_ready(view, &pod.uid)));
    match (view.target, lost) {
        (None, _) => view.why.clone(),
        (_, Some(pod)) => Reason::new(reason::POD_GONE, format!("media pod {:?} is no longer ready", pod.name)),
        _ if view.participants == 0 => Reason::new(reason::MOVE_CANCELLED, "all participants have left"),
        _ => {
            let message = format!("the meeting stays on media pod {:?}", record.from.name);
            Reason::new(reason::MOVE_CANCELLED, message)
        }
    }
}

/// The new pod is in the status. Another move waits until this one is over; only the loss of the new pod ends it.
fn plan_leaving(view: &MoveView<'_>, record: &MeetingMove, state: Option<&MoveState>) -> MoveStep {
    if view.target.is_none_or(|target| target.uid != record.to.uid) {
        return finish(fall_back(record, view.why));
    }
    let Some(state) = state else { return MoveStep::Rest(Some(record.clone())) };
    if state.seen == Some(OldRoom::Ended) {
        return finish(MeetingMove { phase: MeetingMovePhase::Done, ..record.clone() });
    }
    if let Some(why) = explain_failure(view, record, state) {
        return finish(fall_back(record, &why));
    }
    let is_stuck = state.progress == Progress::Adopted && state.seen == Some(OldRoom::Frozen);
    if is_stuck || state.progress == Progress::Written {
        return MoveStep::Leave(record.clone());
    }
    MoveStep::Rest(Some(record.clone()))
}

/// Corrects the pod that was lost (`instead_of`), which makes routers close the connections to it: not while participants move away from it, and
/// as soon as their move has failed.
pub(crate) fn settle_lost_pod(old: Option<&MeetingStatus>, status: MeetingStatus) -> MeetingStatus {
    let (Some(record), Some(pod)) = (&status.last_move, &status.pod) else { return status };
    let was_active =
        old.and_then(|old| old.last_move.as_ref()).is_some_and(|old| old.is_same_move(record) && old.is_active());
    let has_failed = record.phase == MeetingMovePhase::Fallback && was_active && pod.uid == record.to.uid;
    let instead_of = match &pod.instead_of {
        Some(lost) if record.is_active() && *lost == record.from.uid => None,
        None if has_failed => Some(record.from.uid.clone()),
        _ => return status,
    };
    let pod = AssignedPod { instead_of, ..pod.clone() };
    MeetingStatus { pod: Some(pod), ..status }
}

const fn finish(record: MeetingMove) -> MoveStep {
    MoveStep::Finish { record, undo: Undo::Nothing }
}

/// Why the old room will not end by itself, if that is the case.
fn explain_failure(view: &MoveView<'_>, record: &MeetingMove, state: &MoveState) -> Option<Reason> {
    let name = &record.from.name;
    let why = |code, message: &str| Some(Reason::new(code, format!("media pod {name:?} {message}")));
    if is_lost(view, &record.from.uid) {
        return why(reason::POD_GONE, "ended before all participants had moved");
    }
    match (&state.progress, state.seen) {
        (_, Some(OldRoom::Leaving)) if view.now < state.until => None,
        (Progress::Failed(why), _) => Some(why.clone()),
        (Progress::Adopted, Some(OldRoom::Apart)) => why(reason::MOVE_EXPIRED, "has waited too long for the operator"),
        _ if state.until <= view.now => why(reason::MOVE_NOT_CONFIRMED, "did not report the end of the move in time"),
        _ => None,
    }
}

fn is_ready(view: &MoveView<'_>, uid: &str) -> bool {
    (view.find)(uid).is_some_and(|pod| pod.is_ready())
}

/// A pod that is being deleted has its rooms until its process ends.
fn can_hand_over(view: &MoveView<'_>, uid: &str) -> bool {
    (view.find)(uid).is_some_and(|pod| pod.can_hand_over())
}

/// A pod that is not ready for a moment may still have its room.
fn is_lost(view: &MoveView<'_>, uid: &str) -> bool {
    (view.find)(uid).is_none_or(|pod| !pod.can_hand_over() && !matches!(pod.state, PodState::Starting(_)))
}

#[cfg(test)]
mod tests;

//! Carries out the steps of a move: the state of a room comes to the pod that its meeting moves to, and its clients move there.
//!
//! The order leaves no gap: the old room is frozen and the new one filled before the status leads new connections to the new pod, and
//! clients move after that. The status records each step, so that an operator that takes over continues. It decides nothing about where a
//! meeting moves. If a step fails, the meeting moves without its memory.

use std::{borrow::Cow, collections::BTreeMap, mem, sync::Arc};

use convene_crds::{Meeting, MeetingMove, MeetingMovePhase, MeetingStatus};
use convene_protocol::{
    admin::{EndReason, LeaveRequest},
    admission::JoinTicket,
    handover::SnapshotClient,
};
use hyper::body::Bytes;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Deserialize;

use super::{
    apply::{apply_status, is_refused},
    error::Error,
    moving::{MoveStep, Undo},
    report::compute_move_note,
};
use crate::{
    context::{Context, Outcome},
    model::{
        ledger::key_of,
        media_pod::MediaPod,
        moves::{compute_id, fall_back, is_relief},
        reason::Reason,
    },
    pods::link::{MoveStep as LinkStep, PodLinkError},
};

/// A room whose memory is on both pods, but whose clients are not notified yet.
pub(crate) struct Handover {
    moving: Moving,
    to: Arc<MediaPod>,
    tickets: BTreeMap<String, String>,
}

/// The record of the move for the status, and the handover to complete after the status has been written.
#[derive(Default)]
pub(crate) struct Performed {
    pub(crate) record: Option<MeetingMove>,
    handover: Option<Handover>,
}

/// A move, as its requests to the old pod name it.
struct Moving {
    namespace: String,
    name: String,
    uid: String,
    id: String,
    from: Arc<MediaPod>,
    deadline_seconds: u32,
}

/// The part of a snapshot that concerns the operator.
#[derive(Deserialize)]
struct Clients {
    #[serde(default)]
    clients: Vec<SnapshotClient>,
}

/// How far a handover came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The old room may be frozen.
    Freeze,
    /// The new one may be filled, too.
    Restore,
}

/// Carries out a step. `Err`: the begin of the move could not be written, and nothing was done.
pub(crate) async fn perform(
    context: &Context,
    meeting: &Meeting,
    step: MoveStep,
) -> Result<Performed, Result<Outcome, Error>> {
    let record = match step {
        MoveStep::Rest(record) => record,
        MoveStep::Carry { record, replaced } => {
            if let Some(replaced) = &replaced {
                let is_same_place = replaced.to.uid == record.to.uid;
                let undo = if is_same_place { Undo::OldRoom } else { Undo::BothRooms };
                cancel(context, meeting, replaced, undo).await;
            }
            return carry(context, meeting, record).await;
        }
        MoveStep::Leave(record) => {
            resume(context, meeting, &record).await;
            Some(record)
        }
        MoveStep::Finish { record, undo } => {
            cancel(context, meeting, &record, undo).await;
            context.cache.state().moves.on_over(&uid_of(meeting), &record);
            Some(record)
        }
    };
    Ok(Performed { record, handover: None })
}

/// Records the move, then fills the room on the new pod. Also if an earlier process has done so.
async fn carry(context: &Context, meeting: &Meeting, record: MeetingMove) -> Result<Performed, Result<Outcome, Error>> {
    let uid = uid_of(meeting);
    let has_tried = has_tried(&with_newest_move(context, meeting), &record);
    let Some((moving, to)) = begin(context, meeting, &record) else {
        let why = Reason::new(convene_crds::reason::POD_GONE, "one of the media pods is gone");
        if is_relief(&record) {
            return Err(remain(context, meeting, &record, &why).await);
        }
        let record = fall_back(&record, &why);
        context.cache.state().moves.on_over(&uid, &record);
        return Ok(Performed { record: Some(record), handover: None });
    };
    if let Err(refusal) = announce(context, meeting, &record).await {
        if is_refused(&refusal) {
            context.cache.state().moves.end(&uid);
        }
        return Err(refusal);
    }
    match moving.carry(context, &to).await {
        Ok(tickets) => {
            let record = MeetingMove { phase: MeetingMovePhase::Moving, ..record };
            Ok(Performed { record: Some(record), handover: Some(Handover { moving, to, tickets }) })
        }
        Err((step, error)) => {
            moving.undo(context, &to, step, &error).await;
            let may_wait = step == Step::Restore && error.is_silence() && !has_tried;
            if may_wait || is_relief(&record) {
                let why = Reason::new(error.reason(), error.to_string());
                return Err(remain(context, meeting, &record, &why).await);
            }
            Ok(moving.give_up(context, &record, &error))
        }
    }
}

/// Whether the last attempt was the same move and failed.
fn has_tried(meeting: &Meeting, record: &MeetingMove) -> bool {
    let last = meeting.status.as_ref().and_then(|status| status.last_move.as_ref());
    last.is_some_and(|last| {
        last.phase == MeetingMovePhase::Fallback && (&last.from, &last.to) == (&record.from, &record.to)
    })
}

/// The meeting stays on its pod for now: its room works, and nothing tells that the new pod does. The next attempt may choose another one.
async fn remain(context: &Context, meeting: &Meeting, record: &MeetingMove, why: &Reason) -> Result<Outcome, Error> {
    let (uid, record) = (uid_of(meeting), fall_back(record, why));
    {
        let mut state = context.cache.state();
        state.moves.on_over(&uid, &record);
        // Even if it is unknown whether the next write succeeds: it names the old pod.
        state.ledger.forget(&uid);
    }
    announce(context, meeting, &record).await.map_or_else(|refusal| refusal, |()| Ok(Outcome::Waiting))
}

/// Notes the move, which this process carries from now on.
fn begin(context: &Context, meeting: &Meeting, record: &MeetingMove) -> Option<(Moving, Arc<MediaPod>)> {
    let moving = find_moving(context, meeting, record)?;
    let participants = meeting.status.as_ref().and_then(|status| status.participants).unwrap_or_default();
    let mut state = context.cache.state();
    let to = state.views.pods().find(|pod| pod.uid == record.to.uid).cloned()?;
    let (key, seconds) = (Arc::new(key_of(&meeting.metadata)), moving.deadline_seconds);
    state.moves.begin(&moving.uid, &key, record, participants, seconds, Timestamp::now());
    drop(state);
    Some((moving, to))
}

fn find_moving(context: &Context, meeting: &Meeting, record: &MeetingMove) -> Option<Moving> {
    let state = context.cache.state();
    let from = state.views.pods().find(|pod| pod.uid == record.from.uid).cloned()?;
    let deadline_seconds = state.handover_seconds(meeting).unwrap_or_default();
    drop(state);
    let (namespace, name) = (meeting.namespace().unwrap_or_default(), meeting.name_any());
    Some(Moving { namespace, name, uid: uid_of(meeting), id: compute_id(record), from, deadline_seconds })
}

/// Writes that the move has begun, unless the status says so already. The rest of it stays as it is.
async fn announce(context: &Context, meeting: &Meeting, record: &MeetingMove) -> Result<(), Result<Outcome, Error>> {
    let newest = with_newest_move(context, meeting).status.as_ref().and_then(|status| status.last_move.clone());
    if newest.as_ref() == Some(record) {
        return Ok(());
    }
    let status = MeetingStatus { last_move: Some(record.clone()), ..meeting.status.clone().unwrap_or_default() };
    let note = compute_move_note(newest.as_ref(), &status);
    let written = apply_status(context, meeting, &status, note.as_slice()).await;
    note_record(context, meeting, &status, &written);
    match written {
        Ok(Outcome::Applied) => Ok(()),
        other => Err(other),
    }
}

/// The meeting with the record of its last move as this process knows it. The copy that is being processed may be older than the last write,
/// whose event would be repeated.
pub(crate) fn with_newest_move<'a>(context: &Context, meeting: &'a Meeting) -> Cow<'a, Meeting> {
    let (state, status) = (context.cache.state(), meeting.status.as_ref());
    let newest = state.moves.newest(&uid_of(meeting), status);
    if newest == status.and_then(|status| status.last_move.as_ref()) {
        return Cow::Borrowed(meeting);
    }
    let status = MeetingStatus { last_move: newest.cloned(), ..status.cloned().unwrap_or_default() };
    Cow::Owned(Meeting { status: Some(status), ..meeting.clone() })
}

/// Remembers the move that was written with a status.
pub(crate) fn note_record(
    context: &Context,
    meeting: &Meeting,
    status: &MeetingStatus,
    written: &Result<Outcome, Error>,
) {
    if let (Some(record), Ok(Outcome::Applied)) = (&status.last_move, written) {
        context.cache.state().moves.on_recorded(&uid_of(meeting), record);
    }
}

/// Lets the clients of a room move that was frozen before: its snapshot has their grants.
async fn resume(context: &Context, meeting: &Meeting, record: &MeetingMove) {
    let Some(moving) = find_moving(context, meeting, record) else { return };
    let frozen = context.link.hand_over(&moving.from, &moving.step()).await;
    match frozen.and_then(|snapshot| moving.sign_tickets(context, &snapshot)) {
        Ok(tickets) => moving.leave(context, tickets).await,
        // Its clients were notified, by an operator that did not receive the response.
        Err(error) if error.is_conflict() || error.is_unknown_to_pod() => {
            context.cache.state().moves.on_left(&moving.uid, moving.deadline_seconds, Timestamp::now());
        }
        Err(error) => moving.on_leave(context, Err(error), 0),
    }
}

/// Undoes a move that no client knows of, as far as its pods respond.
async fn cancel(context: &Context, meeting: &Meeting, record: &MeetingMove, undo: Undo) {
    let Some(moving) = find_moving(context, meeting, record).filter(|_| undo != Undo::Nothing) else { return };
    let to = context.cache.state().views.pods().find(|pod| pod.uid == record.to.uid).cloned();
    moving.cancel(context, true, to.as_deref().filter(|_| undo == Undo::BothRooms)).await;
}

fn uid_of(meeting: &Meeting) -> String {
    meeting.metadata.uid.clone().unwrap_or_default()
}

impl Performed {
    /// Whether the room on the new pod has the state of the old one.
    pub(crate) const fn has_handover(&self) -> bool {
        self.handover.is_some()
    }

    /// Continues once it is known whether the status was written.
    pub(crate) async fn finish(self, context: &Context, written: &Result<Outcome, Error>) {
        let Self { record, handover } = self;
        if let Some(handover) = handover {
            handover.finish(context, record.as_ref(), written).await;
        }
    }
}

impl Handover {
    /// Lets the clients move once the new pod is in the status. If it is certain that it is not, the meeting stays. Otherwise clients may be
    /// on the new pod already: both rooms remain as they are for the next reconciliation.
    async fn finish(self, context: &Context, record: Option<&MeetingMove>, written: &Result<Outcome, Error>) {
        let Self { moving, to, tickets } = self;
        if is_refused(written) {
            moving.cancel(context, true, Some(&to)).await;
            context.cache.state().moves.end(&moving.uid);
            return;
        }
        let Some(record) = record.filter(|_| written.is_ok()) else { return };
        context.cache.state().moves.on_written(&moving.uid, record);
        moving.leave(context, tickets).await;
    }
}

impl Moving {
    fn step(&self) -> LinkStep<'_> {
        LinkStep { namespace: &self.namespace, name: &self.name, uid: &self.uid, id: &self.id }
    }

    /// Returns the tickets of the clients.
    async fn carry(&self, context: &Context, to: &MediaPod) -> Result<BTreeMap<String, String>, (Step, PodLinkError)> {
        let (link, step) = (&context.link, self.step());
        let snapshot = link.hand_over(&self.from, &step).await.map_err(|error| (Step::Freeze, error))?;
        let tickets = self.sign_tickets(context, &snapshot).map_err(|error| (Step::Freeze, error))?;
        let restored = link.restore(to, &step, snapshot, self.deadline_seconds).await;
        restored.map(|()| tickets).map_err(|error| (Step::Restore, error))
    }

    /// In place of join tokens and tickets, which may have expired meanwhile.
    fn sign_tickets(&self, context: &Context, snapshot: &Bytes) -> Result<BTreeMap<String, String>, PodLinkError> {
        // The error of the parser may quote what people wrote.
        let Clients { clients } = serde_json::from_slice(snapshot).map_err(|error| {
            let source = format!("not a snapshot: line {}, column {}", error.line(), error.column()).into();
            PodLinkError::Body { pod: self.from.name.clone(), source }
        })?;
        let sign = |SnapshotClient { peer_id, grant }| {
            let (namespace, name, uid) = (self.namespace.clone(), self.name.clone(), self.uid.clone());
            let ticket = JoinTicket { namespace, name, uid, participant: grant, vouched: None };
            context.link.ticket(&ticket).map(|ticket| (peer_id, ticket)).map_err(PodLinkError::Sign)
        };
        clients.into_iter().map(sign).collect()
    }

    /// Undoes what a failed step may have done.
    async fn undo(&self, context: &Context, to: &MediaPod, step: Step, error: &PodLinkError) {
        context.metrics.steps.with_label_values(&["handover", error.reason()]).inc();
        let (from, name) = (&self.from.name, &to.name);
        tracing::warn!(
            error = error as &dyn std::error::Error,
            from,
            to = name,
            "could not move a meeting with its memory"
        );
        // A pod that does not respond lets its room go on by itself, and would not respond to another request either; a room that a late request
        // fills is ended by the room reconciler. A room that is in use on the new pod is not ours.
        let is_frozen = step == Step::Restore || !error.is_silence();
        let is_filled = step == Step::Restore && !error.is_conflict() && !error.is_silence();
        self.cancel(context, is_frozen, is_filled.then_some(to)).await;
    }

    /// The meeting moves without its memory.
    fn give_up(&self, context: &Context, record: &MeetingMove, error: &PodLinkError) -> Performed {
        let record = fall_back(record, &Reason::new(error.reason(), error.to_string()));
        context.cache.state().moves.on_given_up(&self.uid, &record, Timestamp::now());
        Performed { record: Some(record), handover: None }
    }

    async fn leave(&self, context: &Context, mut tickets: BTreeMap<String, String>) {
        let (clients, deadline_seconds) = (tickets.len(), u64::from(self.deadline_seconds));
        let request = LeaveRequest { tickets: mem::take(&mut tickets), deadline_seconds };
        let left = context.link.leave(&self.from, &self.step(), &request).await;
        self.on_leave(context, left, clients);
    }

    /// A pod that does not respond receives the request again.
    fn on_leave(&self, context: &Context, left: Result<(), PodLinkError>, clients: usize) {
        let (seconds, now) = (self.deadline_seconds, Timestamp::now());
        let outcome = left.as_ref().map_or_else(PodLinkError::reason, |()| "done");
        context.metrics.steps.with_label_values(&["handover", outcome]).inc();
        let from = &self.from.name;
        let Err(error) = left else {
            tracing::info!(from, clients, "a meeting moves with its memory");
            return context.cache.state().moves.on_left(&self.uid, seconds, now);
        };
        tracing::warn!(error = &error as &dyn std::error::Error, from, "could not let the clients of a meeting move");
        if !error.is_silence() {
            context.cache.state().moves.on_failed(&self.uid, Reason::new(error.reason(), error.to_string()));
        }
    }

    /// Undoes what has been done, on pods that respond. No client can have reached the new room; if one has when a late request arrives there,
    /// it reconnects.
    async fn cancel(&self, context: &Context, is_frozen: bool, filled: Option<&MediaPod>) {
        let link = &context.link;
        let mut results = Vec::new();
        if is_frozen && !self.from.is_silent() {
            results.push(link.cancel_handover(&self.from, &self.step()).await);
        }
        if let Some(to) = filled.filter(|to| !to.is_silent()) {
            results.push(link.end_room(to, &self.namespace, &self.name, &self.uid, EndReason::Moved).await);
        }
        for error in results.into_iter().filter_map(Result::err) {
            tracing::info!(error = &error as &dyn std::error::Error, "could not cancel a move");
        }
    }
}

#[cfg(test)]
mod tests;

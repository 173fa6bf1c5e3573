//! Carries the state of a room to the pod that its meeting moves to, and lets its clients move there.
//!
//! The order leaves no gap: the old room is frozen and the new one filled before the status leads new connections to the new pod, and
//! clients move after that. It decides nothing about where a meeting moves. If a step fails, the meeting moves without its memory.

use std::{collections::BTreeMap, mem, sync::Arc};

use convene_crds::Meeting;
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
    error::Error,
    is_refused,
    plan::{MeetingPlan, Placement},
};
use crate::{
    context::{Context, Outcome},
    model::media_pod::MediaPod,
    pods::link::{MoveStep, PodLinkError},
};

/// A room whose memory is on both pods, but whose clients are not notified yet.
pub(crate) struct Handover {
    namespace: String,
    name: String,
    uid: String,
    /// Names the move.
    id: String,
    from: Arc<MediaPod>,
    to: Arc<MediaPod>,
    tickets: BTreeMap<String, String>,
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

/// Fills the room on the new pod, if the plan moves a meeting with participants between two pods that respond.
pub(crate) async fn begin(context: &Context, meeting: &Meeting, plan: &MeetingPlan) -> Option<Handover> {
    let handover = prepare(context, meeting, plan)?;
    match handover.carry(context).await {
        Ok(tickets) => Some(Handover { tickets, ..handover }),
        Err((step, error)) => {
            context.metrics.steps.with_label_values(&["handover", error.reason()]).inc();
            let (from, to) = (&handover.from.name, &handover.to.name);
            tracing::warn!(error = &error as &dyn std::error::Error, from, to, "moving a meeting without its memory");
            // A pod that does not respond lets its room go on by itself, and a room that is in use there is not ours.
            let is_frozen = step == Step::Restore || !error.is_silence();
            let is_filled = step == Step::Restore && !error.is_conflict();
            handover.cancel(context, is_frozen, is_filled).await;
            None
        }
    }
}

/// Also if the same move was decided before, and it is uncertain whether that was written.
fn prepare(context: &Context, meeting: &Meeting, plan: &MeetingPlan) -> Option<Handover> {
    let (Placement::New(to) | Placement::Kept(to)) = &plan.placement else { return None };
    let status = meeting.status.as_ref()?;
    let (from, uid) = (status.pod.as_ref().filter(|from| from.uid != to.uid)?, meeting.metadata.uid.clone()?);
    let participants = status.participants.filter(|participants| *participants > 0)?;
    let mut state = context.cache.state();
    let find = |uid: &str| state.views.pods().find(|pod| pod.uid == uid && pod.is_ready()).cloned();
    let (old, new) = (find(&from.uid)?, find(&to.uid)?);
    let deadline_seconds = state.views.pool(&meeting.spec.pool)?.pool.as_ref().ok()?.drain.handover_seconds;
    state.moves.begin(&uid, &old.uid, participants, deadline_seconds, Timestamp::now());
    drop(state);
    let (namespace, name) = (meeting.namespace().unwrap_or_default(), meeting.name_any());
    let id = compute_id(&from.uid, from.moved_at.as_ref().map(|time| time.0), &to.uid);
    Some(Handover { namespace, name, uid, id, from: old, to: new, tickets: BTreeMap::new(), deadline_seconds })
}

/// The same for an operator that repeats the move, and another one for each move of a meeting.
fn compute_id(from: &str, moved_at: Option<Timestamp>, to: &str) -> String {
    let short = |uid: &str| uid.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>();
    format!("{}-{}-{}", short(from), moved_at.map_or(0, Timestamp::as_second).unsigned_abs(), short(to))
}

impl Handover {
    fn step(&self) -> MoveStep<'_> {
        MoveStep { namespace: &self.namespace, name: &self.name, uid: &self.uid, id: &self.id }
    }

    /// Returns the tickets of the clients.
    async fn carry(&self, context: &Context) -> Result<BTreeMap<String, String>, (Step, PodLinkError)> {
        let (link, step) = (&context.link, self.step());
        let snapshot = link.hand_over(&self.from, &step).await.map_err(|error| (Step::Freeze, error))?;
        let tickets = self.sign_tickets(context, &snapshot).map_err(|error| (Step::Freeze, error))?;
        let restored = link.restore(&self.to, &step, snapshot, self.deadline_seconds).await;
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

    /// Lets the clients move once the new pod is in the status. If it is certain that it is not, the meeting stays. Otherwise clients may be
    /// on the new pod already: both rooms remain as they are for the next reconciliation.
    pub(crate) async fn finish(mut self, context: &Context, written: &Result<Outcome, Error>) {
        if is_refused(written) {
            return self.cancel(context, true, true).await;
        }
        if written.is_err() {
            return;
        }
        let (tickets, deadline_seconds) = (mem::take(&mut self.tickets), u64::from(self.deadline_seconds));
        let clients = tickets.len();
        let left = context.link.leave(&self.from, &self.step(), &LeaveRequest { tickets, deadline_seconds }).await;
        let outcome = left.as_ref().map_or_else(PodLinkError::reason, |()| "done");
        context.metrics.steps.with_label_values(&["handover", outcome]).inc();
        let (from, to) = (&self.from.name, &self.to.name);
        match left {
            Ok(()) => tracing::info!(from, to, clients, "a meeting moves with its memory"),
            // The room reconciler closes the connections, and clients find the new room.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, from, to, "could not let the clients of a meeting move");
                context.cache.state().moves.end(&self.uid);
            }
        }
    }

    /// Undoes what has been done. No client can have reached the new room.
    async fn cancel(&self, context: &Context, is_frozen: bool, is_filled: bool) {
        let link = &context.link;
        let mut results = Vec::new();
        if is_frozen {
            results.push(link.cancel_handover(&self.from, &self.step()).await);
        }
        if is_filled {
            results.push(link.end_room(&self.to, &self.namespace, &self.name, &self.uid, EndReason::Ended).await);
        }
        for error in results.into_iter().filter_map(Result::err) {
            tracing::info!(error = &error as &dyn std::error::Error, "could not cancel a move");
        }
        context.cache.state().moves.end(&self.uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_of_a_meeting_has_its_name() {
        let (a, b) = ("5b6c0b3e-7f0e-4b6e-9d7c-0a1b2c3d4e5f", "11111111-2222-3333-4444-555555555555");
        let at = |seconds| Some(Timestamp::from_second(seconds).unwrap());
        let names = [(a, None, b), (b, at(1_900_000_000), a), (a, at(1_900_000_100), b)];
        let names = names.map(|(from, at, to)| compute_id(from, at, to));
        assert_eq!(names[0], compute_id(a, None, b));
        assert!(names[0] != names[2] && names[0] != names[1]);
        let is_name =
            |name: &String| name.len() <= 64 && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
        assert!(names.iter().all(is_name), "{names:?}");
    }
}

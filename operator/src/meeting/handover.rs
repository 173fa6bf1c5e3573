//! Carries what a room knows of people to the pod that its meeting moves to, and lets its clients move there.
//!
//! The order leaves no gap: the old room is frozen and the new one filled before the status leads new connections to the new pod, and
//! clients move after that. It decides nothing about where a meeting moves. If a step fails, the meeting moves without its memory.

use std::{collections::BTreeMap, sync::Arc};

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

/// Fills the room on the new pod, if the plan moves a meeting with participants between two pods that respond.
pub(crate) async fn begin(
    context: &Context,
    meeting: &Meeting,
    plan: &MeetingPlan,
    participants: u32,
) -> Option<Handover> {
    if participants == 0 {
        return None;
    }
    let handover = prepare(context, meeting, plan)?;
    match handover.carry(context).await {
        Ok(tickets) => Some(Handover { tickets, ..handover }),
        Err(error) => {
            context.metrics.steps.with_label_values(&["handover", error.reason()]).inc();
            let (from, to) = (&handover.from.name, &handover.to.name);
            tracing::warn!(error = &error as &dyn std::error::Error, from, to, "moving a meeting without its memory");
            handover.cancel(context).await;
            None
        }
    }
}

fn prepare(context: &Context, meeting: &Meeting, plan: &MeetingPlan) -> Option<Handover> {
    let Placement::New(to) = &plan.placement else { return None };
    let from = meeting.status.as_ref()?.pod.as_ref()?;
    let uid = meeting.uid()?;
    let mut state = context.cache.state();
    let find = |uid: &str| state.views.pods().find(|pod| pod.uid == uid && pod.is_ready()).cloned();
    let (from, to) = (find(&from.uid)?, find(&to.uid)?);
    let deadline_seconds = state.views.pool(&meeting.spec.pool)?.pool.as_ref().ok()?.drain.handover_seconds;
    state.moves.begin(&uid, &from.uid, deadline_seconds, Timestamp::now());
    drop(state);
    let (namespace, name) = (meeting.namespace().unwrap_or_default(), meeting.name_any());
    Some(Handover { namespace, name, uid, from, to, tickets: BTreeMap::new(), deadline_seconds })
}

impl Handover {
    /// Named by the new pod, so that an operator that repeats the step after a restart continues the same move.
    fn step(&self) -> MoveStep<'_> {
        MoveStep { namespace: &self.namespace, name: &self.name, uid: &self.uid, id: &self.to.uid }
    }

    /// Returns the tickets of the clients.
    async fn carry(&self, context: &Context) -> Result<BTreeMap<String, String>, PodLinkError> {
        let snapshot = context.link.hand_over(&self.from, &self.step()).await?;
        let tickets = self.sign_tickets(context, &snapshot)?;
        context.link.restore(&self.to, &self.step(), snapshot).await?;
        Ok(tickets)
    }

    /// In place of join tokens and tickets, which may have expired meanwhile.
    fn sign_tickets(&self, context: &Context, snapshot: &Bytes) -> Result<BTreeMap<String, String>, PodLinkError> {
        let Clients { clients } = serde_json::from_slice(snapshot)
            .map_err(|source| PodLinkError::Parse { pod: self.from.name.clone(), source })?;
        let sign = |SnapshotClient { peer_id, grant }| {
            let (namespace, name, uid) = (self.namespace.clone(), self.name.clone(), self.uid.clone());
            let ticket = JoinTicket { namespace, name, uid, participant: grant, vouched: None };
            context.link.ticket(&ticket).map(|ticket| (peer_id, ticket)).map_err(PodLinkError::Sign)
        };
        clients.into_iter().map(sign).collect()
    }

    /// Lets the clients move once the new pod is in the status; otherwise the meeting stays.
    pub(crate) async fn finish(self, context: &Context, written: &Result<Outcome, Error>) {
        if !written.as_ref().is_ok_and(|outcome| *outcome == Outcome::Applied) {
            return self.cancel(context).await;
        }
        let (tickets, deadline_seconds) = (self.tickets.clone(), u64::from(self.deadline_seconds));
        let left = context.link.leave(&self.from, &self.step(), &LeaveRequest { tickets, deadline_seconds }).await;
        let outcome = left.as_ref().map_or_else(PodLinkError::reason, |()| "done");
        context.metrics.steps.with_label_values(&["handover", outcome]).inc();
        let (from, to, clients) = (&self.from.name, &self.to.name, self.tickets.len());
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

    /// Undoes what has been done; a pod that does not respond undoes it by itself.
    async fn cancel(&self, context: &Context) {
        let (step, link) = (self.step(), &context.link);
        let thawed = link.cancel_handover(&self.from, &step).await;
        let emptied = link.end_room(&self.to, &self.namespace, &self.name, &self.uid, EndReason::Ended).await;
        for error in [thawed, emptied].into_iter().filter_map(Result::err) {
            tracing::info!(error = &error as &dyn std::error::Error, "could not cancel a move");
        }
        context.cache.state().moves.end(&self.uid);
    }
}

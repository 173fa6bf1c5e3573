//! The meeting controller: assigns each Meeting a media pod and reports its state.
//!
//! It never creates a pod, and talks to pods only to move a meeting with its participants. A meeting needs no finalizer: when it is gone, the
//! room reconciler ends its room.

pub(crate) mod apply;
pub(crate) mod error;
pub(crate) mod handover;
pub(crate) mod moving;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod report;
pub(crate) mod validate;

use std::{sync::Arc, time::Duration};

use convene_crds::{Meeting, MeetingStatus};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource, ResourceExt, runtime::controller::Action};
use tokio::time::Instant;
use tracing::instrument;

use self::{
    apply::is_refused,
    error::Error,
    handover::Performed,
    moving::{MoveStep, MoveView, plan_move},
    plan::{MeetingPlan, Placement, plan_meeting, plan_refused},
    validate::{compute_expiry, compute_next_moment},
};
use crate::{
    cluster::{
        cache::{CacheState, ClusterCache, Guarded},
        events::Note,
    },
    context::{Context, Outcome, Reconciled},
    model::{
        ledger::{Ledger, Occupancy, key_of},
        moves::{MoveState, Observed},
    },
};
use convene_crds::reason;

/// Pause before a pod is asked again to let the clients of a room move.
const RETRY_LEAVE: Duration = Duration::from_secs(1);

/// Reconciles one meeting. Without changes, `resync` requests the next reconciliation.
#[instrument(name = "meeting", skip_all, fields(kind = "Meeting", namespace = object.namespace(), name = object.name_any()))]
pub(crate) async fn reconcile(object: Arc<Guarded<Meeting>>, context: Arc<Context>) -> Result<Action, Error> {
    context.cache.wait_until_complete().await;
    context.cache.meeting_queue.begin(&key_of(object.meta()));
    let key = object.metadata_key();
    match &object.0 {
        Ok(meeting) => context.reconcile("meeting", &key, None, reconcile_meeting(meeting, &context)).await,
        Err(invalid) => {
            context
                .reconcile("meeting", &key, None, async { Ok(report_unreadable(&object, &invalid.error, &context)) })
                .await
        }
    }
}

/// Requeues a failed reconciliation with backoff.
#[allow(clippy::needless_pass_by_value, reason = "the controller calls it so")]
pub(crate) fn on_error(object: Arc<Guarded<Meeting>>, error: &Error, context: Arc<Context>) -> Action {
    tracing::warn!(error = error as &dyn std::error::Error, reason = error.reason(), "reconciliation failed, retrying");
    context.back_off("meeting", &object.metadata_key())
}

async fn reconcile_meeting(meeting: &Meeting, context: &Context) -> Result<Reconciled, Error> {
    let now = Timestamp::now();
    if meeting.metadata.deletion_timestamp.is_some() {
        return Ok(Reconciled::of(Outcome::Skipped));
    }
    if let Some(expiry) = compute_expiry(meeting).filter(|expiry| *expiry <= now) {
        let note =
            Note::normal(reason::EXPIRED, format!("deleted: its time to live after the end expired at {expiry}"));
        return apply::apply_expiry(context, meeting, &note).await.map(Reconciled::of); // I/O
    }
    let began = Instant::now();
    let (plan, step) = decide(meeting, context, now); // pure but for the caches
    let (result, pause) = match handover::perform(context, meeting, step).await {
        Ok(performed) => write_status(meeting, &plan, performed, context, now).await, // I/O
        Err(unwritten) => (unwritten, None),
    };
    finish(meeting, &plan, &result, context);
    measure(meeting, &plan, &result, context, began, now);
    let again = compute_again(meeting, context, now).into_iter().chain(pause).min();
    let is_waiting = matches!(plan.placement, Placement::Nowhere);
    result.map(|outcome| {
        let outcome = if is_waiting && outcome == Outcome::Skipped { Outcome::Waiting } else { outcome };
        Reconciled { outcome, again }
    })
}

/// Writes the status, or returns how long that has to wait, and lets participants move.
async fn write_status(
    meeting: &Meeting,
    plan: &MeetingPlan,
    performed: Performed,
    context: &Context,
    now: Timestamp,
) -> (Result<Outcome, Error>, Option<Duration>) {
    let occupancy = observe_occupancy(meeting, context, now);
    let status = report::compute_status(meeting, plan, &context.config.public_url, occupancy, now); // pure
    let last_move = performed.record.clone().or(status.last_move);
    let status = moving::settle_lost_pod(meeting.status.as_ref(), MeetingStatus { last_move, ..status });
    if let Some(pause) = compute_debounce(meeting, &status, context) {
        return (Ok(Outcome::Waiting), Some(pause));
    }
    let notes = report::compute_notes(meeting, plan, &status); // pure
    let result = apply::apply_status(context, meeting, &status, &notes).await; // I/O
    performed.finish(context, &result).await; // I/O
    (result, None)
}

/// Participants who are on their way are not gone: another operator would take the meeting for an empty one.
fn observe_occupancy(meeting: &Meeting, context: &Context, now: Timestamp) -> Occupancy {
    let state = context.cache.state();
    let occupancy = state.ledger.occupancy_of(meeting);
    let expected = meeting.metadata.uid.as_deref().map_or(0, |uid| state.moves.expected(uid, now));
    let participants = if occupancy.participants == 0 { expected } else { occupancy.participants };
    Occupancy { participants, ..occupancy }
}

/// When something is due that no event announces.
fn compute_again(meeting: &Meeting, context: &Context, now: Timestamp) -> Option<Duration> {
    let uid = meeting.metadata.uid.as_deref().unwrap_or_default();
    let moves = &context.cache.state().moves;
    let due = compute_next_moment(meeting, now).into_iter().chain(moves.expected_until(uid, now));
    let retry = moves.is_leave_due(uid).then_some(RETRY_LEAVE);
    until(due.min(), now).into_iter().chain(retry).min()
}

fn until(time: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    // Slightly late rather than early: an early reconciliation would have to be repeated.
    let pause = time?.duration_since(now).max(SignedDuration::ZERO);
    Some(Duration::try_from(pause).unwrap_or_default() + Duration::from_millis(20))
}

/// Limits how often a rapidly changing number of participants is written.
fn compute_debounce(meeting: &Meeting, status: &MeetingStatus, context: &Context) -> Option<Duration> {
    let old = meeting.status.as_ref();
    if report::is_same(old, status) || !report::differs_in_participants_only(old, status) {
        return None;
    }
    context.count_writes.pause(meeting.metadata.uid.as_deref().unwrap_or_default())
}

/// Observes, validates and plans while holding the state of the cache, so that no two meetings are assigned the same last place.
fn decide(meeting: &Meeting, context: &Context, now: Timestamp) -> (MeetingPlan, MoveStep) {
    let cache = &context.cache;
    let mut state = cache.state();
    let is_move_over = state.observe_move(meeting, now) == Observed::Over;
    state.release_lost_place(meeting);
    let labels = state.namespace_labels(&meeting.namespace().unwrap_or_default());
    let view = observe::observe_pool(&state, meeting);
    let pool = view.as_ref().map(|view| view.pool.as_ref().map(AsRef::as_ref).map_err(Clone::clone));
    let mut valid = validate::validate_meeting(meeting, pool.as_ref(), &cache.namespace, &labels, &state.ledger, now);
    if let (Ok(valid), Some(uid)) = (&mut valid, &meeting.metadata.uid) {
        valid.participants = valid.participants.max(state.moves.expected(uid, now));
        valid.is_arriving = state.moves.state(uid).is_some_and(MoveState::has_left);
    }
    let plan = match (&valid, &view) {
        (Ok(valid), Some(view)) => match &view.pool {
            Ok(pool) => plan_meeting(valid, &observe::observe_pods(&state, view, pool)),
            Err(why) => plan_refused(why),
        },
        (Err(why), _) => plan_refused(why),
        (Ok(_), None) => unreachable!("a meeting is valid only in a pool"),
    };
    let step = decide_move(meeting, &plan, &state, now);
    note_decision(meeting, &plan, &mut state.ledger, cache);
    drop(state);
    cache.enqueue_unblocked_meetings();
    if is_move_over {
        cache.rooms_changed();
    }
    (plan, step)
}

fn decide_move(meeting: &Meeting, plan: &MeetingPlan, state: &CacheState, now: Timestamp) -> MoveStep {
    let status = meeting.status.as_ref();
    let target = match &plan.placement {
        Placement::Kept(pod) | Placement::New(pod) => Some(pod),
        Placement::Nowhere => None,
    };
    plan_move(&MoveView {
        written: status.and_then(|status| status.last_move.as_ref()),
        state: meeting.metadata.uid.as_deref().and_then(|uid| state.moves.state(uid)),
        home: status.and_then(|status| status.pod.as_ref()),
        target,
        why: plan.left.as_ref().unwrap_or_else(|| plan.ready.reason()),
        participants: status.and_then(|status| status.participants).unwrap_or_default(),
        find: &|uid| state.views.pods().find(|pod| pod.uid == uid).cloned(),
        now,
    })
}

fn note_decision(meeting: &Meeting, plan: &MeetingPlan, ledger: &mut Ledger, cache: &ClusterCache) {
    let Some(uid) = &meeting.metadata.uid else { return };
    if let Placement::New(pod) = &plan.placement {
        ledger.assign(uid, pod);
    }
    ledger.set_over_quota(uid, plan.assigned.reason().code == reason::NAMESPACE_SHARE_USED);
    if ledger.want(uid, plan.wants_pod) {
        cache.enqueue_pool(&meeting.spec.pool);
    }
}

/// Reverts a decision that could not be written. A written one may mean that a room has to move or that the pool needs a spare pod.
fn finish(meeting: &Meeting, plan: &MeetingPlan, result: &Result<Outcome, Error>, context: &Context) {
    let Some(uid) = &meeting.metadata.uid else { return };
    if matches!(plan.placement, Placement::New(_)) && is_refused(result) {
        context.cache.state().ledger.forget(uid);
        context.cache.enqueue_unblocked_meetings();
    }
    if (plan.left.is_some() || plan.ended_at.is_some()) && result.is_ok() {
        context.cache.rooms_changed();
    }
}

fn measure(
    meeting: &Meeting,
    plan: &MeetingPlan,
    result: &Result<Outcome, Error>,
    context: &Context,
    started: Instant,
    now: Timestamp,
) {
    if !result.as_ref().is_ok_and(|outcome| *outcome == Outcome::Applied) {
        return;
    }
    if matches!(plan.placement, Placement::New(_)) {
        context.metrics.assignment_seconds.observe(started.elapsed().as_secs_f64());
    }
    let is_first = meeting.status.as_ref().is_none_or(|status| status.pod.is_none());
    if is_first && report::becomes_ready(meeting, plan) {
        let created = meeting.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        let wanted_since = meeting.spec.starts_at.as_ref().map_or(created, |time| time.0.max(created));
        context.metrics.ready_seconds.observe(now.duration_since(wanted_since).as_secs_f64().max(0.0));
    }
}

/// An object that cannot be parsed gets an event, because there is no status to write to.
fn report_unreadable(object: &Guarded<Meeting>, error: &str, context: &Context) -> Reconciled {
    let note =
        Note::warning(reason::UNREADABLE, format!("could not parse this meeting, leaving it unchanged: {error}"));
    let mut reference = object.object_ref(&());
    reference.api_version = Some(Meeting::api_version(&()).into_owned());
    context.events.publish(&reference, "Read", &[note]);
    Reconciled::of(Outcome::Waiting)
}

trait MetadataKey {
    fn metadata_key(&self) -> String;
}

impl<K: Resource> MetadataKey for K {
    fn metadata_key(&self) -> String {
        let meta = self.meta();
        format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }
}

//! The meeting controller: assigns each Meeting a media pod and reports its state.
//!
//! It never creates a pod, and talks to pods only to move a meeting with its participants. A meeting needs no finalizer: when it is gone, the
//! room reconciler ends its room.

pub(crate) mod apply;
mod decide;
pub(crate) mod error;
pub(crate) mod handover;
pub(crate) mod moving;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod report;
pub(crate) mod spread;
pub(crate) mod validate;

use std::{sync::Arc, time::Duration};

use convene_crds::{Meeting, MeetingStatus};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource, ResourceExt, runtime::controller::Action};
use tokio::time::Instant;
use tracing::instrument;

use self::{
    apply::is_refused,
    decide::{Decision, decide},
    error::Error,
    handover::Performed,
    plan::{MeetingPlan, Placement},
    spread::{LOST, SPARE},
    validate::{compute_expiry, compute_next_moment},
};
use crate::{
    cluster::{cache::Guarded, events::Note},
    context::{Context, Outcome, Reconciled},
    model::{
        backoff::compute_spread,
        ledger::{Occupancy, key_of},
    },
    pods::backups::BackupKeeper,
};
use convene_crds::reason;

/// Pause before a pod is asked again to let the clients of a room move.
const RETRY_LEAVE: Duration = Duration::from_secs(1);
/// Shortest pause of a meeting whose media pods have enough requests to respond to, and the most by which it is longer.
const RETRY_SLOT: Duration = Duration::from_millis(100);

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
    // Pure but for the caches.
    let Some(Decision { plan, step, slot }) = decide(meeting, context, now) else {
        return Ok(Reconciled { outcome: Outcome::Waiting, again: Some(compute_slot_pause(meeting)) });
    };
    let (result, pause) = match handover::perform(context, meeting, step).await {
        Ok(performed) => {
            settle_backup(meeting, &plan, &performed, context).await; // I/O
            write_status(meeting, &plan, performed, context, now).await // I/O
        }
        Err(unwritten) => (unwritten, None),
    };
    drop(slot);
    finish(meeting, &plan, &result, context);
    measure(meeting, &plan, &result, context, began, now);
    let again = compute_again(meeting, context, now).into_iter().chain(pause).min();
    let is_waiting = matches!(plan.placement, Placement::Nowhere);
    result.map(|outcome| {
        let outcome = if is_waiting && outcome == Outcome::Skipped { Outcome::Waiting } else { outcome };
        Reconciled { outcome, again }
    })
}

/// Not the same for all: meetings that wait for the same pod would come back at the same moment each time.
fn compute_slot_pause(meeting: &Meeting) -> Duration {
    RETRY_SLOT + compute_spread(meeting.metadata.uid.as_deref().unwrap_or_default(), RETRY_SLOT)
}

/// A room on another pod that gets no state from the old one gets that of the backup, which ends with the meeting.
async fn settle_backup(meeting: &Meeting, plan: &MeetingPlan, performed: &Performed, context: &Context) {
    let keeper = BackupKeeper { cache: &context.cache, link: &context.link, metrics: &context.metrics };
    match &plan.placement {
        _ if plan.ended_at.is_some() => keeper.end(meeting).await,
        Placement::New(pod) if !performed.has_handover() => keeper.prepare(meeting, &pod.uid).await,
        Placement::New(_) | Placement::Kept(_) | Placement::Nowhere => {}
    }
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
    let uid = meeting.metadata.uid.as_deref().unwrap_or_default();
    let backup = context.cache.state().backups.may_exist(uid, status.backup);
    let status = MeetingStatus { backup, ..status };
    let last_move = performed.record.clone().or(status.last_move);
    let before = handover::with_newest_move(context, meeting);
    let status = moving::settle_lost_pod(before.status.as_ref(), MeetingStatus { last_move, ..status });
    if let Some(pause) = compute_debounce(meeting, &status, context) {
        return (Ok(Outcome::Waiting), Some(pause));
    }
    let notes = report::compute_notes(&before, plan, &status); // pure
    let result = apply::apply_status(context, meeting, &status, &notes).await; // I/O
    handover::note_record(context, meeting, &status, &result);
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
    let state = context.cache.state();
    let moves = &state.moves;
    let sites = state.ledger.next_step_of_sites(uid, SPARE, LOST, now);
    let due = compute_next_moment(meeting, now).into_iter().chain(moves.expected_until(uid, now)).chain(sites);
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

/// Reverts a decision that could not be written. A written one may mean that a room has to move or that the pool needs a spare pod.
fn finish(meeting: &Meeting, plan: &MeetingPlan, result: &Result<Outcome, Error>, context: &Context) {
    let Some(uid) = &meeting.metadata.uid else { return };
    if matches!(plan.placement, Placement::New(_)) && is_refused(result) {
        context.cache.state().ledger.forget(uid);
        context.cache.enqueue_unblocked_meetings();
    }
    if is_refused(result) {
        context.cache.state().ledger.forget_sites(uid);
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

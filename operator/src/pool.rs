//! The pool controller: creates, announces, replaces and deletes the media pods of each `MediaPool`, and drains a pool that is deleted.
//!
//! A reconciliation has five steps: `observe` the pods, validate the spec (`model::valid_pool`), `plan`, `apply`, `report`. Only the first and
//! the fourth do I/O. Pools are reconciled one at a time (see `run`), because they may share a range of ports.

pub(crate) mod applied;
pub(crate) mod apply;
pub(crate) mod budget;
pub(crate) mod build;
pub(crate) mod error;
pub(crate) mod expose;
pub(crate) mod finalizer;
pub(crate) mod observe;
pub(crate) mod plan;
mod refusal;
pub(crate) mod remove;
pub(crate) mod report;

use std::{sync::Arc, time::Duration};

use convene_crds::{MediaPool, MediaPoolStatus, PodCounts, PortCounts};
use jiff::Timestamp;
use kube::{Resource, ResourceExt, runtime::controller::Action};
use tracing::instrument;

use self::{
    applied::Applied,
    error::Error,
    plan::{ObservedPods, PoolPlan, plan_pool, withhold_pods},
    report::PoolConditions,
};
use crate::{
    cluster::{cache::Guarded, events::Note},
    context::{Context, Outcome, Reconciled},
    model::{
        backoff::compute_resync,
        drain_pace::compute_rate,
        media_pod::MediaPod,
        reason::Reason,
        valid_pool::{ValidPool, validate_pool},
    },
};
use convene_crds::reason;

/// Pause before it is checked again whether a meeting can leave an overfull pod: that a meeting has rested long enough is no event.
const RETRY_RELIEF: Duration = Duration::from_secs(10);

/// Reconciles one pool.
#[instrument(name = "pool", skip_all, fields(kind = "MediaPool", namespace = object.namespace(), name = object.name_any()))]
pub(crate) async fn reconcile(object: Arc<Guarded<MediaPool>>, context: Arc<Context>) -> Result<Action, Error> {
    context.cache.wait_until_complete().await;
    let name = object.name_any();
    let resync = Some(compute_resync(rand::random()));
    match &object.0 {
        _ if object.meta().deletion_timestamp.is_some() => {
            context.reconcile("pool", &name, resync, remove::reconcile_removal(&object, &context)).await
        }
        Ok(pool) => context.reconcile("pool", &name, resync, reconcile_pool(pool, &context)).await,
        Err(invalid) => {
            context.reconcile("pool", &name, resync, reconcile_unreadable(&object, &invalid.error, &context)).await
        }
    }
}

/// Requeues a failed reconciliation with backoff.
#[allow(clippy::needless_pass_by_value, reason = "the controller calls it so")]
pub(crate) fn on_error(object: Arc<Guarded<MediaPool>>, error: &Error, context: Arc<Context>) -> Action {
    tracing::warn!(error = error as &dyn std::error::Error, reason = error.reason(), "reconciliation failed, retrying");
    context.back_off("pool", &object.name_any())
}

async fn reconcile_pool(object: &MediaPool, context: &Context) -> Result<Reconciled, Error> {
    context.recalled.call_once(|| observe::recall_blocks(context));
    // Before any pod: a pod created without the finalizer would be deleted immediately together with its pool.
    let lack = match finalizer::ensure_finalizer(context, &object.metadata).await {
        Ok(true) => None,
        Ok(false) => return Ok(Reconciled { outcome: Outcome::Waiting, again: Some(Duration::from_secs(1)) }),
        Err(error) => Some(error),
    };
    let (result, failure) = match validate_pool(object, &context.config.defaults) {
        Ok(pool) => reconcile_valid(object, &pool, lack.as_ref(), context).await?,
        Err(why) => (report_refusal(object, &why, context).await?, None),
    };
    lack.or(failure).map_or(Ok(result), Err)
}

/// The steps for a valid pool; returns the first failure of the plan along with the result. `lack` is the reason why the pool lacks our
/// finalizer.
async fn reconcile_valid(
    object: &MediaPool,
    pool: &ValidPool,
    lack: Option<&Error>,
    context: &Context,
) -> Result<(Reconciled, Option<Error>), Error> {
    let pods = observe::observe_pods(context).await?; // I/O
    let (observed, plan) = decide(context, pool, &pods, lack); // pure but for the caches
    let Some((done, failure)) = execute(object, pool, &observed, &plan, context).await? else {
        return Ok((Reconciled::of(Outcome::Skipped), None));
    };
    let values = report::compute_values(pool, &observed, &done); // pure
    let blocks = report::compute_blocks(pool, &observed, done.given(), &context.quarantine());
    let status = report::compute_status(object, Some((pool, &observed)), &values, blocks, observed.now); // pure
    let notes = report::compute_notes(object, Some(&done), &values); // pure
    measure(context, pool, &observed, &status);
    let pause = if notes.is_empty() { compute_debounce(object, &status, context) } else { None };
    let outcome = match pause {
        Some(_) => Outcome::Waiting,
        None => apply::apply_status(context, object, &status, &notes).await?, // I/O
    };
    let result = compute_reconciled(context, outcome, &values, &plan, &observed);
    Ok((Reconciled { again: result.again.into_iter().chain(pause).min(), ..result }, failure))
}

/// Records the blocks of new pods, executes the plan, and moves participants off draining pods. `None`: the pool is gone.
async fn execute(
    object: &MediaPool,
    pool: &ValidPool,
    observed: &ObservedPods,
    plan: &PoolPlan,
    context: &Context,
) -> Result<Option<(Applied, Option<Error>)>, Error> {
    let is_recorded = record_blocks(object, context, observed, plan).await;
    if !matches!(is_recorded, Ok(true)) {
        unmark(context, plan, &Applied::default());
        return is_recorded.map(|_| None);
    }
    let (done, failure) = apply::apply_plan(context, pool, plan.clone()).await;
    // Includes pods whose creation was not confirmed: even if such a pod is gone by the next list, its block may have been in use.
    context.quarantine().reserve(done.given());
    unmark(context, plan, &done);
    move_participants(context, pool, plan);
    Ok(Some((done, failure)))
}

/// Limits how often a rapidly changing number of meetings is written.
fn compute_debounce(object: &MediaPool, status: &MediaPoolStatus, context: &Context) -> Option<Duration> {
    let old = object.status.as_ref()?;
    let differs_in_meetings_only = old.meetings != status.meetings
        && report::is_same(Some(old), &MediaPoolStatus { meetings: old.meetings, ..status.clone() });
    if !differs_in_meetings_only {
        return None;
    }
    context.count_writes.pause(object.metadata.uid.as_deref().unwrap_or_default())
}

/// Observes and plans while holding the state of the cache, so that no meeting is assigned to a pod that is about to be deleted. `lack` is
/// the reason why the pool lacks our finalizer.
fn decide(
    context: &Context,
    pool: &ValidPool,
    pods: &[Arc<MediaPod>],
    lack: Option<&Error>,
) -> (ObservedPods, PoolPlan) {
    let mut state = context.cache.state();
    let observed = observe::observe_pool(context, pool, pods, &state, Timestamp::now());
    let plan = plan_pool(pool, &observed);
    let plan = match lack {
        Some(error) => withhold_pods(plan, finalizer::explain_missing(error)),
        None => plan,
    };
    for deletion in &plan.delete {
        state.ledger.mark_for_deletion(&deletion.uid);
    }
    (observed, plan)
}

/// Records the blocks of new pods before these are created: if this process ends in between, the next one knows that the blocks may have
/// been in use. `false`: the pool is gone, so no pod may be created for it.
async fn record_blocks(
    object: &MediaPool,
    context: &Context,
    observed: &ObservedPods,
    plan: &PoolPlan,
) -> Result<bool, Error> {
    if plan.create.is_empty() {
        return Ok(true);
    }
    let blocks = report::compute_blocks_of(observed, plan.create.iter().map(|pod| pod.block), &context.quarantine());
    let status = MediaPoolStatus { blocks, ..object.status.clone().unwrap_or_default() };
    if Some(&status) == object.status.as_ref() {
        return Ok(true);
    }
    let written = apply::write_status(context, object, &status).await;
    context.metrics.count_step("record", &written);
    written
}

fn unmark(context: &Context, plan: &PoolPlan, applied: &Applied) {
    let ledger = &mut context.cache.state().ledger;
    for deletion in plan.delete.iter().filter(|deletion| !applied.deleted.contains(deletion)) {
        ledger.unmark(&deletion.uid);
    }
}

/// Sets the pace at which participants leave their pods, and enqueues every meeting that may have to move: those that have a place move as the
/// pace allows.
fn move_participants(context: &Context, pool: &ValidPool, plan: &PoolPlan) {
    let cache = &context.cache;
    if plan.move_off.is_empty() && plan.drain.is_empty() && plan.relieve.is_empty() {
        return;
    }
    let mut state = cache.state();
    let left = plan.move_off.iter().map(|pod| state.ledger.load_of(pod).participants).sum();
    let rate = compute_rate(pool.drain.pace, left, pool.drain.deadline_seconds);
    state.pace.set_rate(&pool.name, rate);
    let now = Timestamp::now();
    let reliefs: Vec<_> = plan.relieve.iter().filter_map(|pod| state.find_relief(pool, pod, now)).collect();
    drop(state);
    for relief in &reliefs {
        cache.enqueue_meeting(&relief.key);
    }
    let begun = plan.drain.iter().map(|change| &change.uid).chain(&plan.move_off);
    for pod in begun {
        cache.enqueue_meetings_on(pod);
    }
}

fn compute_reconciled(
    context: &Context,
    outcome: Outcome,
    values: &PoolConditions,
    plan: &PoolPlan,
    observed: &ObservedPods,
) -> Reconciled {
    let is_settled = values.ready.is_true() && values.available.is_true();
    let until = |time: Timestamp| Duration::try_from(time.duration_since(observed.now)).unwrap_or_default();
    let deadline = plan.again.map(until);
    let waiting = (!is_settled).then_some(context.intervals.waiting);
    let rest = context.quarantine().next_release().map(until);
    let moving = (!plan.move_off.is_empty()).then_some(Duration::from_secs(1));
    let relieving = (!plan.relieve.is_empty()).then_some(RETRY_RELIEF);
    let next = [deadline, waiting, moving, relieving, rest].into_iter().flatten().min();
    let next = next.map(|pause| pause.max(Duration::from_millis(100)));
    Reconciled { outcome: if is_settled { outcome } else { Outcome::Waiting }, again: next }
}

fn measure(context: &Context, pool: &ValidPool, observed: &ObservedPods, status: &MediaPoolStatus) {
    let PodCounts { ready, starting, warm, draining, outdated, total } = status.pods;
    let pods =
        [("ready", ready), ("starting", starting), ("warm", warm), ("draining", draining), ("outdated", outdated)];
    for (state, count) in pods.into_iter().chain([("total", total)]) {
        context.metrics.media_pods.with_label_values(&[&pool.name, state]).set(i64::from(count));
    }
    let PortCounts { total: _, used, resting, free } = status.ports;
    for (use_, count) in [("used", used), ("resting", resting), ("free", free)] {
        context.metrics.ports.with_label_values(&[&pool.name, use_]).set(i64::from(count));
    }
    context.metrics.meetings.set(i64::try_from(context.cache.state().ledger.len()).unwrap_or(i64::MAX));
    tracing::debug!(pods = observed.pods.len(), "reconciled pool");
}

async fn report_refusal(object: &MediaPool, why: &Reason, context: &Context) -> Result<Reconciled, Error> {
    let values = report::compute_refusal(why);
    // The recorded blocks stay: the pool's pods may still exist.
    let blocks = object.status.as_ref().map(|status| status.blocks.clone()).unwrap_or_default();
    let status = report::compute_status(object, None, &values, blocks, Timestamp::now());
    let notes = report::compute_notes(object, None, &values);
    apply::apply_status(context, object, &status, &notes).await?;
    Ok(Reconciled::of(Outcome::Waiting))
}

/// It gets the finalizer like any other pool, because its pods may have participants.
async fn reconcile_unreadable(
    object: &Guarded<MediaPool>,
    error: &str,
    context: &Context,
) -> Result<Reconciled, Error> {
    let held = finalizer::ensure_finalizer(context, object.meta()).await; // I/O
    let result = report_unreadable(object, error, context);
    held.map(|is_held| Reconciled { again: (!is_held).then_some(Duration::from_secs(1)), ..result })
}

/// An object that cannot be parsed gets an event, because there is no status to write to.
fn report_unreadable(object: &Guarded<MediaPool>, error: &str, context: &Context) -> Reconciled {
    let note =
        Note::warning(reason::UNREADABLE, format!("could not parse this pool, leaving its pods unchanged: {error}"));
    context.events.publish(&object.object_ref(&()), "Read", &[note]);
    Reconciled::of(Outcome::Waiting)
}

#[cfg(test)]
mod tests;

//! The pool controller: makes, announces, replaces and deletes the media pods of each `MediaPool`.
//!
//! Passes over pools run one after the other (see `run`), because pools may share a range of ports.

pub mod apply;
pub mod build;
pub mod explain;
pub mod observe;
pub mod plan;
pub mod report;
pub mod rooms;
pub mod validate;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use convene_crds::MediaPool;
use jiff::Timestamp;
use kube::{Resource, ResourceExt, runtime::controller::Action};
use thiserror::Error;
use tracing::instrument;

use self::{
    plan::{ObservedPods, PoolPlan, plan_pool},
    report::PoolVerdicts,
    validate::{ValidPool, validate_pool},
};
use crate::{
    context::{Context, Outcome},
    events::{self, Note},
    media_pod::{MediaPod, Wait},
    reason,
    world::Guarded,
};

/// How soon a pool that lacks something is looked at again, if no watch speaks before.
const WAITING_PAUSE: Duration = Duration::from_secs(10);

/// What can go wrong while a pool is looked at.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("could not list the media pods")]
    ListPods { source: Box<kube::Error> },
    #[error("could not read node {name:?}")]
    ReadNode { name: String, source: Box<kube::Error> },
    #[error("could not create media pod {name:?}")]
    CreatePod { name: String, source: Box<kube::Error> },
    #[error("could not delete media pod {name:?}")]
    DeletePod { name: String, source: Box<kube::Error> },
    #[error("could not announce addresses to media pod {name:?}")]
    Announce { name: String, source: Box<kube::Error> },
    #[error("could not write the status of pool {name:?}")]
    WriteStatus { name: String, source: Box<kube::Error> },
}

impl Error {
    /// Constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ListPods { .. } => "PodsNotListed",
            Self::ReadNode { .. } => "NodeNotRead",
            Self::CreatePod { .. } => "PodNotCreated",
            Self::DeletePod { .. } => "PodNotDeleted",
            Self::Announce { .. } => "AddressNotAnnounced",
            Self::WriteStatus { .. } => "StatusNotWritten",
        }
    }
}

/// One look at one pool.
#[instrument(name = "pool", skip_all, fields(namespace = object.namespace(), name = object.name_any()))]
pub async fn reconcile(object: Arc<Guarded<MediaPool>>, context: Arc<Context>) -> Result<Action, Error> {
    context.world.wait_until_complete().await;
    let name = object.name_any();
    match &object.0 {
        // A pool on its way out makes no pods; those it has go with it.
        Ok(pool) if pool.metadata.deletion_timestamp.is_some() => Ok(Action::await_change()),
        Ok(pool) => context.pass("pool", &name, look_at(pool, &context)).await,
        Err(invalid) => context.pass("pool", &name, report_unreadable(&object, &invalid.error, &context)).await,
    }
}

/// After a failure: later, with growing pauses.
#[allow(clippy::needless_pass_by_value, reason = "the controller calls it so")]
pub fn on_error(object: Arc<Guarded<MediaPool>>, error: &Error, context: Arc<Context>) -> Action {
    tracing::warn!(error = error as &dyn std::error::Error, reason = error.reason(), "will try again");
    context.pause("pool", &object.name_any())
}

async fn look_at(object: &MediaPool, context: &Context) -> Result<Outcome, Error> {
    let pool = match validate_pool(object, &context.config.defaults) {
        Ok(pool) => pool,
        Err(why) => return report_refusal(object, &why, context).await,
    };
    let pods = observe::observe_pods(context).await?; // I/O
    let addresses = observe::observe_nodes(context, &pool, &pods).await?; // I/O
    let (observed, plan) = decide(context, &pool, &pods, addresses); // pure but for the caches
    let (done, failure) = apply::apply_plan(context, &pool, plan.clone()).await; // I/O
    pardon(context, &plan, &done);
    let verdicts = report::compute_verdicts(&pool, &observed, &done); // pure
    let status = report::compute_status(object, Some((&pool, &observed)), &verdicts, Timestamp::now()); // pure
    let notes = report::compute_notes(object, Some(&done), &verdicts); // pure
    let outcome = apply::apply_status(context, object, &status, &notes).await?; // I/O
    failure.map_or_else(|| Ok(compute_outcome(outcome, &verdicts)), Err)
}

/// Observes and plans while holding the ledger, so that no meeting is bound to a pod that is about to be deleted.
fn decide(
    context: &Context,
    pool: &ValidPool,
    pods: &[MediaPod],
    node_addresses: BTreeMap<String, Vec<String>>,
) -> (ObservedPods, PoolPlan) {
    let mut ledger = context.world.ledger();
    ledger.retain_pods(|uid| pods.iter().any(|pod| pod.uid == uid));
    let observed = observe::observe_pool(context, pool, pods, node_addresses, &ledger, Timestamp::now());
    let plan = plan_pool(pool, &observed);
    for deletion in &plan.delete {
        ledger.condemn(&deletion.uid);
    }
    (observed, plan)
}

fn pardon(context: &Context, plan: &PoolPlan, applied: &apply::Applied) {
    let mut ledger = context.world.ledger();
    for deletion in plan.delete.iter().filter(|deletion| !applied.deleted.contains(deletion)) {
        ledger.pardon(&deletion.uid);
    }
}

fn compute_outcome(outcome: Outcome, verdicts: &PoolVerdicts) -> Outcome {
    let is_settled = verdicts.ready.is_true() && verdicts.available.is_true();
    if is_settled { outcome } else { Outcome::Waiting(Some(WAITING_PAUSE)) }
}

async fn report_refusal(object: &MediaPool, why: &Wait, context: &Context) -> Result<Outcome, Error> {
    let verdicts = report::compute_refusal(why);
    let status = report::compute_status(object, None, &verdicts, Timestamp::now());
    let notes = report::compute_notes(object, None, &verdicts);
    apply::apply_status(context, object, &status, &notes).await?;
    Ok(Outcome::Waiting(None))
}

/// An object that cannot be read gets an event: there is nothing of it that a status could be written to.
async fn report_unreadable(object: &Guarded<MediaPool>, error: &str, context: &Context) -> Result<Outcome, Error> {
    let note =
        Note::warning(reason::UNREADABLE, format!("this pool cannot be read; its pods stay as they are: {error}"));
    events::publish(&context.recorder, &object.object_ref(&()), "Read", &[note]).await;
    Ok(Outcome::Waiting(None))
}

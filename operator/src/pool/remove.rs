//! Reconciles a pool that is being deleted: its pods are deleted when they are empty or the deadline has passed, and then the finalizer is
//! removed.
//!
//! A pool that is invalid or cannot be parsed is removed in the same way. Nothing is created here.

use std::{sync::Arc, time::Duration};

use convene_crds::{Drain, MediaPool};
use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::{
    applied::Applied,
    apply,
    error::Error,
    finalizer::{has_finalizer, write_finalizers},
    observe,
    plan::{ObservedPods, RemovalPlan, explain_removal, plan_removal},
    report,
};
use crate::{
    cluster::{cache::Guarded, events::Note},
    context::{Context, Outcome, Reconciled},
    model::{
        media_pod::MediaPod,
        removal::Removal,
        valid_pool::{ValidPool, validate_pool},
    },
};
use convene_crds::reason;

/// Reconciles a pool with a deletion timestamp.
pub(crate) async fn reconcile_removal(object: &Guarded<MediaPool>, context: &Context) -> Result<Reconciled, Error> {
    let Some(removal) = compute_removal(object) else { return Ok(Reconciled::of(Outcome::Skipped)) };
    context.recalled.call_once(|| observe::recall_blocks(context));
    let valid = object.0.as_ref().ok().and_then(|pool| validate_pool(pool, &context.config.defaults).ok());
    let pods = observe::observe_pods(context).await?; // I/O
    let (observed, plan) = decide(context, object, valid.as_ref(), &removal, &pods); // pure but for the caches
    if plan.is_done {
        return let_go(object, context).await; // I/O
    }
    let namespace = object.namespace().unwrap_or_default();
    let (done, failure) = apply::apply_removal(context, &namespace, plan.clone()).await; // I/O
    unmark(context, &plan, &done);
    let written = report_progress(object, valid.as_ref(), &observed, &removal, &plan, &done, context).await; // I/O
    if let Some(error) = failure {
        return Err(error);
    }
    written?;
    Ok(Reconciled { outcome: Outcome::Waiting, again: compute_again(&plan, observed.now) })
}

/// Of an object that cannot be parsed only the time of deletion is known.
fn compute_removal(object: &Guarded<MediaPool>) -> Option<Removal> {
    let since = object.meta().deletion_timestamp.as_ref()?.0;
    let drain = object.0.as_ref().map_or_else(|_| Drain::default(), |pool| pool.spec.drain);
    Some(Removal::new(since, drain.deadline_seconds))
}

/// Observes and plans while holding the state of the cache, so that no meeting is assigned to a pod that is about to be deleted.
fn decide(
    context: &Context,
    object: &Guarded<MediaPool>,
    valid: Option<&ValidPool>,
    removal: &Removal,
    pods: &[Arc<MediaPod>],
) -> (ObservedPods, RemovalPlan) {
    let name = object.name_any();
    let mut state = context.cache.state();
    let now = Timestamp::now();
    let observed = match valid {
        Some(pool) => observe::observe_pool(context, pool, pods, &state, now),
        None => observe::observe_participants(&name, pods, &state.ledger, now),
    };
    let plan = plan_removal(removal, &observed, state.ledger.count_placed(&name));
    for deletion in &plan.delete {
        state.ledger.mark_for_deletion(&deletion.uid);
    }
    (observed, plan)
}

fn unmark(context: &Context, plan: &RemovalPlan, done: &Applied) {
    let ledger = &mut context.cache.state().ledger;
    for deletion in plan.delete.iter().filter(|deletion| !done.deleted.contains(deletion)) {
        ledger.unmark(&deletion.uid);
    }
}

/// A pool that can be parsed gets a status; others get events only.
async fn report_progress(
    object: &Guarded<MediaPool>,
    valid: Option<&ValidPool>,
    observed: &ObservedPods,
    removal: &Removal,
    plan: &RemovalPlan,
    done: &Applied,
    context: &Context,
) -> Result<(), Error> {
    let Ok(pool) = &object.0 else {
        context.events.publish(&object.object_ref(&()), "Delete", &report::compute_pod_notes(done));
        return Ok(());
    };
    let values = report::compute_refusal(&explain_removal(removal, &plan.left));
    let blocks = pool.status.as_ref().map(|status| status.blocks.clone()).unwrap_or_default();
    let counted = valid.map(|valid| (valid, observed));
    let status = report::compute_status(pool, counted, &values, blocks, observed.now);
    let notes = report::compute_notes(pool, Some(done), &values);
    apply::apply_status(context, pool, &status, &notes).await.map(|_| ())
}

/// Removes the finalizer. Finalizers of others keep the pool.
async fn let_go(object: &Guarded<MediaPool>, context: &Context) -> Result<Reconciled, Error> {
    if !has_finalizer(object.meta()) {
        return Ok(Reconciled::of(Outcome::Skipped));
    }
    if !write_finalizers(context, object.meta(), false).await? {
        return Ok(Reconciled { outcome: Outcome::Waiting, again: Some(Duration::from_secs(1)) });
    }
    let name = object.name_any();
    context.metrics.forget_pool(&name);
    let note = Note::normal(reason::DRAINED, format!("MediaPool {name:?} has no media pods left and is being removed"));
    context.events.publish(&object.object_ref(&()), "Delete", &[note]);
    tracing::info!("drained pool for deletion");
    Ok(Reconciled::of(Outcome::Applied))
}

fn compute_again(plan: &RemovalPlan, now: Timestamp) -> Option<Duration> {
    let due = plan.again.map(|time| Duration::try_from(time.duration_since(now)).unwrap_or_default());
    // A participant may have joined the pod at the last moment, or no watch will report its deletion.
    let soon = (!plan.delete.is_empty()).then_some(Duration::from_secs(2));
    due.into_iter().chain(soon).min().map(|pause| pause.max(Duration::from_millis(100)))
}

#[cfg(test)]
mod tests {
    use convene_crds::names::FINALIZER_DRAIN;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::core::DeserializeGuard;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{ScriptedServer, context};

    const POOL: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/harbor/mediapools/lagoon";

    /// A pool that cannot be parsed, because its spec is of another version.
    fn unreadable(finalizers: &[&str]) -> Guarded<MediaPool> {
        let object = json!({
            "apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool",
            "metadata": {"name": "lagoon", "namespace": "harbor", "uid": "pool-uid", "finalizers": finalizers,
                "deletionTimestamp": Time(Timestamp::now())},
            "spec": {"rtcPorts": "all"},
        });
        let object: DeserializeGuard<MediaPool> = serde_json::from_value(object).unwrap();
        assert!(object.0.is_err());
        object
    }

    #[tokio::test]
    async fn a_pool_that_cannot_be_read_goes_too() {
        let answer =
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "lagoon"}});
        let cases: [(&[&str], _, _); 3] = [
            (&[FINALIZER_DRAIN], vec![(POOL, 200, answer)], Outcome::Applied),
            (&[FINALIZER_DRAIN], vec![(POOL, 409, crate::fixtures::status(409, "Conflict", ""))], Outcome::Waiting),
            (&["crew.test/log"], vec![], Outcome::Skipped),
        ];
        for (finalizers, script, outcome) in cases {
            let (server, client) = ScriptedServer::start(script);
            let result = reconcile_removal(&unreadable(finalizers), &context(&client)).await.unwrap();
            assert_eq!(result.outcome, outcome, "{finalizers:?}");
            server.assert_finished();
        }
    }
}

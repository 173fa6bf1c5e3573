//! Fourth step for a `MediaPool`: executes the plan, writes the status, publishes the events. It decides nothing.

use convene_crds::{
    MediaPool, MediaPoolStatus,
    names::{LABEL_POD, LABEL_POOL},
};
use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use self::pods::PodExecutor;
use super::{
    applied::Applied,
    budget::{build_budget, name_of},
    build::build_pod,
    error::Error,
    expose::build_service,
    plan::{LabelRepair, NewPod, PoolPlan},
    report::is_same,
};
use crate::{
    cluster::events::Note,
    context::{Context, Outcome},
    model::{
        media_pod::{MediaPod, shorten},
        reason::Reason,
        valid_pool::ValidPool,
    },
};
use convene_crds::reason;

/// Field manager of the status, for server-side apply.
pub(crate) const FIELD_MANAGER: &str = "convene-operator/pool";

mod pods;
mod removal;

pub(crate) use removal::apply_removal;

/// Executes `plan`. Pods get their addresses first, because participants may be waiting for them. One failure does not stop the other
/// steps; the first one is returned along with what was done, so that the status is still written. The blocks of new pods have been
/// recorded before.
pub(crate) async fn apply_plan(context: &Context, pool: &ValidPool, plan: PoolPlan) -> (Applied, Option<Error>) {
    // Moving participants and requeueing are left to the caller.
    let PoolPlan {
        write_budget,
        protect,
        repair,
        open,
        announce,
        drain,
        move_off: _,
        create,
        delete,
        trouble,
        again: _,
    } = plan;
    let executor = PoolExecutor { pods: PodExecutor::new(context, &pool.namespace), context, pool };
    let mut applied = Applied { trouble, ..Applied::default() };
    let mut failures = Vec::new();
    for announcement in announce {
        failures.extend(executor.pods.counted("announce", executor.pods.announce(announcement).await).err());
    }
    for change in drain {
        match executor.pods.counted("drain", executor.pods.drain(&change).await) {
            Ok(()) => applied.drained.push(change),
            Err(error) => failures.push(error),
        }
    }
    if write_budget {
        failures.extend(executor.pods.counted("budget", executor.write_budget().await).err());
    }
    for protection in protect {
        failures.extend(executor.pods.counted("protect", executor.pods.protect(&protection).await).err());
    }
    for repair in repair {
        match executor.pods.counted("repair", executor.repair_labels(&repair).await) {
            Ok(()) => applied.repaired.push(repair),
            Err(error) => failures.push(error),
        }
    }
    for deletion in delete {
        match executor.pods.counted("delete", executor.pods.delete(&deletion).await) {
            Ok(true) => applied.deleted.push(deletion),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    for pod in open {
        match executor.pods.counted("open", executor.open(&pod).await) {
            Ok(refusal) => applied.refused = refusal.or(applied.refused),
            Err(error) => failures.push(error),
        }
    }
    for pod in create {
        match executor.pods.counted("create", executor.create(&pod).await) {
            Ok(None) => applied.created.push(pod),
            Ok(Some(refusal)) => applied.refused = Some(refusal),
            Err(error) => {
                if may_have_been_done(&error) {
                    applied.uncertain.push(pod);
                }
                failures.push(error);
            }
        }
    }
    (applied, failures.into_iter().next())
}

/// Creates further objects of a pool.
struct PoolExecutor<'a> {
    context: &'a Context,
    pool: &'a ValidPool,
    pods: PodExecutor<'a>,
}

impl PoolExecutor<'_> {
    async fn repair_labels(&self, repair: &LabelRepair) -> Result<(), Error> {
        let LabelRepair { name, uid } = repair;
        let labels = json!({(LABEL_POOL): self.pool.name, (LABEL_POD): name});
        let patched = self.pods.patch(name, &json!({"uid": uid, "labels": labels})).await;
        patched.map(|_| ()).map_err(|source| Error::RepairLabels { name: name.clone(), source: Box::new(source) })
    }

    async fn write_budget(&self) -> Result<(), Error> {
        let name = name_of(&self.pool.name);
        let api: Api<PodDisruptionBudget> = Api::namespaced(self.context.cache.client.clone(), &self.pool.namespace);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        match api.patch(&name, &parameters, &Patch::Apply(&build_budget(self.pool))).await {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::WriteBudget { name, source: Box::new(source) }),
        }
    }

    async fn open(&self, pod: &MediaPod) -> Result<Option<Reason>, Error> {
        let Some(service) = build_service(self.pool, pod) else { return Ok(None) };
        let api: Api<Service> = Api::namespaced(self.context.cache.client.clone(), &self.pool.namespace);
        match api.create(&PostParams::default(), &service).await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(None),
            Err(kube::Error::Api(answer)) if is_final(answer.code) => Ok(Some(Reason::new(
                reason::SERVICE_REFUSED,
                format!("the API server rejected Service {:?}: {}", pod.name, shorten(&answer.message, 500)),
            ))),
            Err(source) => Err(Error::CreateService { name: pod.name.clone(), source: Box::new(source) }),
        }
    }

    /// `Some` is a permanent rejection that a retry would not change: a quota, an admission policy, an invalid field.
    async fn create(&self, pod: &NewPod) -> Result<Option<Reason>, Error> {
        match self.pods.api.create(&PostParams::default(), &build_pod(self.pool, pod)).await {
            Ok(made) => {
                self.context.cache.expect_pod(&made.uid().unwrap_or_default());
                tracing::info!(pod = pod.name, ports = %pod.block, "created media pod");
                Ok(None)
            }
            Err(kube::Error::Api(answer)) if is_final(answer.code) => {
                Ok(Some(compute_refusal(&pod.name, &answer.message)))
            }
            Err(source) => {
                self.context.cache.invalidate_pods();
                Err(Error::CreatePod { name: pod.name.clone(), source: Box::new(source) })
            }
        }
    }
}

/// Whether a pod may exist although its creation failed.
fn may_have_been_done(error: &Error) -> bool {
    let Error::CreatePod { source, .. } = error else { return false };
    !matches!(source.as_ref(), kube::Error::Api(answer) if (400..500).contains(&answer.code))
}

const fn is_final(code: u16) -> bool {
    matches!(code, 400 | 403 | 409 | 422)
}

fn compute_refusal(pod: &str, message: &str) -> Reason {
    Reason::new(reason::POD_REFUSED, format!("the API server rejected media pod {pod:?}: {}", shorten(message, 500)))
}

/// Writes `status` if it differs from the current one, then publishes `notes`.
pub(crate) async fn apply_status(
    context: &Context,
    object: &MediaPool,
    status: &MediaPoolStatus,
    notes: &[Note],
) -> Result<Outcome, Error> {
    let is_unchanged = is_same(object.status.as_ref(), status);
    if !is_unchanged {
        let written = write_status(context, object, status).await;
        context.metrics.count_step("status", &written);
        written?;
    }
    context.events.publish(&object.object_ref(&()), "Reconcile", notes);
    Ok(if is_unchanged && notes.is_empty() { Outcome::Skipped } else { Outcome::Applied })
}

/// Writes `status` unconditionally. A pool that is gone or was replaced is left alone, and the result is `false`.
pub(crate) async fn write_status(
    context: &Context,
    object: &MediaPool,
    status: &MediaPoolStatus,
) -> Result<bool, Error> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<MediaPool> = Api::namespaced(context.cache.client.clone(), &namespace);
    let patch = json!({
        "apiVersion": MediaPool::api_version(&()),
        "kind": MediaPool::kind(&()),
        "metadata": {"name": name, "namespace": namespace, "uid": object.metadata.uid},
        "status": status,
    });
    match api.patch_status(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(false),
        Err(source) => Err(Error::WriteStatus { name, source: Box::new(source) }),
    }
}

#[cfg(test)]
mod tests;

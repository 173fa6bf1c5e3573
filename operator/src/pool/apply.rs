//! Fourth step for a `MediaPool`: executes the plan, writes the status, publishes the events. It decides nothing.

use std::sync::Arc;

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
    plan::{Announcement, DrainChange, LabelRepair, NewPod, PodDeletion, PoolPlan, Protection},
    refusal::{compute_pod_refusal, compute_service_refusal, may_have_been_done},
    report::is_same,
};
use crate::{
    cluster::events::Note,
    context::{Context, Outcome},
    model::{media_pod::MediaPod, reason::Reason, valid_pool::ValidPool},
};
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
        relieve: _,
        create,
        delete,
        trouble,
        again: _,
    } = plan;
    let mut work = Work::new(context, pool, trouble);
    work.announce(announce).await;
    work.drain(drain).await;
    work.write_budget(write_budget).await;
    work.protect(protect).await;
    work.repair(repair).await;
    work.delete(delete).await;
    work.open(open).await;
    work.create(create).await;
    (work.applied, work.failures.into_iter().next())
}

/// The execution of a plan so far: each step counts what it does, and collects failures.
struct Work<'a> {
    executor: PoolExecutor<'a>,
    applied: Applied,
    failures: Vec<Error>,
}

impl<'a> Work<'a> {
    fn new(context: &'a Context, pool: &'a ValidPool, trouble: Option<Reason>) -> Self {
        let executor = PoolExecutor { pods: PodExecutor::new(context, &pool.namespace), context, pool };
        Self { executor, applied: Applied { trouble, ..Applied::default() }, failures: Vec::new() }
    }

    /// What a step has returned, unless it failed.
    fn done<T>(&mut self, step: &str, result: Result<T, Error>) -> Option<T> {
        let result = self.executor.pods.counted(step, result);
        result.map_err(|error| self.failures.push(error)).ok()
    }

    async fn announce(&mut self, announcements: Vec<Announcement>) {
        for announcement in announcements {
            let result = self.executor.pods.announce(announcement).await;
            self.done("announce", result);
        }
    }

    async fn drain(&mut self, changes: Vec<DrainChange>) {
        for change in changes {
            let result = self.executor.pods.drain(&change).await;
            let done = self.done("drain", result);
            self.applied.drained.extend(done.map(|()| change));
        }
    }

    async fn write_budget(&mut self, is_due: bool) {
        if is_due {
            let result = self.executor.write_budget().await;
            self.done("budget", result);
        }
    }

    async fn protect(&mut self, protections: Vec<Protection>) {
        for protection in protections {
            let result = self.executor.pods.protect(&protection).await;
            self.done("protect", result);
        }
    }

    async fn repair(&mut self, repairs: Vec<LabelRepair>) {
        for repair in repairs {
            let result = self.executor.repair_labels(&repair).await;
            let done = self.done("repair", result);
            self.applied.repaired.extend(done.map(|()| repair));
        }
    }

    async fn delete(&mut self, deletions: Vec<PodDeletion>) {
        for deletion in deletions {
            let result = self.executor.pods.delete(&deletion).await;
            let is_deleted = self.done("delete", result) == Some(true);
            self.applied.deleted.extend(is_deleted.then_some(deletion));
        }
    }

    async fn open(&mut self, pods: Vec<Arc<MediaPod>>) {
        for pod in pods {
            let result = self.executor.open(&pod).await;
            if let Some(Some(refusal)) = self.done("open", result) {
                self.applied.refused = Some(refusal);
            }
        }
    }

    async fn create(&mut self, pods: Vec<NewPod>) {
        for pod in pods {
            let result = self.executor.create(&pod).await;
            let is_uncertain = result.as_ref().is_err_and(may_have_been_done);
            match self.done("create", result) {
                Some(None) => self.applied.created.push(pod),
                Some(refusal) => self.applied.refused = refusal,
                None => self.applied.uncertain.extend(is_uncertain.then_some(pod)),
            }
        }
    }
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
            Err(error) => match compute_service_refusal(&pod.name, &error) {
                Some(refusal) => Ok(Some(refusal)),
                None => Err(Error::CreateService { name: pod.name.clone(), source: Box::new(error) }),
            },
        }
    }

    /// `Some` is a permanent rejection.
    async fn create(&self, pod: &NewPod) -> Result<Option<Reason>, Error> {
        let created = self.pods.api.create(&PostParams::default(), &build_pod(self.pool, pod)).await;
        match created {
            Ok(made) => {
                self.context.cache.expect_pod(&made.uid().unwrap_or_default());
                tracing::info!(pod = pod.name, ports = %pod.block, "created media pod");
                Ok(None)
            }
            Err(error) => {
                let refusal = compute_pod_refusal(&pod.name, &error);
                if refusal.is_none() {
                    self.context.cache.invalidate_pods();
                    return Err(Error::CreatePod { name: pod.name.clone(), source: Box::new(error) });
                }
                Ok(refusal)
            }
        }
    }
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

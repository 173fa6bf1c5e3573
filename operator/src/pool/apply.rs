//! Fourth step for a `MediaPool`: carries out the plan, writes the status, publishes the events; it decides nothing.

use convene_crds::{MediaPool, MediaPoolStatus, names::ANNOTATION_ANNOUNCED_ADDRESSES};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;

use super::{
    Error,
    build::build_pod,
    plan::{Announcement, NewPod, PodDeletion, PoolPlan},
    report::is_same,
    validate::ValidPool,
};
use crate::{
    context::{Context, Outcome},
    events::{self, Note},
    media_pod::{Wait, shorten},
    reason,
};

/// Owner of the status in the eyes of server-side apply.
pub const FIELD_MANAGER: &str = "convene-operator/pool";

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Pods that were created.
    pub created: Vec<NewPod>,
    /// Pods that were deleted.
    pub deleted: Vec<PodDeletion>,
    /// What the API server refuses for good, until somebody changes something.
    pub refused: Option<Wait>,
    /// What the plan could not do.
    pub trouble: Option<Wait>,
}

/// Carries out `plan`. Pods learn their addresses first, because people may be waiting for them. One failure does not stop the others; the
/// first one is handed back beside what was done, so that the status is written all the same.
pub async fn apply_plan(context: &Context, pool: &ValidPool, plan: PoolPlan) -> (Applied, Option<Error>) {
    let PoolPlan { create, delete, announce, trouble } = plan;
    let api: Api<Pod> = Api::namespaced(context.world.client.clone(), &pool.namespace);
    let mut applied = Applied { trouble, ..Applied::default() };
    let mut failures = Vec::new();
    for announcement in announce {
        failures.extend(apply_announcement(&api, announcement).await.err());
    }
    for deletion in delete {
        match apply_deletion(&api, &deletion).await {
            Ok(()) => applied.deleted.push(deletion),
            Err(error) => failures.push(error),
        }
    }
    for pod in create {
        match apply_creation(&api, pool, &pod).await {
            Ok(None) => applied.created.push(pod),
            Ok(Some(refusal)) => applied.refused = Some(refusal),
            Err(error) => failures.push(error),
        }
    }
    (applied, failures.into_iter().next())
}

async fn apply_announcement(api: &Api<Pod>, announcement: Announcement) -> Result<(), Error> {
    let Announcement { name, uid, addresses } = announcement;
    let patch = json!({
        "metadata": {"uid": uid, "annotations": {(ANNOTATION_ANNOUNCED_ADDRESSES): addresses.join(",")}},
    });
    match api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => {
            tracing::info!(pod = name, addresses = addresses.join(","), "announced addresses to media pod");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        Err(source) => Err(Error::Announce { name, source: Box::new(source) }),
    }
}

async fn apply_deletion(api: &Api<Pod>, deletion: &PodDeletion) -> Result<(), Error> {
    let preconditions = Preconditions { uid: Some(deletion.uid.clone()), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api.delete(&deletion.name, &parameters).await {
        Ok(_) => {
            tracing::info!(pod = deletion.name, reason = deletion.why.reason, "deleted media pod");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        Err(source) => Err(Error::DeletePod { name: deletion.name.clone(), source: Box::new(source) }),
    }
}

/// `Some` is a refusal that trying again will not change: a quota, an admission policy, an invalid field.
async fn apply_creation(api: &Api<Pod>, pool: &ValidPool, pod: &NewPod) -> Result<Option<Wait>, Error> {
    match api.create(&PostParams::default(), &build_pod(pool, pod)).await {
        Ok(_) => {
            tracing::info!(pod = pod.name, ports = %pod.block, "created media pod");
            Ok(None)
        }
        Err(kube::Error::Api(answer)) if matches!(answer.code, 400 | 403 | 409 | 422) => {
            Ok(Some(compute_refusal(&pod.name, &answer.message)))
        }
        Err(source) => Err(Error::CreatePod { name: pod.name.clone(), source: Box::new(source) }),
    }
}

fn compute_refusal(pod: &str, message: &str) -> Wait {
    Wait::new(reason::POD_REFUSED, format!("the API server refuses media pod {pod:?}: {}", shorten(message, 500)))
}

/// Writes `status` if it says anything new, then publishes `notes`.
pub async fn apply_status(
    context: &Context,
    object: &MediaPool,
    status: &MediaPoolStatus,
    notes: &[Note],
) -> Result<Outcome, Error> {
    let is_unchanged = is_same(object.status.as_ref(), status);
    if !is_unchanged {
        write_status(context, object, status).await?;
    }
    events::publish(&context.recorder, &object.object_ref(&()), "Reconcile", notes).await;
    Ok(if is_unchanged && notes.is_empty() { Outcome::Skipped } else { Outcome::Applied })
}

async fn write_status(context: &Context, object: &MediaPool, status: &MediaPoolStatus) -> Result<(), Error> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<MediaPool> = Api::namespaced(context.world.client.clone(), &namespace);
    let patch = json!({
        "apiVersion": MediaPool::api_version(&()),
        "kind": MediaPool::kind(&()),
        "metadata": {"name": name, "namespace": namespace, "uid": object.metadata.uid},
        "status": status,
    });
    match api.patch_status(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        Err(source) => Err(Error::WriteStatus { name, source: Box::new(source) }),
    }
}

#[cfg(test)]
mod tests;

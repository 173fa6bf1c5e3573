//! Executes steps on existing pods. It decides nothing and creates nothing.

use convene_crds::names::{
    ANNOTATION_ANNOUNCED_ADDRESSES, ANNOTATION_ANNOUNCED_PORTS, ANNOTATION_DRAINING, LABEL_EVICTABLE,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};

use crate::{
    context::Context,
    model::media_pod::Draining,
    pool::{
        error::Error,
        plan::{Announcement, DrainChange, PodDeletion, Protection},
    },
};

/// Executes steps on existing pods.
pub(super) struct PodExecutor<'a> {
    pub(super) context: &'a Context,
    pub(super) api: Api<Pod>,
}

impl<'a> PodExecutor<'a> {
    pub(super) fn new(context: &'a Context, namespace: &str) -> Self {
        Self { context, api: Api::namespaced(context.cache.client.clone(), namespace) }
    }

    pub(super) fn counted<T>(&self, step: &str, result: Result<T, Error>) -> Result<T, Error> {
        self.context.metrics.count_step(step, &result);
        result
    }

    /// A pod that is gone or was replaced is left alone.
    pub(super) async fn patch(&self, name: &str, metadata: &Value) -> Result<bool, kube::Error> {
        let patch = json!({ "metadata": metadata });
        match self.api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn announce(&self, announcement: Announcement) -> Result<(), Error> {
        let Announcement { name, uid, addresses, ports } = announcement;
        let addresses = addresses.join(",");
        let annotations = json!({(ANNOTATION_ANNOUNCED_ADDRESSES): addresses, (ANNOTATION_ANNOUNCED_PORTS): ports});
        match self.patch(&name, &json!({"uid": uid, "annotations": annotations})).await {
            Ok(_) => {
                tracing::info!(pod = name, addresses, ports, "announced addresses to media pod");
                Ok(())
            }
            Err(source) => Err(Error::Announce { name, source: Box::new(source) }),
        }
    }

    pub(super) async fn drain(&self, change: &DrainChange) -> Result<(), Error> {
        let DrainChange { name, uid, draining, message } = change;
        let text = draining.as_ref().map(Draining::to_annotation);
        match self.patch(name, &json!({"uid": uid, "annotations": {(ANNOTATION_DRAINING): text}})).await {
            Ok(_) => {
                tracing::info!(pod = name, "{message}");
                Ok(())
            }
            Err(source) => Err(Error::Drain { name: name.clone(), source: Box::new(source) }),
        }
    }

    pub(super) async fn protect(&self, protection: &Protection) -> Result<(), Error> {
        let Protection { name, uid, is_evictable } = protection;
        let value = is_evictable.then_some("true");
        let patched = self.patch(name, &json!({"uid": uid, "labels": {(LABEL_EVICTABLE): value}})).await;
        patched.map(|_| ()).map_err(|source| Error::Protect { name: name.clone(), source: Box::new(source) })
    }

    /// `false`: a participant has joined in the meantime, and the pod stays.
    pub(super) async fn delete(&self, deletion: &PodDeletion) -> Result<bool, Error> {
        if self.has_participants_now(deletion).await {
            tracing::info!(pod = deletion.name, "keeping media pod: a participant has joined");
            return Ok(false);
        }
        apply_deletion(&self.api, deletion).await.map(|()| true)
    }

    /// A pod that is to be deleted because it is empty is queried once more: its last report may be a second old. If it does not respond,
    /// the last report counts.
    pub(super) async fn has_participants_now(&self, deletion: &PodDeletion) -> bool {
        if !deletion.requires_empty_pod() {
            return false;
        }
        let pod = self.context.cache.state().views.pods().find(|pod| pod.uid == deletion.uid).cloned();
        let Some(pod) = pod.filter(|pod| pod.is_ready()) else { return false };
        let answer = self.context.link.list_rooms(&pod).await;
        answer.is_ok_and(|list| list.rooms.iter().any(|room| room.participants > 0))
    }
}

async fn apply_deletion(api: &Api<Pod>, deletion: &PodDeletion) -> Result<(), Error> {
    let preconditions = Preconditions { uid: Some(deletion.uid.clone()), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api.delete(&deletion.name, &parameters).await {
        Ok(_) => {
            tracing::info!(pod = deletion.name, reason = deletion.why.code, "deleted media pod");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        // A conflict is an error too: a pod that stays marked for deletion would never get a meeting again.
        Err(source) => Err(Error::DeletePod { name: deletion.name.clone(), source: Box::new(source) }),
    }
}

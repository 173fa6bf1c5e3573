//! Fourth step for a `MediaPool`: carries out the plan, writes the status, publishes the events; it decides nothing.

use convene_crds::{
    MediaPool, MediaPoolStatus,
    names::{
        ANNOTATION_ANNOUNCED_ADDRESSES, ANNOTATION_ANNOUNCED_PORTS, ANNOTATION_DRAINING, LABEL_EVICTABLE, LABEL_POD,
        LABEL_POOL,
    },
};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use super::{
    Error,
    budget::{build_budget, name_of},
    build::build_pod,
    expose::build_service,
    plan::{Announcement, DrainChange, Mend, NewPod, PodDeletion, PoolPlan, Protection},
    report::is_same,
};
use crate::{
    cluster::events::Note,
    context::{Context, Outcome},
    model::{
        media_pod::{MediaPod, shorten},
        ports::PortRange,
        reason::Wait,
        valid_pool::ValidPool,
    },
};
use convene_crds::reason;

/// Owner of the status in the eyes of server-side apply.
pub const FIELD_MANAGER: &str = "convene-operator/pool";

mod removal;

pub use removal::apply_removal;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Pods that were created.
    pub created: Vec<NewPod>,
    /// Pods that may have been created: the answer was lost.
    pub uncertain: Vec<NewPod>,
    /// Pods that were deleted.
    pub deleted: Vec<PodDeletion>,
    /// Pods whose drain began or ended.
    pub drained: Vec<DrainChange>,
    /// Pods whose labels were put right.
    pub mended: Vec<Mend>,
    /// What the API server refuses for good, until somebody changes something.
    pub refused: Option<Wait>,
    /// What the plan could not do.
    pub trouble: Option<Wait>,
}

impl Applied {
    /// The blocks that a pod has now, or may have.
    pub fn given(&self) -> impl Iterator<Item = PortRange> {
        self.created.iter().chain(&self.uncertain).map(|pod| pod.block)
    }
}

/// Carries out `plan`. Pods learn their addresses first, because people may be waiting for them. One failure does not stop the others; the
/// first one is handed back beside what was done, so that the status is written all the same. The blocks of new pods are on record already.
pub async fn apply_plan(context: &Context, pool: &ValidPool, plan: PoolPlan) -> (Applied, Option<Error>) {
    // Moving people and looking again are the driver's.
    let PoolPlan { write_budget, protect, mend, open, announce, drain, move_off: _, create, delete, trouble, again: _ } =
        plan;
    let hand = Hand { pods: PodHand::new(context, &pool.namespace), context, pool };
    let mut applied = Applied { trouble, ..Applied::default() };
    let mut failures = Vec::new();
    for announcement in announce {
        failures.extend(hand.pods.counted("announce", hand.pods.announce(announcement).await).err());
    }
    for change in drain {
        match hand.pods.counted("drain", hand.pods.drain(&change).await) {
            Ok(()) => applied.drained.push(change),
            Err(error) => failures.push(error),
        }
    }
    if write_budget {
        failures.extend(hand.pods.counted("budget", hand.write_budget().await).err());
    }
    for protection in protect {
        failures.extend(hand.pods.counted("protect", hand.pods.protect(&protection).await).err());
    }
    for mend in mend {
        match hand.pods.counted("mend", hand.mend(&mend).await) {
            Ok(()) => applied.mended.push(mend),
            Err(error) => failures.push(error),
        }
    }
    for deletion in delete {
        match hand.pods.counted("delete", hand.pods.delete(&deletion).await) {
            Ok(true) => applied.deleted.push(deletion),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    for pod in open {
        match hand.pods.counted("open", hand.open(&pod).await) {
            Ok(refusal) => applied.refused = refusal.or(applied.refused),
            Err(error) => failures.push(error),
        }
    }
    for pod in create {
        match hand.pods.counted("create", hand.create(&pod).await) {
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

/// What every step to existing pods needs.
struct PodHand<'a> {
    context: &'a Context,
    api: Api<Pod>,
}

/// The same, and what new things are made from.
struct Hand<'a> {
    context: &'a Context,
    pool: &'a ValidPool,
    pods: PodHand<'a>,
}

impl<'a> PodHand<'a> {
    fn new(context: &'a Context, namespace: &str) -> Self {
        Self { context, api: Api::namespaced(context.world.client.clone(), namespace) }
    }

    fn counted<T>(&self, step: &str, result: Result<T, Error>) -> Result<T, Error> {
        self.context.metrics.count_step(step, &result);
        result
    }

    /// A pod that is gone, or another one by now, is left alone.
    async fn patch(&self, name: &str, metadata: &Value) -> Result<bool, kube::Error> {
        let patch = json!({ "metadata": metadata });
        match self.api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn announce(&self, announcement: Announcement) -> Result<(), Error> {
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

    async fn drain(&self, change: &DrainChange) -> Result<(), Error> {
        let DrainChange { name, uid, draining, message } = change;
        let text = draining.as_ref().map(crate::model::media_pod::Draining::to_annotation);
        match self.patch(name, &json!({"uid": uid, "annotations": {(ANNOTATION_DRAINING): text}})).await {
            Ok(_) => {
                tracing::info!(pod = name, "{message}");
                Ok(())
            }
            Err(source) => Err(Error::Drain { name: name.clone(), source: Box::new(source) }),
        }
    }

    async fn protect(&self, protection: &Protection) -> Result<(), Error> {
        let Protection { name, uid, is_evictable } = protection;
        let value = is_evictable.then_some("true");
        let patched = self.patch(name, &json!({"uid": uid, "labels": {(LABEL_EVICTABLE): value}})).await;
        patched.map(|_| ()).map_err(|source| Error::Protect { name: name.clone(), source: Box::new(source) })
    }

    /// `false`: somebody has come meanwhile, and the pod stays.
    async fn delete(&self, deletion: &PodDeletion) -> Result<bool, Error> {
        if self.has_people_now(deletion).await {
            tracing::info!(pod = deletion.name, "media pod stays: somebody has come");
            return Ok(false);
        }
        apply_deletion(&self.api, deletion).await.map(|()| true)
    }

    /// A pod that is deleted because nobody is on it is asked once more: what it told last may be a second old. One that does not answer is
    /// taken at its last word.
    async fn has_people_now(&self, deletion: &PodDeletion) -> bool {
        if deletion.why.reason != reason::POD_DELETED {
            return false;
        }
        let pod = self.context.world.views().pods().find(|pod| pod.uid == deletion.uid).cloned();
        let Some(pod) = pod.filter(|pod| pod.is_ready()) else { return false };
        let answer = self.context.link.list_rooms(&pod).await;
        answer.is_ok_and(|list| list.rooms.iter().any(|room| room.participants > 0))
    }
}

impl Hand<'_> {
    async fn mend(&self, mend: &Mend) -> Result<(), Error> {
        let Mend { name, uid } = mend;
        let labels = json!({(LABEL_POOL): self.pool.name, (LABEL_POD): name});
        let patched = self.pods.patch(name, &json!({"uid": uid, "labels": labels})).await;
        patched.map(|_| ()).map_err(|source| Error::Mend { name: name.clone(), source: Box::new(source) })
    }

    async fn write_budget(&self) -> Result<(), Error> {
        let name = name_of(&self.pool.name);
        let api: Api<PodDisruptionBudget> = Api::namespaced(self.context.world.client.clone(), &self.pool.namespace);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        match api.patch(&name, &parameters, &Patch::Apply(&build_budget(self.pool))).await {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::WriteBudget { name, source: Box::new(source) }),
        }
    }

    async fn open(&self, pod: &MediaPod) -> Result<Option<Wait>, Error> {
        let Some(service) = build_service(self.pool, pod) else { return Ok(None) };
        let api: Api<Service> = Api::namespaced(self.context.world.client.clone(), &self.pool.namespace);
        match api.create(&PostParams::default(), &service).await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(None),
            Err(kube::Error::Api(answer)) if is_final(answer.code) => Ok(Some(Wait::new(
                reason::SERVICE_REFUSED,
                format!("the API server refuses Service {:?}: {}", pod.name, shorten(&answer.message, 500)),
            ))),
            Err(source) => Err(Error::CreateService { name: pod.name.clone(), source: Box::new(source) }),
        }
    }

    /// `Some` is a refusal that trying again will not change: a quota, an admission policy, an invalid field.
    async fn create(&self, pod: &NewPod) -> Result<Option<Wait>, Error> {
        match self.pods.api.create(&PostParams::default(), &build_pod(self.pool, pod)).await {
            Ok(made) => {
                self.context.world.expect_pod(&made.uid().unwrap_or_default());
                tracing::info!(pod = pod.name, ports = %pod.block, "created media pod");
                Ok(None)
            }
            Err(kube::Error::Api(answer)) if is_final(answer.code) => {
                Ok(Some(compute_refusal(&pod.name, &answer.message)))
            }
            Err(source) => {
                self.context.world.distrust_pods();
                Err(Error::CreatePod { name: pod.name.clone(), source: Box::new(source) })
            }
        }
    }
}

/// Whether a pod may be there although its creation failed.
fn may_have_been_done(error: &Error) -> bool {
    let Error::CreatePod { source, .. } = error else { return false };
    !matches!(source.as_ref(), kube::Error::Api(answer) if (400..500).contains(&answer.code))
}

const fn is_final(code: u16) -> bool {
    matches!(code, 400 | 403 | 409 | 422)
}

async fn apply_deletion(api: &Api<Pod>, deletion: &PodDeletion) -> Result<(), Error> {
    let preconditions = Preconditions { uid: Some(deletion.uid.clone()), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api.delete(&deletion.name, &parameters).await {
        Ok(_) => {
            tracing::info!(pod = deletion.name, reason = deletion.why.reason, "deleted media pod");
            Ok(())
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        // A conflict too: what is condemned and not deleted would never get a meeting again.
        Err(source) => Err(Error::DeletePod { name: deletion.name.clone(), source: Box::new(source) }),
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
        let written = write_status(context, object, status).await;
        context.metrics.count_step("status", &written);
        written?;
    }
    context.events.publish(&object.object_ref(&()), "Reconcile", notes);
    Ok(if is_unchanged && notes.is_empty() { Outcome::Skipped } else { Outcome::Applied })
}

/// Writes `status`, whatever is there. A pool that is gone, or another one by now, is left alone: then the answer is `false`.
pub async fn write_status(context: &Context, object: &MediaPool, status: &MediaPoolStatus) -> Result<bool, Error> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<MediaPool> = Api::namespaced(context.world.client.clone(), &namespace);
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

//! Executes the plan for a pool that is being deleted: participants who remain at the deadline learn that the call has ended before
//! their pod is deleted.

use convene_protocol::admin::EndReason;

use super::pods::PodExecutor;
use crate::{
    context::Context,
    model::media_pod::MediaPod,
    pods::link::PodLinkError,
    pool::{
        applied::Applied,
        error::Error,
        plan::{PodDeletion, RemovalPlan},
    },
};

/// Executes `plan` for a pool that is being deleted, as [`apply_plan`](super::apply_plan) does for others.
pub(crate) async fn apply_removal(context: &Context, namespace: &str, plan: RemovalPlan) -> (Applied, Option<Error>) {
    // The caller reports what is left and removes the finalizer.
    let RemovalPlan { drain, protect, delete, is_overdue, left: _, is_done: _, again: _ } = plan;
    let executor = PodExecutor::new(context, namespace);
    let mut applied = Applied::default();
    let mut failures = Vec::new();
    for change in drain {
        match executor.counted("drain", executor.drain(&change).await) {
            Ok(()) => applied.drained.push(change),
            Err(error) => failures.push(error),
        }
    }
    for protection in protect {
        failures.extend(executor.counted("protect", executor.protect(&protection).await).err());
    }
    for deletion in delete {
        if deletion.ends_calls() && !executor.end_rooms(&deletion).await && !is_overdue {
            continue;
        }
        match executor.counted("delete", executor.delete(&deletion).await) {
            Ok(true) => applied.deleted.push(deletion),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    (applied, failures.into_iter().next())
}

impl PodExecutor<'_> {
    /// Ends the calls on the pod, so that its participants see that they have ended instead of rejoining. `false`: the pod did not respond.
    async fn end_rooms(&self, deletion: &PodDeletion) -> bool {
        let pod = self.context.cache.state().views.pods().find(|pod| pod.uid == deletion.uid).cloned();
        let Some(pod) = pod.filter(|pod| pod.ip.is_some()) else { return true };
        let result = self.try_end_rooms(&pod).await;
        if let Err(error) = &result {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, pod = pod.name, "could not end all rooms of a media pod");
        }
        result.is_ok()
    }

    /// Stops new joins first, or a room would be opened again as soon as it has ended.
    async fn try_end_rooms(&self, pod: &MediaPod) -> Result<(), PodLinkError> {
        let link = &self.context.link;
        link.set_draining(pod, true).await?;
        for room in link.list_rooms(pod).await?.rooms {
            link.end_room(pod, &room.namespace, &room.name, &room.uid, EndReason::Ended).await?;
        }
        Ok(())
    }
}

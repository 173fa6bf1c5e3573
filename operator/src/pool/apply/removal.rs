//! Carries out the plan for a pool that is being deleted: whoever is on a pod at the deadline is told first that the call is over.

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
use convene_crds::reason;

/// Carries out `plan` for a pool that is being deleted, as [`apply_plan`] does for the others.
pub(crate) async fn apply_removal(context: &Context, namespace: &str, plan: RemovalPlan) -> (Applied, Option<Error>) {
    // What is left, and letting the pool go, are the driver's.
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
        let ends_calls = deletion.why.code == reason::DRAIN_DEADLINE;
        if ends_calls && !executor.end_rooms(&deletion).await && !is_overdue {
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
    /// Ends the calls on the pod, so that its participants learn that they are over instead of rejoining. `false`: it did not answer.
    async fn end_rooms(&self, deletion: &PodDeletion) -> bool {
        let pod = self.context.cache.views().pods().find(|pod| pod.uid == deletion.uid).cloned();
        let Some(pod) = pod.filter(|pod| pod.ip.is_some()) else { return true };
        let result = self.try_end_rooms(&pod).await;
        if let Err(error) = &result {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, pod = pod.name, "could not end all rooms of media pod");
        }
        result.is_ok()
    }

    /// Nobody new comes in any more first, or a room would be open again as soon as it has ended.
    async fn try_end_rooms(&self, pod: &MediaPod) -> Result<(), PodLinkError> {
        let link = &self.context.link;
        link.set_draining(pod, true).await?;
        for room in link.list_rooms(pod).await?.rooms {
            link.end_room(pod, &room.namespace, &room.name, &room.uid, EndReason::Ended).await?;
        }
        Ok(())
    }
}

//! Carries out the plan for a pool that is being deleted: whoever is on a pod at the deadline is told first that the call is over.

use convene_protocol::admin::EndReason;

use super::{Applied, Error, PodHand};
use convene_crds::reason;
use crate::{
    context::Context,
    media_pod::MediaPod,
    podlink::PodLinkError,
    pool::plan::{PodDeletion, RemovalPlan},
};

/// Carries out `plan` for a pool that is being deleted, as [`apply_plan`] does for the others.
pub async fn apply_removal(context: &Context, namespace: &str, plan: RemovalPlan) -> (Applied, Option<Error>) {
    // What is left, and letting the pool go, are the driver's.
    let RemovalPlan { drain, protect, delete, left: _, is_done: _, again: _ } = plan;
    let hand = PodHand::new(context, namespace);
    let mut applied = Applied::default();
    let mut failures = Vec::new();
    for change in drain {
        match hand.counted("drain", hand.drain(&change).await) {
            Ok(()) => applied.drained.push(change),
            Err(error) => failures.push(error),
        }
    }
    for protection in protect {
        failures.extend(hand.counted("protect", hand.protect(&protection).await).err());
    }
    for deletion in delete {
        if deletion.why.reason == reason::DRAIN_DEADLINE {
            hand.end_rooms(&deletion).await;
        }
        match hand.counted("delete", hand.delete(&deletion).await) {
            Ok(true) => applied.deleted.push(deletion),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    (applied, failures.into_iter().next())
}

impl PodHand<'_> {
    /// Tells whoever is on the pod that the call is over. What fails here does not keep the pod: people are told to come back when it ends.
    async fn end_rooms(&self, deletion: &PodDeletion) {
        let pod = self.context.world.views().pods().find(|pod| pod.uid == deletion.uid).cloned();
        let Some(pod) = pod.filter(|pod| pod.ip.is_some()) else { return };
        if let Err(error) = self.try_end_rooms(&pod).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                pod = pod.name,
                "could not end all rooms of media pod"
            );
        }
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

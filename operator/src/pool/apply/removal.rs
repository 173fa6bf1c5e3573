//! Executes the plan for a pool that is being deleted: participants who remain at the deadline learn that the call has ended before
//! their pod is deleted.

use convene_protocol::admin::EndReason;
use futures_util::future::join_all;

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
    // All at the same time: a pod that does not respond takes the time of one request, and the other pools wait for it.
    let ended = join_all(delete.iter().map(|deletion| executor.end_rooms(deletion))).await;
    let ended = delete.into_iter().zip(ended).filter(|(_, has_ended)| *has_ended || is_overdue);
    for (deletion, _) in ended {
        match executor.counted("delete", executor.delete(&deletion).await) {
            Ok(true) => applied.deleted.push(deletion),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    (applied, failures.into_iter().next())
}

impl PodExecutor<'_> {
    /// Ends the calls on the pod, if the deletion does, so that its participants see that they have ended instead of rejoining. `false`:
    /// the pod did not respond.
    async fn end_rooms(&self, deletion: &PodDeletion) -> bool {
        if !deletion.ends_calls() {
            return true;
        }
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

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        http::StatusCode,
        routing::{get, put},
    };
    use convene_crds::reason;
    use convene_protocol::admin::RoomList;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        fixtures::{ScriptedServer, context, pod_object},
        model::reason::Reason,
    };

    const DELETE: &str = "DELETE /api/v1/namespaces/harbor/pods/media-lagoon-41000";

    fn plan(is_overdue: bool) -> RemovalPlan {
        let why = Reason::new(reason::DRAIN_DEADLINE, "it was not empty at the deadline");
        let deletion = PodDeletion { name: "media-lagoon-41000".into(), uid: "pod-uid".into(), why };
        RemovalPlan { delete: vec![deletion], is_overdue, ..RemovalPlan::default() }
    }

    /// Applies the plan to a pod at this loopback port; returns the number of deleted pods.
    async fn apply(port: u16, is_overdue: bool, deletes: bool) -> usize {
        let answer =
            (DELETE, 200, json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "media-lagoon-41000"}}));
        let (server, client) = ScriptedServer::start(deletes.then_some(answer).into_iter().collect());
        let context = context(&client);
        let ports = json!([{"name": "http", "containerPort": port}]);
        context.cache.on_pod_event(&Event::Apply(pod_object(json!({
            "spec": {"containers": [{"name": "media-pod", "ports": ports}]},
            "status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]},
        }))));
        let (applied, failure) = apply_removal(&context, "harbor", plan(is_overdue)).await;
        assert!(failure.is_none(), "{failure:?}");
        server.assert_finished();
        applied.deleted.len()
    }

    #[tokio::test]
    async fn a_pod_that_ends_its_calls_is_deleted_at_once() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new()
            .route("/admin/v1/drain", put(async || StatusCode::NO_CONTENT))
            .route("/admin/v1/rooms", get(async || Json(RoomList::default())));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        assert_eq!(apply(port, false, true).await, 1);
        server.abort();
    }

    #[tokio::test]
    async fn a_pod_that_does_not_respond_is_deleted_only_when_it_is_overdue() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        for is_overdue in [false, true] {
            assert_eq!(apply(port, is_overdue, is_overdue).await, usize::from(is_overdue));
        }
    }
}

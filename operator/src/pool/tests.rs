use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{ScriptedServer, context, context_and_posts, pool_object, status};

const POOL: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/harbor/mediapools/lagoon";
const STATUS: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/harbor/mediapools/lagoon/status";
const BUDGET: &str = "PATCH /apis/policy/v1/namespaces/harbor/poddisruptionbudgets/media-lagoon-busy";

fn named() -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "lagoon"}})
}

fn written(pool: &MediaPool) -> Value {
    serde_json::to_value(pool).unwrap()
}

fn forbidden() -> Value {
    status(403, "Forbidden", "mediapools is forbidden")
}

#[tokio::test]
async fn a_pool_that_cannot_be_served_gets_our_finalizer_too() {
    let pool = pool_object(json!({"announcedAddress": {"policy": "Fixed"}}));
    for (code, answer, is_fine) in [(200, named(), true), (403, forbidden(), false)] {
        let script = vec![(POOL, code, answer), (STATUS, 200, written(&pool))];
        let (server, client) = ScriptedServer::start(script);
        let result = reconcile_pool(&pool, &context(&client)).await;
        assert_eq!(result.is_ok(), is_fine, "{code}: {result:?}");
        server.assert_finished();
    }
}

#[tokio::test]
async fn a_pool_that_cannot_be_read_gets_our_finalizer_too() {
    let object = json!({
        "apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool",
        "metadata": {"name": "lagoon", "namespace": "harbor", "uid": "pool-uid"},
        "spec": {"rtcPorts": "all"},
    });
    let object: DeserializeGuard<MediaPool> = serde_json::from_value(object).unwrap();
    for (code, answer, is_fine) in [(200, named(), true), (403, forbidden(), false)] {
        let (server, client) = ScriptedServer::start(vec![(POOL, code, answer)]);
        let (context, mut posts) = context_and_posts(&client);
        let result = reconcile_unreadable(&object, "rtcPorts", &context).await;
        assert_eq!(result.is_ok(), is_fine, "{code}: {result:?}");
        let reasons: Vec<_> = posts.take().iter().map(|note| note.reason).collect();
        assert_eq!(reasons, [reason::UNREADABLE], "{code}");
        server.assert_finished();
    }
}

#[tokio::test]
async fn without_our_finalizer_no_pod_is_made_and_everything_else_is_done() {
    let pool = pool_object(json!({"warm": 1}));
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "lagoon"}});
    let script = vec![(POOL, 403, forbidden()), (BUDGET, 201, budget), (STATUS, 200, written(&pool))];
    let (server, client) = ScriptedServer::start(script);
    let (context, mut posts) = context_and_posts(&client);
    let error = reconcile_pool(&pool, &context).await.unwrap_err();
    assert_eq!(error.reason(), "FinalizersNotWritten");
    let notes = posts.take();
    let reported = notes.iter().find(|note| note.reason == "FinalizersNotWritten");
    assert!(reported.is_some_and(|note| note.message.contains("mediapools is forbidden")), "{notes:?}");
    server.assert_finished();
}

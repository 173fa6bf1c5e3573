use axum::http::{Request, Response};
use http_body_util::BodyExt;
use kube::{Client, client::Body, core::DeserializeGuard, runtime::watcher::Event};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::{
    cluster::cache::CacheEnds,
    fixtures::{defaults, pod_object, pool_object},
    pods::reach::tests::{FakePod, Manner, link},
};

/// An API server that answers all requests alike and forwards them to the test.
fn start_server(code: u16, answer: Value) -> (Client, UnboundedReceiver<(String, Value)>) {
    let (requested, received) = unbounded_channel();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (requested, answer) = (requested.clone(), answer.clone());
        async move {
            let what = format!("{} {}", request.method(), request.uri().path());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            requested.send((what, serde_json::from_slice(&body).unwrap_or_default())).unwrap();
            let body = Body::from(serde_json::to_vec(&answer).unwrap());
            Response::builder().status(code).body(body)
        }
    });
    (Client::new(service, "harbor"), received)
}

fn pod_at(fake: &FakePod) -> Pod {
    let ports = json!([{"name": "http", "containerPort": fake.http.port()}]);
    pod_object(json!({
        "metadata": {"annotations": {"convene.dev/announced-addresses": "127.0.0.1"}},
        "spec": {"containers": [{"name": "media-pod", "ports": ports}]},
        "status": {"podIP": "127.0.0.1"},
    }))
}

fn cache_of(client: Client, pod: &Pod) -> (Arc<ClusterCache>, CacheEnds) {
    let (cache, mut ends) = ClusterCache::new(client, "harbor".into(), defaults());
    cache.state().views.set_pool(&DeserializeGuard(Ok(pool_object(json!({})))), &defaults());
    ends.pods.apply_watcher_event(&Event::Apply(pod.clone()));
    (cache, ends)
}

async fn start_pod() -> FakePod {
    FakePod::start(&[(Manner::Good, Manner::Good)], "127.0.0.1").await
}

#[tokio::test]
async fn a_new_pod_is_probed_and_reported_once() {
    let fake = start_pod().await;
    let mut pod = pod_at(&fake);
    let (client, mut received) = start_server(200, serde_json::to_value(&pod).unwrap());
    let (cache, mut ends) = cache_of(client, &pod);

    let keeper = run(Arc::clone(&cache), link());
    let (what, body) = tokio::select! { () = keeper => unreachable!(), first = received.recv() => first.unwrap() };
    assert_eq!(what, "PATCH /api/v1/namespaces/harbor/pods/media-lagoon-41000/status");
    assert_eq!(body["metadata"], json!({"uid": "pod-uid"}));
    let condition = &body["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["status"]), (&json!("convene.dev/MediaReachable"), &json!("True")));

    let conditions = pod.status.as_mut().unwrap().conditions.as_mut().unwrap();
    conditions.push(serde_json::from_value(condition.clone()).unwrap());
    ends.pods.apply_watcher_event(&Event::Apply(pod.clone()));
    let (_, is_well) = probe_pod(cache, link(), Arc::new(pod)).await;
    assert!(is_well);
    assert!(received.try_recv().is_err(), "an unchanged condition is not written again");
}

#[tokio::test]
async fn a_pod_that_was_replaced_meanwhile_is_left_alone() {
    let fake = start_pod().await;
    let pod = pod_at(&fake);
    let mut replaced = pod.clone();
    replaced.metadata.uid = Some("another-uid".into());
    let (client, mut received) = start_server(200, json!({}));
    let (cache, _ends) = cache_of(client, &replaced);
    probe_pod(cache, link(), Arc::new(pod)).await;
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn a_pod_that_goes_away_is_no_failure_and_a_refused_write_has_another_turn_soon() {
    let fake = start_pod().await;
    let pod = pod_at(&fake);
    let cases =
        [(404, "NotFound", true), (409, "Conflict", true), (403, "Forbidden", false), (500, "InternalError", false)];
    for (code, reason, wanted) in cases {
        let (client, _heard) = start_server(code, crate::fixtures::status(code, reason, "no"));
        let (cache, _ends) = cache_of(client, &pod);
        let (_, is_well) = probe_pod(cache, link(), Arc::new(pod.clone())).await;
        assert_eq!(is_well, wanted, "{code}");
    }
}

#[tokio::test]
async fn only_ready_pods_have_a_turn() {
    let fake = start_pod().await;
    let ready = pod_at(&fake);
    let mut starting = ready.clone();
    starting.status.as_mut().unwrap().conditions = None;
    for (pod, wanted) in [(ready, 1), (starting, 0)] {
        let (client, _heard) = start_server(200, json!({}));
        let (cache, _ends) = cache_of(client, &pod);
        let mut schedule = Schedule::default();
        assert_eq!(choose_pods(&cache, &mut schedule, Duration::ZERO).len(), wanted);
        assert!(choose_pods(&cache, &mut schedule, Duration::ZERO).is_empty(), "its turn has begun");
    }
}

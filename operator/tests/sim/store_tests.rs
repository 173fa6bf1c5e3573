//! Checks that the simulated API server behaves like a real one.

use std::sync::Arc;

use convene_crds::Meeting;
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    faults::{Line, Weather},
    pods::Processes,
    store::Store,
};

fn start() -> (Arc<Store>, Client) {
    let store = Store::new();
    let line = Line::new(&store, &Weather::fair(), None, &Arc::default());
    let client = line.client("harbor");
    (store, client)
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

async fn make_config_map(api: &Api<ConfigMap>, name: &str, labels: Value) -> ConfigMap {
    let map = object(json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}));
    api.create(&PostParams::default(), &map).await.unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_old_version_is_not_written_over_a_newer_one() {
    let (_, client) = start();
    let api: Api<ConfigMap> = Api::namespaced(client, "harbor");
    let first = make_config_map(&api, "chart", json!({})).await;
    assert_eq!(code(api.create(&PostParams::default(), &object(json!({"metadata": {"name": "chart"}}))).await).0, 409);
    let change = Patch::Merge(json!({"metadata": {"resourceVersion": first.resource_version()}, "data": {"a": "2"}}));
    api.patch("chart", &PatchParams::default(), &change).await.unwrap();
    assert_eq!(code(api.patch("chart", &PatchParams::default(), &change).await), (409, "Conflict".into()));
    assert_eq!(code(api.replace("chart", &PostParams::default(), &first).await).0, 409);
    let newest = api.get("chart").await.unwrap();
    let same = api.replace("chart", &PostParams::default(), &newest).await.unwrap();
    assert_eq!(same.resource_version(), newest.resource_version(), "nothing changed");
}

#[tokio::test]
async fn preconditions_hold() {
    let (_, client) = start();
    let api: Api<ConfigMap> = Api::namespaced(client, "harbor");
    let map = make_config_map(&api, "chart", json!({})).await;
    let deletion = |uid: Option<String>| DeleteParams {
        preconditions: Some(Preconditions { uid, resource_version: None }),
        ..DeleteParams::default()
    };
    assert_eq!(code(api.delete("chart", &deletion(Some("other".into()))).await).0, 409);
    let patch = Patch::Merge(json!({"metadata": {"uid": "other", "labels": {"a": "b"}}}));
    assert_eq!(code(api.patch_metadata("chart", &PatchParams::default(), &patch).await).0, 409);
    assert!(api.delete("chart", &deletion(map.uid())).await.unwrap().is_right());
    assert_eq!(code(api.get("chart").await), (404, "NotFound".into()));
}

#[tokio::test]
async fn objects_come_into_a_selection_and_leave_it() {
    let (_, client) = start();
    let api: Api<ConfigMap> = Api::namespaced(client, "harbor");
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let parameters = WatchParams::default().labels("sea=calm").timeout(1);
    let watch = api.watch(&parameters, &version).await.unwrap();
    make_config_map(&api, "chart", json!({"sea": "rough"})).await;
    for sea in ["calm", "calm ", "calm"] {
        let label = Patch::Merge(json!({"metadata": {"labels": {"sea": sea.trim(), "x": sea}}}));
        api.patch("chart", &PatchParams::default(), &label).await.unwrap();
    }
    let rough = Patch::Merge(json!({"metadata": {"labels": {"sea": "rough"}}}));
    api.patch("chart", &PatchParams::default(), &rough).await.unwrap();
    api.delete("chart", &DeleteParams::default()).await.unwrap();
    let words: Vec<&str> = watch
        .map_ok(|event| match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            _ => "other",
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(words, ["added", "modified", "modified", "deleted"]);
}

#[tokio::test]
async fn a_version_from_before_the_compaction_is_gone() {
    let (store, client) = start();
    let api: Api<ConfigMap> = Api::namespaced(client, "harbor");
    make_config_map(&api, "chart", json!({})).await;
    store.compact();
    let mut watch = api.watch(&WatchParams::default(), "100").await.unwrap().boxed();
    let event = watch.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Error(status) if status.code == 410));
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn status_and_spec_are_written_apart_and_applied_fields_vanish() {
    let (_, client) = start();
    let api: Api<Meeting> = Api::namespaced(client, "crew");
    let meeting: Meeting = object(json!({
        "apiVersion": "convene.dev/v1alpha1", "kind": "Meeting", "metadata": {"name": "regatta"},
        "spec": {}, "status": {"participants": 7},
    }));
    let made = api.create(&PostParams::default(), &meeting).await.unwrap();
    assert_eq!((made.spec.pool.as_str(), made.metadata.generation), ("default", Some(1)));
    assert_eq!(made.status, None);
    let apply = async |status: Value| {
        let patch = json!({"apiVersion": "convene.dev/v1alpha1", "kind": "Meeting", "metadata": {"uid": made.uid()}, "status": status});
        api.patch_status("regatta", &PatchParams::apply("tester").force(), &Patch::Apply(patch)).await.unwrap()
    };
    let status = apply(json!({"joinUrl": "https://meet.test", "participants": 3})).await;
    assert_eq!(status.metadata.generation, Some(1));
    let status = apply(json!({"participants": 4})).await.status.unwrap();
    assert_eq!((status.join_url, status.participants), (None, Some(4)));
    let title = Patch::Merge(json!({"spec": {"title": "Regatta"}, "status": {"participants": 9}}));
    let changed = api.patch("regatta", &PatchParams::default(), &title).await.unwrap();
    assert_eq!((changed.metadata.generation, changed.status.unwrap().participants), (Some(2), Some(4)));
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for_and_secrets_are_encoded() {
    let (_, client) = start();
    let api: Api<Secret> = Api::namespaced(client, "harbor");
    let secret = object(json!({"metadata": {"name": "key"}, "stringData": {"kid": "k1"}}));
    api.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(api.get("key").await.unwrap().data.unwrap()["kid"].0, b"k1");
    let partial = api.get_metadata("key").await.unwrap();
    assert_eq!(partial.name_any(), "key");
    assert_eq!(api.list_metadata(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn objects_without_owners_are_removed() {
    let (store, client) = start();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "harbor");
    let pods: Api<Pod> = Api::namespaced(client, "harbor");
    let owner = make_config_map(&maps, "chart", json!({})).await;
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "chart", "uid": owner.uid()});
    let pod = object(
        json!({"metadata": {"generateName": "gig-", "ownerReferences": [reference]}, "spec": {"containers": []}}),
    );
    let pod = pods.create(&PostParams::default(), &pod).await.unwrap();
    let _cluster = tokio::spawn(Cluster::new(&store, &Processes::new()).run());
    assert!(pods.get_opt(&pod.name_any()).await.unwrap().is_some());
    maps.delete("chart", &DeleteParams::default()).await.unwrap();
    let mut latest = store.subscribe();
    while pods.get_opt(&pod.name_any()).await.unwrap().is_some() {
        latest.changed().await.unwrap();
    }
}

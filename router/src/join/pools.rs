//! Watches pools for their ICE servers and whether clients can connect to their pods directly.
//!
//! An invalid pool does not affect others; while the API server is unavailable, the last list stays in use.

use std::convert::Infallible;
use std::pin::pin;

use convene_crds::MediaPool;
use convene_service::kube::watch::{WatchBackoff, watch_config};
use futures_util::{Stream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tracing::warn;

use crate::health::ReadinessCheck;
use crate::index::watch::{Sink, WatchError, WatchLog};
use crate::join::state::{JoinState, PoolRecord, Pools};

/// Watches until the process ends.
pub(crate) async fn watch(
    client: Client,
    namespace: &str,
    state: &JoinState,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let pools = Api::<DeserializeGuard<MediaPool>>::namespaced(client, namespace);
    keep(watcher(pools, watch_config()).backoff(WatchBackoff::default()), state, sink).await
}

/// Updates the pools from a stream of watch events.
pub(crate) async fn keep(
    events: impl Stream<Item = Result<Event<DeserializeGuard<MediaPool>>, watcher::Error>>,
    state: &JoinState,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let mut events = pin!(events);
    let (mut log, mut pools, mut pending) = (WatchLog::new("MediaPool"), Pools::new(), Pools::new());
    while let Some(result) = events.next().await {
        let Some(event) = log.note(result, &sink.metrics) else { continue };
        let is_list = matches!(event, Event::InitDone);
        match event {
            Event::Init => pending.clear(),
            Event::InitApply(pool) => add(&mut pending, &pool),
            Event::InitDone => pools = std::mem::take(&mut pending),
            Event::Apply(pool) => add(&mut pools, &pool),
            Event::Delete(pool) => drop(pools.remove(&pool.name_any())),
        }
        if **state.pools.load() != pools {
            state.pools.store(pools.clone().into());
        }
        if is_list {
            sink.readiness.pass(ReadinessCheck::Pools);
        }
    }
    Err(WatchError::Ended)
}

fn add(pools: &mut Pools, pool: &DeserializeGuard<MediaPool>) {
    match &pool.0 {
        Ok(readable) => drop(pools.insert(pool.name_any(), PoolRecord::from_pool(readable))),
        Err(invalid) => warn!(pool = pool.name_any(), error = invalid.error, "could not read a MediaPool"),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::sink;

    fn pool(name: &str, spec: &Value) -> DeserializeGuard<MediaPool> {
        let mut full = json!({"rtcPorts": {"min": 41000, "max": 41039}});
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({
            "apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool", "metadata": {"name": name}, "spec": full
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn pools_are_added_changed_and_removed_and_invalid_ones_do_not_affect_others() {
        let (state, sink) = (JoinState::default(), sink());
        let stun = json!({"iceServers": [{"urls": ["stun:stun.example.org:3478"]}]});
        let events = [
            Ok(Event::Init),
            Ok(Event::InitApply(pool("lagoon", &stun))),
            Ok(Event::InitApply(pool("broken", &json!({"max": "many"})))),
            Ok(Event::InitApply(pool("bay", &json!({})))),
            Ok(Event::InitDone),
            Err(watcher::Error::NoResourceVersion),
            Ok(Event::Apply(pool("bay", &json!({"exposure": "PodIP"})))),
            Ok(Event::Delete(pool("none", &json!({})))),
            Ok(Event::Init),
            Ok(Event::InitApply(pool("reef", &json!({})))),
        ];
        let result = Box::pin(keep(stream::iter(events), &state, sink.clone())).await;
        assert!(matches!(result, Err(WatchError::Ended)));
        let pools = state.pools.load();
        let mut names: Vec<_> = pools.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["bay", "lagoon"], "a list that broke off changes nothing");
        assert_eq!(pools["lagoon"].ice_servers[0].urls, ["stun:stun.example.org:3478"]);
        assert!(pools["bay"].is_direct && !pools["lagoon"].is_direct);
        assert!(!sink.readiness.missing().iter().any(|words| words.contains("MediaPools")));
    }

    #[test]
    fn direct_signaling_is_where_the_announced_address_is_the_pods_or_nodes_own() {
        let cases = [
            (json!({"exposure": "HostNetwork"}), true),
            (json!({"exposure": "PodIP"}), true),
            (json!({"exposure": "HostPort"}), false),
            (json!({"exposure": "NodePort"}), false),
            (json!({"exposure": "LoadBalancer"}), false),
            (
                json!({"exposure": "PodIP", "announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7"]}}),
                false,
            ),
        ];
        for (spec, is_direct) in cases {
            assert_eq!(PoolRecord::from_pool(&pool("p", &spec).0.unwrap()).is_direct, is_direct, "{spec}");
        }
    }
}

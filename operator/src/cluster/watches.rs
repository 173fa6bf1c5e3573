//! The watches: each runs until shutdown, updates its cache before it enqueues anything, and restarts with backoff when it fails.

use std::{fmt::Debug, sync::Arc};

use convene_crds::{
    MediaPool, Meeting,
    names::{MANAGED_BY_SELECTOR, MEDIA_POD_SELECTOR},
};
use futures_util::{Stream, StreamExt};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::store::Writer,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use super::cache::{ClusterCache, Guarded};
use convene_service::kube::watch::{WatchBackoff, watch_config};

/// Where `kubectl apply` keeps a second copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The watch of pools, for their controller.
pub fn watch_pools(
    cache: &Arc<ClusterCache>,
    writer: Writer<Guarded<MediaPool>>,
) -> impl Stream<Item = Changed<MediaPool>> + Send + use<> {
    let api = Api::namespaced(cache.client.clone(), &cache.namespace);
    watch(api, watch_config(), writer, Arc::clone(cache), ClusterCache::on_pool_event)
}

/// The caches that only [`watch_others`] writes.
pub struct OtherWriters {
    /// Cache of Meetings.
    pub meetings: Writer<Guarded<Meeting>>,
    /// Cache of media pods.
    pub pods: Writer<Pod>,
    /// Cache of Services.
    pub services: Writer<Service>,
    /// Cache of disruption budgets.
    pub budgets: Writer<PodDisruptionBudget>,
}

/// Watches all other kinds. Never returns.
pub async fn watch_others(cache: Arc<ClusterCache>, writers: OtherWriters) {
    let OtherWriters { meetings, pods, services, budgets } = writers;
    let client = || cache.client.clone();
    let ours = || watch_config().labels(MANAGED_BY_SELECTOR);
    // Its controller gets Meetings from the queue instead.
    let meetings =
        watch(Api::all(client()), watch_config(), meetings, Arc::clone(&cache), ClusterCache::on_meeting_event);
    let pods = watch(
        Api::namespaced(client(), &cache.namespace),
        watch_config().labels(MEDIA_POD_SELECTOR),
        pods,
        Arc::clone(&cache),
        ClusterCache::on_pod_event,
    );
    let nodes = watch_only(Api::all(client()), watch_config(), Arc::clone(&cache), ClusterCache::on_node_event);
    let namespaces =
        watch_only(Api::all(client()), watch_config(), Arc::clone(&cache), ClusterCache::on_namespace_event);
    let services = watch(
        Api::namespaced(client(), &cache.namespace),
        ours(),
        services,
        Arc::clone(&cache),
        ClusterCache::on_child_event::<Service>,
    );
    let budgets = watch(
        Api::namespaced(client(), &cache.namespace),
        ours(),
        budgets,
        Arc::clone(&cache),
        ClusterCache::on_child_event::<PodDisruptionBudget>,
    );
    let ignore = || std::future::ready(());
    tokio::join!(
        meetings.for_each(|_| ignore()),
        pods.for_each(|_| ignore()),
        nodes.for_each(|()| ignore()),
        namespaces.for_each(|()| ignore()),
        services.for_each(|_| ignore()),
        budgets.for_each(|_| ignore()),
    );
}

/// Removes fields that are never read: with thousands of objects they are most of the memory.
fn slim<K: Resource>(object: &mut K) {
    object.managed_fields_mut().clear();
    if let Some(annotations) = &mut object.meta_mut().annotations {
        annotations.remove(LAST_APPLIED);
    }
}

type Changed<K> = Result<Guarded<K>, watcher::Error>;

/// The cache is updated before anything is enqueued. A failed watch restarts with backoff, and the cache keeps its content in the meantime.
fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
    writer: Writer<K>,
    cache: Arc<ClusterCache>,
    on_event: fn(&ClusterCache, &Event<K>),
) -> impl Stream<Item = Result<K, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let events = watcher(api, config).backoff(WatchBackoff::default()).modify(slim).reflect(writer);
    events.inspect(move |event| handle_event(&cache, on_event, event)).touched_objects()
}

/// A watch without a cache: the relevant fields of its objects are in the views.
fn watch_only<K>(
    api: Api<K>,
    config: watcher::Config,
    cache: Arc<ClusterCache>,
    on_event: fn(&ClusterCache, &Event<K>),
) -> impl Stream<Item = ()> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let events = watcher(api, config).backoff(WatchBackoff::default());
    events.map(move |event| handle_event(&cache, on_event, &event))
}

fn handle_event<K: Resource<DynamicType = ()>>(
    cache: &ClusterCache,
    on_event: fn(&ClusterCache, &Event<K>),
    event: &Result<Event<K>, watcher::Error>,
) {
    match event {
        Ok(event) => {
            on_event(cache, event);
            if matches!(event, Event::InitDone) {
                cache.on_full_list(&K::kind(&()));
            }
        }
        Err(error) => {
            tracing::warn!(error = error as &dyn std::error::Error, kind = %K::kind(&()), "watch failed, retrying");
        }
    }
}

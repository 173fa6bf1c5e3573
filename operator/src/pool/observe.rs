//! First step for a `MediaPool`: its pods, their load, their nodes and Services, and the ports in use.
//!
//! Pods come from the cache if it shows all that were created here; otherwise they are listed, because a reconciliation that does not see
//! earlier pods would create them twice. Everything else comes from caches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use convene_crds::names::{LABEL_POOL, MEDIA_POD_SELECTOR};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams, runtime::reflector::ObjectRef};

use super::{
    budget,
    error::Error,
    expose::{ServiceEndpoints, read_service},
    plan::ObservedPods,
};
use crate::{
    cluster::cache::{CacheState, ClusterCache},
    context::Context,
    model::{
        explain::find_holders,
        ledger::Ledger,
        media_pod::MediaPod,
        ports::PortRange,
        valid_pool::ValidPool,
        views::{NodeView, Views},
    },
};

/// Media pods of all pools: their ports may conflict.
pub(crate) async fn observe_pods(context: &Context) -> Result<Vec<Arc<MediaPod>>, Error> {
    if context.cache.has_all_pods() {
        return Ok(context.cache.state().views.pods().cloned().collect());
    }
    let api: Api<Pod> = Api::namespaced(context.cache.client.clone(), &context.cache.namespace);
    let list = api.list(&ListParams::default().labels(MEDIA_POD_SELECTOR)).await;
    let list = list.map_err(|source| Error::ListPods { source: Box::new(source) })?;
    let pods: Vec<_> = list.items.iter().map(|pod| Arc::new(MediaPod::from_pod(pod))).collect();
    context.cache.confirm_pods(&pods);
    Ok(pods)
}

/// Collects the input of a plan. The caller holds the lock until its decision is recorded.
pub(crate) fn observe_pool(
    context: &Context,
    pool: &ValidPool,
    all: &[Arc<MediaPod>],
    state: &CacheState,
    now: Timestamp,
) -> ObservedPods {
    let ledger = &state.ledger;
    let mut observed = observe_participants(&pool.name, all, ledger, now);
    // Its report may be older than the move.
    observed.participants.retain(|uid, participants| *participants > 0 || !state.moves.is_left(uid));
    let (nodes, overlaps) = observe_views(&state.views, pool);
    ObservedPods {
        taken: compute_taken(pool, all),
        resting: observe_quarantine(context, all, now),
        waiting: ledger.need_of(&pool.name),
        holders: find_holders(pool, observed.pods.len(), ledger),
        nodes,
        services: observe_services(&context.cache, pool),
        has_budget: observe_budget(&context.cache, pool),
        overlaps,
        ..observed
    }
}

/// The pods of a pool and their participants, which is all that is needed for a pool without a valid spec.
pub(crate) fn observe_participants(pool: &str, all: &[Arc<MediaPod>], ledger: &Ledger, now: Timestamp) -> ObservedPods {
    let pods: Vec<_> = all.iter().filter(|pod| pod.pool == pool).cloned().collect();
    let reported = pods.iter().filter_map(|pod| Some((pod.uid.clone(), ledger.participants_on(&pod.uid)?)));
    ObservedPods {
        loads: pods.iter().map(|pod| (pod.uid.clone(), ledger.load_of(&pod.uid))).collect(),
        participants: reported.collect(),
        now,
        pods,
        ..ObservedPods::default()
    }
}

fn observe_views(views: &Views, pool: &ValidPool) -> (BTreeMap<String, NodeView>, Option<String>) {
    (views.nodes().clone(), compute_overlap(pool, views.valid_pools().map(AsRef::as_ref)))
}

fn observe_services(cache: &ClusterCache, pool: &ValidPool) -> BTreeMap<String, Option<ServiceEndpoints>> {
    let services = cache.services.state_filter(|service| service.labels().get(LABEL_POOL) == Some(&pool.name));
    services.iter().map(|service| (service.name_any(), read_service(service))).collect()
}

fn observe_budget(cache: &ClusterCache, pool: &ValidPool) -> bool {
    let name = ObjectRef::new(&budget::name_of(&pool.name)).within(&pool.namespace);
    cache.budgets.get(&name).is_some_and(|found| budget::is_as_wanted(&found, &budget::build_budget(pool)))
}

/// An older pool that uses the same ports of the nodes.
pub(crate) fn compute_overlap<'a>(pool: &ValidPool, all: impl Iterator<Item = &'a ValidPool>) -> Option<String> {
    let rank = |pool: &ValidPool| (pool.created, pool.name.clone());
    let uses_nodes = |other: &&ValidPool| other.template.uses_node_ports() && pool.template.uses_node_ports();
    let mut older = all.filter(uses_nodes).filter(|other| other.ports.overlaps(pool.ports) && rank(other) < rank(pool));
    older.next().map(|other| other.name.clone())
}

/// Blocks that a new pod of `pool` must avoid: those of its own pods and, on ports of nodes, those of every pool.
pub(crate) fn compute_taken(pool: &ValidPool, all: &[Arc<MediaPod>]) -> BTreeSet<PortRange> {
    let uses_node_ports = pool.template.uses_node_ports();
    let in_the_way = |pod: &&Arc<MediaPod>| pod.pool == pool.name || (uses_node_ports && pod.uses_node_ports);
    all.iter().filter(in_the_way).filter_map(|pod| pod.block).collect()
}

fn observe_quarantine(context: &Context, all: &[Arc<MediaPod>], now: Timestamp) -> BTreeSet<PortRange> {
    let mut quarantine = context.quarantine();
    quarantine.observe(&all.iter().filter_map(|pod| pod.block).collect(), context.intervals.rest, now);
    quarantine.resting().collect()
}

/// Reads the blocks recorded by an earlier process from the statuses of all pools, once, before the first decision.
pub(crate) fn recall_blocks(context: &Context) {
    let mut quarantine = context.quarantine();
    for pool in context.cache.pools.state() {
        let Ok(pool) = &pool.0 else { continue };
        for block in pool.status.iter().flat_map(|status| &status.blocks) {
            if let Ok(ports) = block.ports.parse() {
                quarantine.recall(ports, block.resting_until.as_ref().map(|time| time.0));
            }
        }
    }
}

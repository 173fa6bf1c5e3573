//! First step for a `MediaPool`: its pods, fresh from the API server, the addresses of their nodes, and what the pods carry.
//!
//! The pods are listed for every pass instead of taken from the cache: a pass that does not see its predecessor's pods would make them twice.

use std::collections::{BTreeMap, BTreeSet};

use convene_crds::{Exposure, names::MEDIA_POD_SELECTOR};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, api::ListParams};

use super::{Error, plan::ObservedPods, validate::ValidPool};
use crate::{context::Context, ledger::Ledger, media_pod::MediaPod, ports::PortRange};

/// Lists media pods of all pools: their ports may get in each other's way.
pub async fn observe_pods(context: &Context) -> Result<Vec<MediaPod>, Error> {
    let api: Api<Pod> = Api::namespaced(context.world.client.clone(), &context.world.namespace);
    let list = api.list(&ListParams::default().labels(MEDIA_POD_SELECTOR)).await;
    let pods = list.map_err(|source| Error::ListPods { source: Box::new(source) })?;
    Ok(pods.items.iter().map(MediaPod::from_pod).collect())
}

/// The addresses of the nodes whose pods do not know theirs yet.
pub async fn observe_nodes(
    context: &Context,
    pool: &ValidPool,
    pods: &[MediaPod],
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut addresses = BTreeMap::new();
    if pool.template.exposure == Exposure::PodIp || !pool.template.fixed_addresses.is_empty() {
        return Ok(addresses);
    }
    let api: Api<Node> = Api::all(context.world.client.clone());
    let nodeless = pods.iter().filter(|pod| pod.pool == pool.name && pod.is_live() && pod.addresses.is_empty());
    let nodes: BTreeSet<_> = nodeless.filter_map(|pod| pod.node.clone()).collect();
    for name in nodes {
        match api.get_opt(&name).await {
            Ok(Some(node)) => drop(addresses.insert(name, compute_node_addresses(&node))),
            Ok(None) => {}
            Err(source) => return Err(Error::ReadNode { name, source: Box::new(source) }),
        }
    }
    Ok(addresses)
}

/// The node's external addresses, else its internal ones: of several families all.
pub fn compute_node_addresses(node: &Node) -> Vec<String> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_deref()).unwrap_or_default();
    let of_type = |type_: &str| -> Vec<String> {
        addresses.iter().filter(|address| address.type_ == type_).map(|address| address.address.clone()).collect()
    };
    let external = of_type("ExternalIP");
    if external.is_empty() { of_type("InternalIP") } else { external }
}

/// Puts together what a plan needs. The caller holds the ledger until its decision is noted in it.
pub fn observe_pool(
    context: &Context,
    pool: &ValidPool,
    all: &[MediaPod],
    node_addresses: BTreeMap<String, Vec<String>>,
    ledger: &Ledger,
    now: Timestamp,
) -> ObservedPods {
    let meetings = context.world.readable_meetings();
    let readable = || meetings.iter().filter_map(|meeting| meeting.0.as_ref().ok());
    let waiting = readable().filter(|meeting| meeting.spec.pool == pool.name && ledger.pod_of(meeting).is_none());
    let fits = waiting.filter(|meeting| meeting.spec.max_participants <= pool.capacity.participants);
    ObservedPods {
        pods: all.iter().filter(|pod| pod.pool == pool.name).cloned().collect(),
        taken: compute_taken(pool, all),
        resting: observe_quarantine(context, all, now),
        loads: ledger.compute_loads(readable()),
        waiting: u32::try_from(fits.count()).unwrap_or(u32::MAX),
        node_addresses,
    }
}

/// Blocks that a new pod of `pool` must keep clear of: those of its own pods, and on nodes those of every pool.
pub fn compute_taken(pool: &ValidPool, all: &[MediaPod]) -> BTreeSet<PortRange> {
    let uses_node_ports = pool.template.exposure != Exposure::PodIp;
    let in_the_way = |pod: &&MediaPod| pod.pool == pool.name || (uses_node_ports && pod.uses_node_ports);
    all.iter().filter(in_the_way).filter_map(|pod| pod.block).collect()
}

fn observe_quarantine(context: &Context, all: &[MediaPod], now: Timestamp) -> BTreeSet<PortRange> {
    let mut quarantine = context.quarantine.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    quarantine.observe(&all.iter().filter_map(|pod| pod.block).collect(), now);
    quarantine.resting().collect()
}

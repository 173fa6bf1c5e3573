//! Third step for a `MediaPool`: which pods to make, to delete and to tell their address.
//!
//! Pure: no I/O, no clock, no randomness. Names and ports are in the plan; the executor has no choices. A pod with meetings is never deleted
//! unless it is dead.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};

use convene_crds::Exposure;

use super::validate::ValidPool;
use crate::{
    ledger::PodLoads,
    media_pod::{MediaPod, PodState, Wait},
    ports::{PortRange, compute_free_block},
    reason,
};

/// Most pods that one pass creates.
pub const MAX_CREATIONS: usize = 10;
/// Most pods that one pass deletes because they are not needed.
pub const MAX_DELETIONS: usize = 5;

/// What was observed about a pool.
#[derive(Clone, Debug, Default)]
pub struct ObservedPods {
    /// Its pods.
    pub pods: Vec<MediaPod>,
    /// Blocks in use by any pod that could get in the way.
    pub taken: BTreeSet<PortRange>,
    /// Blocks that rest after use.
    pub resting: BTreeSet<PortRange>,
    /// What its pods carry.
    pub loads: PodLoads,
    /// Its meetings that no pod carries.
    pub waiting: u32,
    /// Addresses of nodes whose pods wait for them.
    pub node_addresses: BTreeMap<String, Vec<String>>,
}

/// A pod to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPod {
    /// Its name: pool and first port, so that nobody else has it while the block is in use.
    pub name: String,
    /// Its ports.
    pub block: PortRange,
}

/// A pod to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDeletion {
    /// Its name.
    pub name: String,
    /// Its UID: a later pod of the same name is left alone.
    pub uid: String,
    /// Why.
    pub why: Wait,
}

/// Addresses to tell a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Name of the pod.
    pub name: String,
    /// UID of the pod.
    pub uid: String,
    /// The addresses.
    pub addresses: Vec<String>,
}

/// Everything that one pass does to a pool's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolPlan {
    /// Pods to create.
    pub create: Vec<NewPod>,
    /// Pods to delete.
    pub delete: Vec<PodDeletion>,
    /// Pods to tell their addresses.
    pub announce: Vec<Announcement>,
    /// What keeps the pool from having the pods it wants.
    pub trouble: Option<Wait>,
}

/// Plans one pass over a pool.
pub fn plan_pool(pool: &ValidPool, observed: &ObservedPods) -> PoolPlan {
    let census = Census::take(pool, observed);
    let (create, lack) = plan_creations(pool, observed, census.missing(pool));
    let mut delete = plan_replacements(observed);
    delete.extend(plan_shrinking(pool, &census));
    let (announce, nameless) = plan_announcements(pool, observed);
    PoolPlan { create, delete, announce, trouble: lack.or(nameless) }
}

/// The live pods, sorted by what they are good for.
struct Census<'a> {
    live: usize,
    busy: usize,
    /// Without meetings, made from the current template; the ones to keep first.
    spare: Vec<&'a MediaPod>,
    /// Without meetings, made from an older template.
    outdated: Vec<&'a MediaPod>,
    wanted: usize,
}

impl<'a> Census<'a> {
    fn take(pool: &ValidPool, observed: &'a ObservedPods) -> Self {
        let live: Vec<_> = observed.pods.iter().filter(|pod| pod.is_live()).collect();
        let is_busy = |pod: &MediaPod| observed.loads.get(&pod.uid).is_some_and(|load| load.meetings > 0);
        let (busy, empty): (Vec<_>, Vec<_>) = live.iter().copied().partition(|pod| is_busy(pod));
        let (mut spare, outdated): (Vec<_>, Vec<_>) = empty.into_iter().partition(|pod| pod.revision == pool.revision);
        spare.sort_by_key(|pod| (!pod.is_ready(), pod.created, pod.name.clone()));
        Self {
            live: live.len(),
            busy: busy.len(),
            spare,
            outdated,
            wanted: compute_wanted(pool, busy.len(), observed.waiting),
        }
    }

    /// Pods to create, as far as `max` lets.
    fn missing(&self, pool: &ValidPool) -> usize {
        let lacking = self.wanted.saturating_sub(self.busy + self.spare.len());
        lacking.min((pool.max as usize).saturating_sub(self.live)).min(MAX_CREATIONS)
    }
}

/// Pods with meetings, plus the spare ones or what the waiting meetings need, whichever is more.
fn compute_wanted(pool: &ValidPool, busy: usize, waiting: u32) -> usize {
    let for_waiting = waiting.div_ceil(pool.capacity.meetings.max(1));
    (busy + pool.warm.max(for_waiting) as usize).min(pool.max as usize)
}

fn plan_creations(pool: &ValidPool, observed: &ObservedPods, count: usize) -> (Vec<NewPod>, Option<Wait>) {
    let mut blocked: BTreeSet<_> = observed.taken.union(&observed.resting).copied().collect();
    let mut create = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(block) = compute_free_block(pool.ports, pool.template.block_size(), &blocked) else {
            return (create, Some(compute_no_block(pool, observed)));
        };
        blocked.insert(block);
        create.push(NewPod { name: format!("media-{}-{}", pool.name, block.first()), block });
    }
    (create, None)
}

fn compute_no_block(pool: &ValidPool, observed: &ObservedPods) -> Wait {
    let (ports, size) = (pool.ports, pool.template.block_size());
    if compute_free_block(ports, size, &observed.taken).is_some() {
        let message = format!("the free ports of {ports} were in use a moment ago and rest for half a minute");
        return Wait::new(reason::PORTS_RESTING, message);
    }
    Wait::new(
        reason::PORTS_EXHAUSTED,
        format!(
            "rtcPorts {ports} has no {size} free ports in a row for another media pod: widen it, or lower max or warm"
        ),
    )
}

fn plan_replacements(observed: &ObservedPods) -> Vec<PodDeletion> {
    let dead = observed.pods.iter().filter_map(|pod| match &pod.state {
        PodState::Dead(why) => Some(compute_deletion(pod, Wait::new(reason::POD_REPLACED, why.message.clone()))),
        _ => None,
    });
    dead.collect()
}

fn plan_shrinking(pool: &ValidPool, census: &Census<'_>) -> Vec<PodDeletion> {
    let keep = census.wanted.saturating_sub(census.busy);
    let surplus = census.spare.iter().skip(keep).map(|pod| (*pod, "is not needed"));
    // Old spare pods stay until their successors are ready, unless they take the successors' place.
    let ready = census.spare.iter().filter(|pod| pod.is_ready()).count();
    let is_at_max = census.live >= pool.max as usize;
    let releasable = if ready >= keep { census.outdated.len() } else { usize::from(is_at_max) };
    let outdated = census.outdated.iter().take(releasable).map(|pod| (*pod, "was made from an older template"));
    let why = |pod: &MediaPod, cause: &str| Wait::new(reason::POD_DELETED, format!("media pod {:?} {cause}", pod.name));
    surplus.chain(outdated).take(MAX_DELETIONS).map(|(pod, cause)| compute_deletion(pod, why(pod, cause))).collect()
}

fn compute_deletion(pod: &MediaPod, why: Wait) -> PodDeletion {
    PodDeletion { name: pod.name.clone(), uid: pod.uid.clone(), why }
}

fn plan_announcements(pool: &ValidPool, observed: &ObservedPods) -> (Vec<Announcement>, Option<Wait>) {
    let mut announce = Vec::new();
    let mut trouble = None;
    for pod in observed.pods.iter().filter(|pod| pod.is_live() && pod.addresses.is_empty()) {
        match compute_addresses(pool, observed, pod) {
            Some(addresses) if addresses.is_empty() => trouble = Some(compute_nameless(pod)),
            Some(addresses) => announce.push(Announcement { name: pod.name.clone(), uid: pod.uid.clone(), addresses }),
            None => {}
        }
    }
    (announce, trouble)
}

/// `None`: not known yet; empty: known to be none.
fn compute_addresses(pool: &ValidPool, observed: &ObservedPods, pod: &MediaPod) -> Option<Vec<String>> {
    if !pool.template.fixed_addresses.is_empty() {
        return Some(pool.template.fixed_addresses.clone());
    }
    match pool.template.exposure {
        Exposure::PodIp => Some(pod.ips.clone()).filter(|ips| !ips.is_empty()),
        Exposure::HostPort | Exposure::HostNetwork => observed.node_addresses.get(pod.node.as_ref()?).cloned(),
    }
}

fn compute_nameless(pod: &MediaPod) -> Wait {
    let node = pod.node.as_deref().unwrap_or_default();
    Wait::new(
        reason::NO_NODE_ADDRESS,
        format!(
            "node {node:?} of media pod {:?} has neither ExternalIP nor InternalIP: set announcedAddress.policy to Fixed",
            pod.name
        ),
    )
}

#[cfg(test)]
mod tests;

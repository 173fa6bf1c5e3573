//! Third step for a `MediaPool`: which pods to make, to drain, to delete and to tell their address.
//!
//! Pure: no I/O, no clock, no randomness. Names and ports are in the plan; the executor has no choices. A pod with people is never deleted,
//! unless it is dead or the time for draining it is over.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod announce;
mod census;
mod drain;
mod removal;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use self::census::Census;
pub(super) use self::census::is_current;
pub use self::removal::{Left, RemovalPlan, explain_removal, plan_removal};
use super::expose::Opening;
use crate::model::{
    ledger::{Holders, Need, PodLoad, PodLoads},
    media_pod::{Draining, MediaPod, PodState},
    ports::{PortRange, compute_free_block},
    reason::Wait,
    valid_pool::ValidPool,
    views::NodeView,
};
use convene_crds::reason;

/// Most pods that one pass creates.
pub const MAX_CREATIONS: usize = 10;
/// Most pods that one pass deletes because they are not needed.
pub const MAX_DELETIONS: usize = 5;
/// Seconds after which a pod whose ports are taken by somebody else is given up for another block.
const TAKEN_SECONDS: i64 = 60;

/// What was observed about a pool.
#[derive(Clone, Debug, Default)]
pub struct ObservedPods {
    /// Its pods.
    pub pods: Vec<Arc<MediaPod>>,
    /// Blocks in use by any pod that could get in the way.
    pub taken: BTreeSet<PortRange>,
    /// Blocks that rest after use.
    pub resting: BTreeSet<PortRange>,
    /// What its pods carry.
    pub loads: PodLoads,
    /// People on its pods by the pods' own account, by UID.
    pub people: BTreeMap<String, u32>,
    /// What its meetings that no pod carries need.
    pub waiting: Need,
    /// The namespaces that use it, once it has all the pods it may have.
    pub holders: Holders,
    /// Every node.
    pub nodes: BTreeMap<String, NodeView>,
    /// What the Services of its pods open, by name of the pod; `None` is a Service that opens nothing yet.
    pub services: BTreeMap<String, Option<Opening>>,
    /// Whether its disruption budget is as it should be.
    pub has_budget: bool,
    /// Another pool that draws from the same ports of the nodes.
    pub overlaps: Option<String>,
    /// The time.
    pub now: Timestamp,
}

impl ObservedPods {
    /// What a pod carries.
    pub fn load_of(&self, pod: &MediaPod) -> PodLoad {
        self.loads.get(&pod.uid).copied().unwrap_or_default()
    }

    /// Whether anybody is on a pod, by its meetings' or its own account.
    pub fn has_people(&self, pod: &MediaPod) -> bool {
        self.load_of(pod).participants > 0 || self.people.get(&pod.uid).is_some_and(|people| *people > 0)
    }

    /// Whether it is known that nobody is on a pod: a ready one must have said so itself. After a restart of this process none has yet.
    pub fn is_known_empty(&self, pod: &MediaPod) -> bool {
        !self.has_people(pod) && (!pod.is_ready() || self.people.contains_key(&pod.uid))
    }
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
    /// The ports, where they differ.
    pub ports: String,
}

/// A pod whose drain begins, or (`None`) ends because its cause is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainChange {
    /// Name of the pod.
    pub name: String,
    /// UID of the pod.
    pub uid: String,
    /// From now on.
    pub draining: Option<Draining>,
    /// A sentence for the event.
    pub message: String,
}

/// A pod whose protection from eviction changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Name of the pod.
    pub name: String,
    /// UID of the pod.
    pub uid: String,
    /// Whether it may be evicted.
    pub is_evictable: bool,
}

/// A pod whose labels are put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// Name of the pod.
    pub name: String,
    /// UID of the pod.
    pub uid: String,
}

/// Everything that one pass does to a pool's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolPlan {
    /// Whether the disruption budget is to be written.
    pub write_budget: bool,
    /// Pods to protect, or not.
    pub protect: Vec<Protection>,
    /// Pods whose labels somebody has edited: they get them back.
    pub mend: Vec<Mend>,
    /// Pods that need a Service.
    pub open: Vec<Arc<MediaPod>>,
    /// Pods to tell their addresses.
    pub announce: Vec<Announcement>,
    /// Pods to drain, or no longer.
    pub drain: Vec<DrainChange>,
    /// UIDs of draining pods some of whose meetings with people move now.
    pub move_off: Vec<String>,
    /// Pods to create.
    pub create: Vec<NewPod>,
    /// Pods to delete.
    pub delete: Vec<PodDeletion>,
    /// What keeps the pool from having the pods it wants.
    pub trouble: Option<Wait>,
    /// When something is due that no watch tells of.
    pub again: Option<Timestamp>,
}

/// Plans one pass over a pool.
pub fn plan_pool(pool: &ValidPool, observed: &ObservedPods) -> PoolPlan {
    let census = Census::take(pool, observed);
    let (create, lack) = plan_creations(pool, observed, census.missing(pool));
    let drain = drain::plan_drains(pool, observed, &census);
    let mut delete = plan_replacements(pool, observed);
    delete.extend(drain::plan_departures(pool, observed));
    delete.extend(plan_shrinking(pool, observed, &census));
    let (announce, nameless) = announce::plan_announcements(pool, observed);
    PoolPlan {
        write_budget: !observed.has_budget,
        protect: drain::plan_protection(observed),
        mend: plan_mends(observed),
        open: announce::plan_services(pool, observed),
        announce,
        move_off: drain::plan_moves(observed),
        again: drain::compute_next_deadline(pool, observed),
        drain,
        create,
        delete,
        trouble: lack.or(nameless),
    }
}

/// What is left of a plan for a pool that may get no media pod, because of `why`: those that there are are looked after, and none of them is
/// given up that others should take the place of.
pub fn withhold_pods(plan: PoolPlan, why: Wait) -> PoolPlan {
    let delete = plan.delete.into_iter().filter(|deletion| deletion.why.reason != reason::POD_DELETED).collect();
    PoolPlan { create: Vec::new(), delete, trouble: Some(why), ..plan }
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

/// Dead pods, and pods whose ports somebody else has taken while others are free.
fn plan_replacements(pool: &ValidPool, observed: &ObservedPods) -> Vec<PodDeletion> {
    let is_old = |pod: &MediaPod| {
        pod.created
            .is_some_and(|created| observed.now.duration_since(created) > SignedDuration::from_secs(TAKEN_SECONDS))
    };
    let blocked: BTreeSet<_> = observed.taken.union(&observed.resting).copied().collect();
    let has_others = compute_free_block(pool.ports, pool.template.block_size(), &blocked).is_some();
    let why = |pod: &MediaPod| match &pod.state {
        PodState::Dead(why) => Some(why.message.clone()),
        PodState::Starting(why) if why.reason == reason::PORTS_TAKEN && has_others && is_old(pod) => {
            Some(format!("{}; other ports are tried", why.message))
        }
        _ => None,
    };
    let replaced = observed.pods.iter().filter_map(|pod| Some((pod, why(pod)?)));
    replaced.map(|(pod, message)| compute_deletion(pod, Wait::new(reason::POD_REPLACED, message))).collect()
}

fn plan_mends(observed: &ObservedPods) -> Vec<Mend> {
    let edited = observed.pods.iter().filter(|pod| pod.is_live() && !pod.is_labelled);
    edited.map(|pod| Mend { name: pod.name.clone(), uid: pod.uid.clone() }).collect()
}

fn plan_shrinking(pool: &ValidPool, observed: &ObservedPods, census: &Census<'_>) -> Vec<PodDeletion> {
    let keep = census.wanted.saturating_sub(census.busy);
    let surplus = census.spare.iter().skip(keep).map(|pod| (*pod, "is not needed"));
    // Old spare pods stay until their successors are ready, unless they take the successors' place.
    let ready = census.spare.iter().filter(|pod| pod.is_ready()).count();
    let is_at_max = census.live >= pool.max as usize;
    let releasable = if ready >= keep { census.outdated_spare.len() } else { usize::from(is_at_max) };
    let outdated = census.outdated_spare.iter().take(releasable).map(|pod| (*pod, "was made from an older template"));
    let why = |pod: &MediaPod, cause: &str| Wait::new(reason::POD_DELETED, format!("media pod {:?} {cause}", pod.name));
    let empty = surplus.chain(outdated).filter(|(pod, _)| observed.is_known_empty(pod));
    empty.take(MAX_DELETIONS).map(|(pod, cause)| compute_deletion(pod, why(pod, cause))).collect()
}

fn compute_deletion(pod: &MediaPod, why: Wait) -> PodDeletion {
    PodDeletion { name: pod.name.clone(), uid: pod.uid.clone(), why }
}

#[cfg(test)]
mod tests;

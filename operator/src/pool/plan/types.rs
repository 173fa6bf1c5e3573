//! What a plan for a pool is made from, and what it consists of.
//!
//! Pure values. Nothing here decides.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    model::{
        ledger::{Holders, Need, PodLoad, PodLoads},
        media_pod::{Draining, MediaPod},
        ports::PortRange,
        reason::Reason,
        views::NodeView,
    },
    pool::expose::ServiceEndpoints,
};

/// What was observed about a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedPods {
    /// Its pods.
    pub(crate) pods: Vec<Arc<MediaPod>>,
    /// Blocks in use by any pod that could get in the way.
    pub(crate) taken: BTreeSet<PortRange>,
    /// Blocks that rest after use.
    pub(crate) resting: BTreeSet<PortRange>,
    /// What its pods carry.
    pub(crate) loads: PodLoads,
    /// People on its pods by the pods' own account, by UID.
    pub(crate) people: BTreeMap<String, u32>,
    /// What its meetings that no pod carries need.
    pub(crate) waiting: Need,
    /// The namespaces that use it, once it has all the pods it may have.
    pub(crate) holders: Holders,
    /// Every node.
    pub(crate) nodes: BTreeMap<String, NodeView>,
    /// What the Services of its pods open, by name of the pod; `None` is a Service that opens nothing yet.
    pub(crate) services: BTreeMap<String, Option<ServiceEndpoints>>,
    /// Whether its disruption budget is as it should be.
    pub(crate) has_budget: bool,
    /// Another pool that draws from the same ports of the nodes.
    pub(crate) overlaps: Option<String>,
    /// The time.
    pub(crate) now: Timestamp,
}

impl ObservedPods {
    /// What a pod carries.
    pub(crate) fn load_of(&self, pod: &MediaPod) -> PodLoad {
        self.loads.get(&pod.uid).copied().unwrap_or_default()
    }

    /// Whether anybody is on a pod, by its meetings' or its own account.
    pub(crate) fn has_people(&self, pod: &MediaPod) -> bool {
        self.load_of(pod).participants > 0 || self.people.get(&pod.uid).is_some_and(|people| *people > 0)
    }

    /// Whether it is known that nobody is on a pod: a ready one must have said so itself. After a restart of this process none has yet.
    pub(crate) fn is_known_empty(&self, pod: &MediaPod) -> bool {
        !self.has_people(pod) && (!pod.is_ready() || self.people.contains_key(&pod.uid))
    }
}

/// A pod to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewPod {
    /// Its name: pool and first port, so that nobody else has it while the block is in use.
    pub(crate) name: String,
    /// Its ports.
    pub(crate) block: PortRange,
}

/// A pod to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodDeletion {
    /// Its name.
    pub(crate) name: String,
    /// Its UID: a later pod of the same name is left alone.
    pub(crate) uid: String,
    /// Why.
    pub(crate) why: Reason,
}

/// Addresses to tell a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
    /// The addresses.
    pub(crate) addresses: Vec<String>,
    /// The ports, where they differ.
    pub(crate) ports: String,
}

/// A pod whose drain begins, or (`None`) ends because its cause is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrainChange {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
    /// From now on.
    pub(crate) draining: Option<Draining>,
    /// A sentence for the event.
    pub(crate) message: String,
}

/// A pod whose protection from eviction changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
    /// Whether it may be evicted.
    pub(crate) is_evictable: bool,
}

/// A pod whose labels are put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelRepair {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
}

/// Everything that one pass does to a pool's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolPlan {
    /// Whether the disruption budget is to be written.
    pub(crate) write_budget: bool,
    /// Pods to protect, or not.
    pub(crate) protect: Vec<Protection>,
    /// Pods whose labels somebody has edited: they get them back.
    pub(crate) mend: Vec<LabelRepair>,
    /// Pods that need a Service.
    pub(crate) open: Vec<Arc<MediaPod>>,
    /// Pods to tell their addresses.
    pub(crate) announce: Vec<Announcement>,
    /// Pods to drain, or no longer.
    pub(crate) drain: Vec<DrainChange>,
    /// UIDs of draining pods some of whose meetings with people move now.
    pub(crate) move_off: Vec<String>,
    /// Pods to create.
    pub(crate) create: Vec<NewPod>,
    /// Pods to delete.
    pub(crate) delete: Vec<PodDeletion>,
    /// What keeps the pool from having the pods it wants.
    pub(crate) trouble: Option<Reason>,
    /// When something is due that no watch tells of.
    pub(crate) again: Option<Timestamp>,
}

/// The deletion of `pod`, because of `why`.
pub(super) fn compute_deletion(pod: &MediaPod, why: Reason) -> PodDeletion {
    PodDeletion { name: pod.name.clone(), uid: pod.uid.clone(), why }
}

//! Input and parts of a plan for a pool.
//!
//! Plain values: no decisions.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use convene_crds::reason;
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

/// The observed state of a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedPods {
    pub(crate) pods: Vec<Arc<MediaPod>>,
    /// Blocks in use by any pod that could conflict.
    pub(crate) taken: BTreeSet<PortRange>,
    /// Blocks that are held back after use.
    pub(crate) resting: BTreeSet<PortRange>,
    pub(crate) loads: PodLoads,
    /// Participants on its pods as the pods report them, by UID.
    pub(crate) participants: BTreeMap<String, u32>,
    /// The capacity that its meetings without a pod need.
    pub(crate) waiting: Need,
    /// The namespaces that use it, once it has its maximum of pods.
    pub(crate) holders: Holders,
    /// All nodes.
    pub(crate) nodes: BTreeMap<String, NodeView>,
    /// Endpoints of the Services of its pods, by name of the pod; `None` is a Service without endpoints yet.
    pub(crate) services: BTreeMap<String, Option<ServiceEndpoints>>,
    /// Whether its disruption budget is up to date.
    pub(crate) has_budget: bool,
    /// Another pool that uses the same ports of the nodes.
    pub(crate) overlaps: Option<String>,
    /// The time.
    pub(crate) now: Timestamp,
}

impl ObservedPods {
    pub(crate) fn load_of(&self, pod: &MediaPod) -> PodLoad {
        self.loads.get(&pod.uid).copied().unwrap_or_default()
    }

    /// Whether a pod has participants, by the ledger or by its own report.
    pub(crate) fn has_participants(&self, pod: &MediaPod) -> bool {
        self.load_of(pod).participants > 0
            || self.participants.get(&pod.uid).is_some_and(|participants| *participants > 0)
    }

    /// Whether a pod serves meetings of other pods that have not reported yet where their participants are.
    pub(crate) fn may_serve_guests(&self, pod: &MediaPod) -> bool {
        self.load_of(pod).unknown_guests > 0
    }

    /// Whether a pod is known to be empty: a ready pod must have reported so itself. After a restart of this process no pod has reported
    /// yet.
    pub(crate) fn is_known_empty(&self, pod: &MediaPod) -> bool {
        !self.may_serve_guests(pod)
            && !self.has_participants(pod)
            && (!pod.is_ready() || self.participants.contains_key(&pod.uid))
    }
}

/// A pod to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewPod {
    /// Its name: pool and first port, so that it is unique while the block is in use.
    pub(crate) name: String,
    pub(crate) block: PortRange,
}

/// A pod to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodDeletion {
    pub(crate) name: String,
    /// Its UID: a later pod with the same name is left alone.
    pub(crate) uid: String,
    /// Reason of the deletion, for the event.
    pub(crate) why: Reason,
}

impl PodDeletion {
    /// Whether the pod is deleted because it is empty, in which case it must still be empty.
    pub(crate) fn requires_empty_pod(&self) -> bool {
        self.why.code == reason::POD_DELETED
    }

    /// Whether the pod may have participants, whose calls are ended first.
    pub(crate) fn ends_calls(&self) -> bool {
        self.why.code == reason::DRAIN_DEADLINE
    }
}

/// Addresses to announce to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
    pub(crate) addresses: Vec<String>,
    /// The ports, where they differ from those of the pod.
    pub(crate) ports: String,
}

/// A pod that starts draining, or stops (`None`) because the cause no longer applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrainChange {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
    /// The new state.
    pub(crate) draining: Option<Draining>,
    /// The message of the event.
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

/// A pod whose labels are restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelRepair {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod.
    pub(crate) uid: String,
}

/// Everything that one reconciliation does to a pool's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolPlan {
    /// Whether to write the disruption budget.
    pub(crate) write_budget: bool,
    /// Pods whose protection from eviction changes.
    pub(crate) protect: Vec<Protection>,
    /// Pods whose labels were edited and have to be restored.
    pub(crate) repair: Vec<LabelRepair>,
    /// Pods that need a Service.
    pub(crate) open: Vec<Arc<MediaPod>>,
    /// Addresses to announce.
    pub(crate) announce: Vec<Announcement>,
    /// Pods that start or stop draining.
    pub(crate) drain: Vec<DrainChange>,
    /// UIDs of draining pods some of whose active meetings move now.
    pub(crate) move_off: Vec<String>,
    /// UIDs of overfull pods one of whose meetings may move.
    pub(crate) relieve: Vec<String>,
    pub(crate) create: Vec<NewPod>,
    pub(crate) delete: Vec<PodDeletion>,
    /// The reason the pool cannot have the pods it wants.
    pub(crate) trouble: Option<Reason>,
    /// The time of the next due step that no watch reports.
    pub(crate) again: Option<Timestamp>,
}

/// The deletion of `pod`, because of `why`.
pub(super) fn compute_deletion(pod: &MediaPod, why: Reason) -> PodDeletion {
    PodDeletion { name: pod.name.clone(), uid: pod.uid.clone(), why }
}

//! Load of pods and need for pods, as the ledger reports them.
//!
//! Pure values; the ledger alone computes them.

use std::collections::BTreeMap;

use convene_crds::MeetingStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What a media pod carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodLoad {
    /// Meetings bound to it.
    pub(crate) meetings: u32,
    /// People in them.
    pub(crate) participants: u32,
    /// Meetings among them that want the pod for themselves.
    pub(crate) dedicated: u32,
    /// Meetings among them that somebody is in.
    pub(crate) active: u32,
}

/// What goes on in a meeting's room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Occupancy {
    /// People in it.
    pub(crate) participants: u32,
    /// Whether somebody records.
    pub(crate) is_recorded: bool,
}

impl Occupancy {
    /// As a meeting's status says.
    pub(crate) fn of_status(status: Option<&MeetingStatus>) -> Self {
        status.map_or_else(Self::default, |status| Self {
            participants: status.participants.unwrap_or_default(),
            is_recorded: status.recording,
        })
    }
}

/// Load by pod UID.
pub(crate) type PodLoads = BTreeMap<String, PodLoad>;

/// Namespace and name of a Meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MeetingKey {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

/// What the meetings that no pod carries need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// Meetings that can share a pod.
    pub(crate) shared: u32,
    /// Meetings that want one for themselves.
    pub(crate) dedicated: u32,
}

impl Need {
    /// Whether nobody waits.
    pub(crate) const fn is_none(self) -> bool {
        self.shared == 0 && self.dedicated == 0
    }

    /// Pods that this needs, if each takes `meetings_per_pod`.
    pub(crate) fn pods(self, meetings_per_pod: u32) -> u32 {
        self.shared.div_ceil(meetings_per_pod.max(1)).saturating_add(self.dedicated)
    }
}

/// Namespace and name of the Meeting with this metadata.
pub(crate) fn key_of(meta: &ObjectMeta) -> MeetingKey {
    MeetingKey { namespace: meta.namespace.clone().unwrap_or_default(), name: meta.name.clone().unwrap_or_default() }
}

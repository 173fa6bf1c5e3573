//! Load of pods and need for pods, as the ledger computes them.
//!
//! Plain values; only the ledger computes them.

use std::{collections::BTreeMap, sync::Arc};

use convene_crds::MeetingStatus;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The load of a media pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodLoad {
    /// Meetings assigned to it.
    pub(crate) meetings: u32,
    /// Participants of these meetings.
    pub(crate) participants: u32,
    /// Dedicated meetings among them.
    pub(crate) dedicated: u32,
    /// Meetings among them that have participants.
    pub(crate) active: u32,
    /// Meetings of other pods that it serves. Their participants on this pod are included in `participants`.
    pub(crate) guests: u32,
    /// Meetings among these whose pods have not reported yet where their participants are.
    pub(crate) unknown_guests: u32,
    /// Other pods to which it has streams, for each meeting that several pods serve.
    pub(crate) pipes: u32,
}

impl PodLoad {
    /// The part of the pod's capacity that is left for one meeting, which has `own` participants there.
    pub(crate) const fn remaining(self, capacity: u32, own: u32) -> u32 {
        capacity.saturating_sub(self.participants.saturating_sub(own))
    }

    /// Whether no meeting uses the pod.
    pub(crate) const fn is_unused(self) -> bool {
        self.meetings == 0 && self.guests == 0
    }
}

/// Participants and other uses of a meeting's room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Occupancy {
    pub(crate) participants: u32,
    /// Whether the call is being recorded.
    pub(crate) is_recorded: bool,
}

impl Occupancy {
    /// From a meeting's status.
    pub(crate) fn of_status(status: Option<&MeetingStatus>) -> Self {
        status.map_or_else(Self::default, |status| Self {
            participants: status.participants.unwrap_or_default(),
            is_recorded: status.recording,
        })
    }
}

/// What the room of a meeting reports about another pod that serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnSite {
    pub(crate) participants: u32,
    /// When the link to it was lost, if it is.
    pub(crate) lost_since: Option<Timestamp>,
    /// How often it has been lost since the pod was added.
    pub(crate) losses: u32,
}

/// The other pods of a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sites {
    /// UIDs of those that are to serve it, in the order in which they were added.
    pub(crate) wanted: Vec<Arc<str>>,
    /// What its room reports about other pods, by UID, including those that are no longer to serve it. `None`: its pod has not reported since the
    /// meeting came to it.
    pub(crate) reported: Option<BTreeMap<Arc<str>, OnSite>>,
    /// Start of the time in which it needs fewer of them.
    pub(crate) spare_since: Option<Timestamp>,
    /// UIDs of those that could not be linked a short time ago.
    pub(crate) avoided: Vec<Arc<str>>,
    /// Whether it was waiting for another pod.
    pub(crate) wants_pod: bool,
}

impl Sites {
    pub(crate) fn on(&self, uid: &str) -> OnSite {
        self.reported.as_ref().and_then(|sites| sites.get(uid)).copied().unwrap_or_default()
    }

    /// Participants on all of them.
    pub(crate) fn participants(&self) -> u32 {
        self.reported.iter().flat_map(BTreeMap::values).map(|site| site.participants).sum()
    }
}

/// Load by pod UID.
pub(crate) type PodLoads = BTreeMap<String, PodLoad>;

/// Namespace and name of a Meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MeetingKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A meeting on a pod, as far as it matters whether it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostedMeeting {
    pub(crate) uid: Arc<str>,
    pub(crate) key: Arc<MeetingKey>,
    /// Participants that are there or on their way, except those whom other pods serve.
    pub(crate) participants: u32,
    pub(crate) max_participants: u32,
    pub(crate) is_dedicated: bool,
    /// Whether other pods serve it, too.
    pub(crate) has_sites: bool,
    /// Whether some of them are on their way, so that the pod does not report all of them yet.
    pub(crate) is_arriving: bool,
    /// When it last began to move with participants.
    pub(crate) moved_at: Option<Timestamp>,
}

/// The capacity that the meetings without a pod need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// Meetings that can share a pod.
    pub(crate) shared: u32,
    /// Meetings that require a dedicated pod.
    pub(crate) dedicated: u32,
}

impl Need {
    /// Whether no meeting waits.
    pub(crate) const fn is_none(self) -> bool {
        self.shared == 0 && self.dedicated == 0
    }

    /// Number of pods needed, if each takes `meetings_per_pod`.
    pub(crate) fn pods(self, meetings_per_pod: u32) -> u32 {
        self.shared.div_ceil(meetings_per_pod.max(1)).saturating_add(self.dedicated)
    }
}

/// Namespace and name of the Meeting with this metadata.
pub(crate) fn key_of(meta: &ObjectMeta) -> MeetingKey {
    MeetingKey { namespace: meta.namespace.clone().unwrap_or_default(), name: meta.name.clone().unwrap_or_default() }
}

//! The ledger's record of one meeting.
//!
//! Pure. Only the ledger changes it, so that its sums stay correct.

use std::{collections::BTreeMap, sync::Arc};

use convene_crds::{AssignedPod, Meeting, MeetingStatus};
use jiff::Timestamp;

use super::{
    load::{HostedMeeting, MeetingKey, Occupancy, OnSite, key_of},
    usage::Usage,
};

#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<MeetingKey>,
    pub(super) pool: Arc<str>,
    pub(super) is_dedicated: bool,
    pub(super) max_participants: u32,
    /// Whether several pods may serve it.
    pub(super) may_spread: bool,
    /// When it last began to move with participants, by its status.
    pub(super) moved_at: Option<Timestamp>,
    /// Pod in the cached status.
    pub(super) recorded: Option<Arc<str>>,
    /// Pod of a decision that the cache does not show yet.
    pub(super) decided: Option<Box<AssignedPod>>,
    /// The other pods that serve it, in the cached status.
    pub(super) recorded_sites: Vec<Arc<str>>,
    /// The same by a decision that the cache does not show yet.
    pub(super) decided_sites: Option<Vec<Arc<str>>>,
    /// Other pods as its pod reported them last, by UID. `None`: not since the meeting came to that pod.
    pub(super) served: Option<BTreeMap<Arc<str>, OnSite>>,
    /// Start of the time in which it needs fewer other pods.
    pub(super) spare_since: Option<Timestamp>,
    /// Pods that could not be linked, and when they may be tried again.
    pub(super) avoided: Vec<(Arc<str>, Timestamp)>,
    /// Occupancy from its status.
    pub(super) recorded_occupancy: Occupancy,
    /// Occupancy as its pod reported it last.
    pub(super) reported: Option<Occupancy>,
    /// Participants who are on their way to its pod.
    pub(super) expected: u32,
    /// Waits for a pod.
    pub(super) wants_pod: bool,
    /// Waits because its namespace has reached a limit.
    pub(super) is_over_quota: bool,
    pub(super) list: u64,
}

impl Entry {
    /// An entry that contains only names.
    pub(super) fn of(meeting: &Meeting, pool: Arc<str>) -> Self {
        Self {
            key: Arc::new(key_of(&meeting.metadata)),
            pool,
            is_dedicated: false,
            max_participants: 0,
            may_spread: false,
            moved_at: None,
            recorded: None,
            decided: None,
            recorded_sites: Vec::new(),
            decided_sites: None,
            served: None,
            spare_since: None,
            avoided: Vec::new(),
            recorded_occupancy: Occupancy::default(),
            reported: None,
            expected: 0,
            wants_pod: false,
            is_over_quota: false,
            list: 0,
        }
    }

    pub(super) fn pod_uid(&self) -> Option<&str> {
        self.decided.as_ref().map(|pod| pod.uid.as_str()).or(self.recorded.as_deref())
    }

    /// Whether it counts in the usage of its namespace: it has a place, or the pool is creating one for it.
    pub(super) fn reserves_place(&self) -> bool {
        self.pod_uid().is_some() || self.wants_pod
    }

    pub(super) fn usage(&self) -> Usage {
        Usage::of_one(self.is_dedicated)
    }

    /// Pool and usage, if it counts.
    pub(super) fn reservation(&self) -> Option<(Arc<str>, Usage)> {
        self.reserves_place().then(|| (Arc::clone(&self.pool), self.usage()))
    }

    /// A status from before a decision describes another pod.
    pub(super) fn occupancy(&self) -> Occupancy {
        let recorded = if self.decided.is_some() { Occupancy::default() } else { self.recorded_occupancy };
        self.reported.unwrap_or(recorded)
    }

    /// Those who are there or on their way.
    pub(super) fn participants(&self) -> u32 {
        self.occupancy().participants.max(self.expected)
    }

    /// UIDs of the other pods that are to serve it.
    pub(super) fn sites(&self) -> &[Arc<str>] {
        self.decided_sites.as_ref().unwrap_or(&self.recorded_sites)
    }

    /// The other pods that serve it or are to do so, with its participants there. A meeting without a pod is on none.
    pub(super) fn on_other_pods(&self) -> BTreeMap<&Arc<str>, u32> {
        let Some(own) = self.pod_uid() else { return BTreeMap::new() };
        let planned = self.sites().iter().map(|uid| (uid, 0));
        let served = self.served.iter().flatten().map(|(uid, site)| (uid, site.participants));
        planned.chain(served).filter(|(uid, _)| ***uid != *own).collect()
    }

    /// Other pods to which each of its pods has streams.
    pub(super) fn count_pipes(&self) -> u32 {
        u32::try_from(self.on_other_pods().len()).unwrap_or(u32::MAX)
    }

    /// Those who are on its own pod or on their way.
    pub(super) fn local_participants(&self) -> u32 {
        self.participants().saturating_sub(self.on_other_pods().values().sum())
    }

    pub(super) fn to_hosted(&self, uid: &Arc<str>) -> HostedMeeting {
        HostedMeeting {
            uid: Arc::clone(uid),
            key: Arc::clone(&self.key),
            participants: self.local_participants(),
            max_participants: self.max_participants,
            is_dedicated: self.is_dedicated,
            has_sites: !self.sites().is_empty(),
            is_arriving: self.expected > 0,
            moved_at: self.moved_at,
        }
    }
}

/// The time of the last move, with or without a handover.
pub(super) fn compute_moved_at(status: Option<&MeetingStatus>) -> Option<Timestamp> {
    let status = status?;
    let handover = status.last_move.as_ref().map(|record| record.since.0);
    let any = status.pod.as_ref().and_then(|pod| pod.moved_at.as_ref()).map(|time| time.0);
    handover.max(any)
}

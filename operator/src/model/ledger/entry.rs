//! The ledger's record of one meeting.
//!
//! Pure. Only the ledger changes it, so that its sums stay correct.

use std::sync::Arc;

use convene_crds::{AssignedPod, Meeting};

use super::{
    load::{MeetingKey, Occupancy, key_of},
    usage::Usage,
};

#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<MeetingKey>,
    pub(super) pool: Arc<str>,
    pub(super) is_dedicated: bool,
    /// Pod in the cached status.
    pub(super) recorded: Option<Arc<str>>,
    /// Pod of a decision that the cache does not show yet.
    pub(super) decided: Option<Box<AssignedPod>>,
    /// Occupancy from its status.
    pub(super) recorded_occupancy: Occupancy,
    /// Occupancy as its pod reported it last.
    pub(super) reported: Option<Occupancy>,
    /// Waits for a pod.
    pub(super) wants_pod: bool,
    /// Waits because its namespace has reached a limit.
    pub(super) is_over_quota: bool,
    /// May leave its draining pod despite its participants.
    pub(super) is_released: bool,
    pub(super) list: u64,
}

impl Entry {
    /// An entry that contains only names.
    pub(super) fn of(meeting: &Meeting, pool: Arc<str>) -> Self {
        Self {
            key: Arc::new(key_of(&meeting.metadata)),
            pool,
            is_dedicated: false,
            recorded: None,
            decided: None,
            recorded_occupancy: Occupancy::default(),
            reported: None,
            wants_pod: false,
            is_over_quota: false,
            is_released: false,
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

    pub(super) fn occupancy(&self) -> Occupancy {
        self.reported.unwrap_or(self.recorded_occupancy)
    }

    pub(super) fn participants(&self) -> u32 {
        self.occupancy().participants
    }
}

//! What the ledger keeps of one meeting.
//!
//! Pure; the ledger alone changes it, so that its sums stay true.

use std::sync::Arc;

use convene_crds::{AssignedPod, Meeting};

use super::{MeetingKey, Share, key_of};

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<MeetingKey>,
    pub(super) pool: Arc<str>,
    pub(super) is_dedicated: bool,
    /// Pod in the status as the cache has it.
    pub(super) recorded: Option<Arc<str>>,
    /// Pod of a decision that the cache does not show yet.
    pub(super) decided: Option<Box<AssignedPod>>,
    pub(super) recorded_participants: u32,
    pub(super) reported_participants: Option<u32>,
    /// Waits for a pod.
    pub(super) wants_pod: bool,
    /// Waits because its namespace has all that it may have.
    pub(super) is_barred: bool,
    /// May leave its draining pod although people are in it.
    pub(super) is_released: bool,
    pub(super) list: u64,
}

impl Entry {
    /// An entry that nothing is known of yet but its names.
    pub(super) fn of(meeting: &Meeting, pool: Arc<str>) -> Self {
        Self {
            key: Arc::new(key_of(&meeting.metadata)),
            pool,
            is_dedicated: false,
            recorded: None,
            decided: None,
            recorded_participants: 0,
            reported_participants: None,
            wants_pod: false,
            is_barred: false,
            is_released: false,
            list: 0,
        }
    }

    pub(super) fn pod_uid(&self) -> Option<&str> {
        self.decided.as_ref().map(|pod| pod.uid.as_str()).or(self.recorded.as_deref())
    }

    /// Whether it counts against the share of its namespace: it has a place, or the pool makes one for it.
    pub(super) fn is_claim(&self) -> bool {
        self.pod_uid().is_some() || self.wants_pod
    }

    pub(super) fn share(&self) -> Share {
        Share::of_one(self.is_dedicated)
    }

    /// What it takes of which pool; `None` if it takes nothing.
    pub(super) fn claim(&self) -> Option<(Arc<str>, Share)> {
        self.is_claim().then(|| (Arc::clone(&self.pool), self.share()))
    }

    pub(super) fn participants(&self) -> u32 {
        self.reported_participants.unwrap_or(self.recorded_participants)
    }
}

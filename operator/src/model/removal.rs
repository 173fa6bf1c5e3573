//! The deletion of a pool: its start, and the deadline until which participants may stay.
//!
//! Plain values; `pool::plan` decides what happens to the pods.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use jiff::{SignedDuration, Timestamp};

/// How long a pool waits for the statuses of its meetings once its last pod is deleted: a status that cannot be written must not block
/// the deletion forever. Together with [`ENDING`] it is less than what `uninstall` keeps in reserve.
pub(crate) const SETTLING: SignedDuration = SignedDuration::from_secs(20);

/// How long after the deadline the operator tries to end the calls on a pod that does not respond. After that the pod is deleted anyway.
pub(crate) const ENDING: SignedDuration = SignedDuration::from_secs(15);

/// The deletion of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Time of the deletion.
    pub(crate) since: Timestamp,
    /// Deadline until which participants may stay.
    pub(crate) deadline: Timestamp,
}

impl Removal {
    /// The deletion of a pool with this drain deadline.
    pub(crate) fn new(since: Timestamp, deadline_seconds: u32) -> Self {
        let time = SignedDuration::from_secs(i64::from(deadline_seconds));
        Self { since, deadline: since.checked_add(time).unwrap_or(Timestamp::MAX) }
    }

    /// Whether pods are deleted although their rooms could not be ended.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline.checked_add(ENDING).is_ok_and(|end| now >= end)
    }

    /// When the pool may be removed although statuses of its meetings could not be written.
    pub(crate) fn settled_at(&self) -> Timestamp {
        self.deadline.checked_add(ENDING + SETTLING).unwrap_or(Timestamp::MAX)
    }
}

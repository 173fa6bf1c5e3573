//! Second step for a Meeting: from the object and its pool to a type that holds only what can be served.
//!
//! Pure. Afterwards nobody reads `MeetingSpec`.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{AssignedPod, Meeting};
use kube::ResourceExt;

use crate::{ledger::Ledger, media_pod::Wait, pool::validate::ValidPool, reason};

/// A meeting that its pool can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidMeeting {
    /// People it must have room for.
    pub max_participants: u32,
    /// The pod it is bound to now.
    pub bound_to: Option<AssignedPod>,
}

/// Checks `meeting` against the pool it names; `None` is a pool that does not exist.
pub fn validate_meeting(
    meeting: &Meeting,
    pool: Option<&Result<ValidPool, Wait>>,
    namespace: &str,
    ledger: &Ledger,
) -> Result<ValidMeeting, Wait> {
    let pool = pool.ok_or_else(|| compute_missing_pool(meeting, namespace))?.as_ref().map_err(Clone::clone)?;
    let wanted = meeting.spec.max_participants;
    if wanted > pool.capacity.participants {
        return Err(compute_too_large(meeting, pool));
    }
    Ok(ValidMeeting { max_participants: wanted, bound_to: ledger.pod_of(meeting).cloned() })
}

fn compute_missing_pool(meeting: &Meeting, namespace: &str) -> Wait {
    let pool = &meeting.spec.pool;
    Wait::new(
        reason::POOL_NOT_FOUND,
        format!(
            "there is no MediaPool {pool:?} in namespace {namespace:?}: create it, or name another one in spec.pool of a new meeting"
        ),
    )
}

fn compute_too_large(meeting: &Meeting, pool: &ValidPool) -> Wait {
    let (wanted, room, pool) = (meeting.spec.max_participants, pool.capacity.participants, &pool.name);
    let name = meeting.name_any();
    Wait::new(
        reason::MEETING_TOO_LARGE,
        format!(
            "meeting {name:?} allows {wanted} people, a media pod of pool {pool:?} takes {room}: lower spec.maxParticipants, or raise capacity.participants of the pool"
        ),
    )
}

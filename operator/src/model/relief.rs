//! The relief of an overfull media pod: one that has more participants than its capacity, because its meetings have grown. One of them moves to
//! another pod, with its participants.
//!
//! Pure: the time is an argument. It decides which meeting moves, and where; how and at what pace is the same as in a drain.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{cmp::Reverse, sync::Arc};

use jiff::Timestamp;

use crate::model::{
    ledger::{HostedMeeting, MeetingKey, PodLoad},
    media_pod::MediaPod,
    moves::REST,
    valid_pool::ValidPool,
};

/// A pod that takes a meeting must remain below this percentage of its capacity. The rest keeps it from becoming overfull itself soon, so that
/// meetings do not move back and forth.
const COOL_PERCENT: u64 = 80;

/// The input of [`plan_relief`]. Numbers of participants are those that pods have reported, and those who are on their way.
#[derive(Clone, Debug)]
pub(crate) struct ReliefView<'a> {
    pub(crate) pool: &'a ValidPool,
    pub(crate) pod: &'a MediaPod,
    /// Whether a meeting moves from or to the pod, or a move from it has failed a short time ago.
    pub(crate) is_resting: bool,
    /// Participants of meetings of other pods that this one serves.
    pub(crate) guests: u32,
    /// The meetings on the pod.
    pub(crate) meetings: Vec<HostedMeeting>,
    /// The other pods of its pool that have reported.
    pub(crate) others: Vec<(Arc<MediaPod>, PodLoad)>,
    pub(crate) now: Timestamp,
}

/// The meeting that leaves an overfull pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relief {
    pub(crate) uid: Arc<str>,
    pub(crate) key: Arc<MeetingKey>,
    pub(crate) to: Arc<MediaPod>,
}

/// The smallest meeting without which the pod is no longer overfull; if none of these fits elsewhere, the largest that does. One that is alone on
/// an overfull pod fits nowhere.
pub(crate) fn plan_relief(view: &ReliefView<'_>) -> Option<Relief> {
    let excess = compute_excess(view)?;
    let mut movable: Vec<_> = view.meetings.iter().filter(|meeting| may_move(meeting, view.now)).collect();
    movable.sort_by_key(|meeting| {
        let count = meeting.participants;
        if count >= excess { (0, count, &meeting.uid) } else { (1, u32::MAX - count, &meeting.uid) }
    });
    movable.into_iter().find_map(|meeting| {
        let to = Arc::clone(select_target(view, meeting)?);
        Some(Relief { uid: Arc::clone(&meeting.uid), key: Arc::clone(&meeting.key), to })
    })
}

/// The participants above the capacity of a pod that may be relieved now. Draining pods are emptied anyway.
fn compute_excess(view: &ReliefView<'_>) -> Option<u32> {
    let is_uncertain = view.is_resting || view.meetings.iter().any(|meeting| meeting.is_arriving);
    let own: u32 = view.meetings.iter().map(|meeting| meeting.participants).sum();
    let excess =
        own.saturating_add(view.guests).checked_sub(view.pool.capacity.participants).filter(|excess| *excess > 0);
    excess.filter(|_| view.pod.is_open() && !is_uncertain)
}

fn may_move(meeting: &HostedMeeting, now: Timestamp) -> bool {
    let has_rested = meeting.moved_at.is_none_or(|moved_at| now.duration_since(moved_at) >= REST);
    meeting.participants > 0 && !meeting.is_dedicated && !meeting.has_sites && has_rested
}

/// The fullest of the pods that may take the meeting.
fn select_target<'a>(view: &'a ReliefView<'_>, meeting: &HostedMeeting) -> Option<&'a Arc<MediaPod>> {
    let fitting =
        view.others.iter().filter(|(pod, load)| is_suitable(view.pool, pod) && fits(view.pool, *load, meeting));
    let fullest = fitting.max_by_key(|(pod, load)| (load.participants, load.meetings, Reverse(&pod.name)));
    fullest.map(|(pod, _)| pod)
}

/// Whether a pod is one to which participants may be moved without need.
fn is_suitable(pool: &ValidPool, pod: &MediaPod) -> bool {
    let is_reached = pod.reached.as_ref().is_some_and(|reached| reached.is_reachable == Some(true));
    pod.is_open() && pool.is_current(pod) && (is_reached || !pool.probes_media)
}

fn fits(pool: &ValidPool, load: PodLoad, meeting: &HostedMeeting) -> bool {
    let capacity = pool.capacity;
    let after = u64::from(load.participants) + u64::from(meeting.participants);
    load.dedicated == 0
        && load.meetings < capacity.meetings
        && load.participants.saturating_add(meeting.max_participants) <= capacity.participants
        && after * 100 < u64::from(capacity.participants) * COOL_PERCENT
}

#[cfg(test)]
mod tests;

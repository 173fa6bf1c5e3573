//! The meetings that are moving with their participants: how far each move is, and that nothing else ends the room that they leave.
//!
//! Pure: the time is an argument. The memory belongs to this process; an operator that takes over adopts the moves that the statuses
//! record. What is here is newer than the cached status, never older.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::HashMap, sync::Arc};

use convene_crds::{Meeting, MeetingMove, MeetingMovePhase, MeetingStatus};
use convene_protocol::admin::RoomList;
use jiff::{SignedDuration, Timestamp};

use crate::model::{
    ledger::{MeetingKey, key_of},
    reason::Reason,
};

mod state;

pub(crate) use self::state::{MoveState, OldRoom, Progress, compute_id, fall_back, is_relief, see_room};

/// How long after the deadline of its clients a room may still report its end.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// The same for a room that has reported that its clients move: a list of rooms may come half a minute late.
const LONG_GRACE: SignedDuration = SignedDuration::from_secs(60);
/// The longest that clients may take, if their pool is not known yet.
pub(crate) const LONGEST_HANDOVER_SECONDS: u32 = 600;
/// How long a move that this process has not begun may take to show that it goes on: the old room stays frozen for half of it.
const ADOPTED: SignedDuration = SignedDuration::from_secs(60);

/// How long a meeting rests after a move before it moves to relieve its pod, and a pod after a failed one.
pub(crate) const REST: SignedDuration = SignedDuration::from_mins(5);

/// The participants who are on their way to the new pod.
#[derive(Clone, Debug)]
struct Arrival {
    from: String,
    participants: u32,
    until: Timestamp,
}

/// The result of comparing the known state of a move with a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    Nothing,
    /// An earlier process has begun it.
    Adopted,
    /// Its end was written.
    Over,
}

/// All moves under way, by UID of the meeting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    arrivals: HashMap<String, Arrival>,
    states: HashMap<String, MoveState>,
    /// The last move of each meeting as this process knows that it is on record: the status that is being processed may be older.
    recorded: HashMap<String, MeetingMove>,
    /// When the last move that failed began, by UID of the pod that the meeting was to leave.
    failed: HashMap<String, Timestamp>,
}

impl Moves {
    /// Records that this process begins, or repeats, a move of the meeting with this UID and so many participants, and that its clients may
    /// take `seconds`.
    pub(crate) fn begin(
        &mut self,
        uid: &str,
        key: &Arc<MeetingKey>,
        record: &MeetingMove,
        participants: u32,
        seconds: u32,
        now: Timestamp,
    ) {
        let until = compute_until(seconds, GRACE, now);
        self.expect(uid, &record.from.uid, participants, until, now);
        let state = MoveState::new(Arc::clone(key), record.clone(), Progress::Carrying, until, seconds);
        self.states.insert(uid.to_owned(), state);
    }

    fn expect(&mut self, uid: &str, from: &str, participants: u32, until: Timestamp, now: Timestamp) {
        self.arrivals.retain(|_, one| one.until > now);
        self.arrivals.insert(uid.to_owned(), Arrival { from: from.to_owned(), participants, until });
    }

    /// Compares with the status of a meeting from the cache. Clients of a move of an earlier process may take `seconds`.
    pub(crate) fn observe(&mut self, meeting: &Meeting, seconds: u32, now: Timestamp) -> Observed {
        let (Some(uid), Some(status)) = (meeting.metadata.uid.as_deref(), &meeting.status) else {
            return Observed::Nothing;
        };
        let Some(written) = &status.last_move else { return Observed::Nothing };
        self.note_failure(written, now);
        let is_over = self.is_recorded_as_over(uid, written);
        match self.states.get_mut(uid) {
            None if written.is_active() && !is_over => {
                self.adopt(uid, meeting, written, seconds, now);
                Observed::Adopted
            }
            Some(state) if state.record.is_same_move(written) && !written.is_active() => {
                self.states.remove(uid);
                self.on_recorded(uid, written);
                Observed::Over
            }
            Some(state) if state.record.is_same_move(written) && written.phase == MeetingMovePhase::Moving => {
                state.on_written(written);
                Observed::Nothing
            }
            _ => Observed::Nothing,
        }
    }

    fn note_failure(&mut self, record: &MeetingMove, now: Timestamp) {
        let is_recent = |since: &Timestamp| now.duration_since(*since) < REST;
        self.failed.retain(|_, since| is_recent(since));
        if record.phase == MeetingMovePhase::Fallback && is_recent(&record.since.0) {
            let since = self.failed.entry(record.from.uid.clone()).or_insert(record.since.0);
            *since = record.since.0.max(*since);
        }
    }

    /// Whether a meeting moves from or to this pod, or a move from it has failed a short time ago.
    pub(crate) fn is_resting(&self, pod_uid: &str, now: Timestamp) -> bool {
        let has_failed = self.failed.get(pod_uid).is_some_and(|since| now.duration_since(*since) < REST);
        has_failed || !self.on_pod(pod_uid).is_empty()
    }

    fn adopt(&mut self, uid: &str, meeting: &Meeting, record: &MeetingMove, seconds: u32, now: Timestamp) {
        let until = now.saturating_add(ADOPTED).unwrap_or(Timestamp::MAX);
        let participants = meeting.status.as_ref().and_then(|status| status.participants).unwrap_or_default();
        self.expect(uid, &record.from.uid, participants, until, now);
        let key = Arc::new(key_of(&meeting.metadata));
        self.states.insert(uid.to_owned(), MoveState::new(key, record.clone(), Progress::Adopted, until, seconds));
    }

    /// Records that this is in the status of a meeting.
    pub(crate) fn on_recorded(&mut self, uid: &str, record: &MeetingMove) {
        self.recorded.insert(uid.to_owned(), record.clone());
    }

    fn is_recorded_as_over(&self, uid: &str, record: &MeetingMove) -> bool {
        self.recorded.get(uid).is_some_and(|recorded| recorded.is_same_move(record) && !recorded.is_active())
    }

    /// The last move of a meeting, whose status may be older than what this process has written or seen since.
    pub(crate) fn newest<'a>(&'a self, uid: &str, status: Option<&'a MeetingStatus>) -> Option<&'a MeetingMove> {
        let written = status.and_then(|status| status.last_move.as_ref());
        let is_newer = |recorded: &&MeetingMove| {
            written.is_none_or(|written| {
                (written.since.0, compute_rank(written.phase)) <= (recorded.since.0, compute_rank(recorded.phase))
            })
        };
        self.recorded.get(uid).filter(is_newer).or(written)
    }

    /// The move of this meeting, until its end is in the cache.
    pub(crate) fn state(&self, uid: &str) -> Option<&MoveState> {
        self.states.get(uid)
    }

    /// Records that the new pod is in the status: clients can be notified.
    pub(crate) fn on_written(&mut self, uid: &str, record: &MeetingMove) {
        if let Some(state) = self.states.get_mut(uid) {
            state.on_written(record);
        }
    }

    /// Records that the clients were notified, and may take `seconds`.
    pub(crate) fn on_left(&mut self, uid: &str, seconds: u32, now: Timestamp) {
        let until = compute_until(seconds, GRACE, now);
        if let Some(state) = self.states.get_mut(uid) {
            // The pod may have reported it before it answered.
            (state.progress, state.until) = (Progress::Left, state.until.max(until));
        }
        if let Some(arrival) = self.arrivals.get_mut(uid) {
            arrival.until = until;
        }
    }

    /// Records that the clients cannot be notified: their room may end.
    pub(crate) fn on_failed(&mut self, uid: &str, why: Reason) {
        self.arrivals.remove(uid);
        if let Some(state) = self.states.get_mut(uid) {
            state.progress = Progress::Failed(why);
        }
    }

    /// Records the result of a move, before it is written.
    pub(crate) fn on_over(&mut self, uid: &str, record: &MeetingMove) {
        if record.phase == MeetingMovePhase::Fallback {
            self.arrivals.remove(uid);
        }
        if let Some(state) = self.states.get_mut(uid) {
            (state.record, state.progress) = (record.clone(), Progress::Over);
        }
    }

    /// The meeting moves without its memory. Its participants reconnect, and until then it is not empty: it must not move again as if it were.
    pub(crate) fn on_given_up(&mut self, uid: &str, record: &MeetingMove, now: Timestamp) {
        let participants = self.arrivals.get(uid).map_or(0, |arrival| arrival.participants);
        self.on_over(uid, record);
        if participants > 0 {
            // From no pod: the old room ends, which makes them reconnect.
            self.expect(uid, "", participants, compute_until(0, GRACE, now), now);
        }
    }

    /// Removes the move of a meeting that could not be written.
    pub(crate) fn end(&mut self, uid: &str) {
        self.arrivals.remove(uid);
        self.states.remove(uid);
    }

    /// Removes a meeting that is gone.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.end(uid);
        self.recorded.remove(uid);
    }

    /// Whether a meeting has left this pod, and the end of that move is not in the cache yet.
    pub(crate) fn is_left(&self, pod_uid: &str) -> bool {
        self.states.values().any(|state| state.record.from.uid == pod_uid && state.has_left())
    }

    /// Handles a report of a pod about its rooms. Returns the meetings that leave it and for which something has changed.
    pub(crate) fn report(&mut self, pod_uid: &str, list: &RoomList, now: Timestamp) -> Vec<Arc<MeetingKey>> {
        let mut changed = Vec::new();
        for (uid, state) in self.states.iter_mut().filter(|(_, state)| state.record.from.uid == pod_uid) {
            let seen = Some(see_room(list, uid, &compute_id(&state.record)));
            if state.seen != seen {
                state.seen = seen;
                if seen == Some(OldRoom::Leaving) {
                    state.until = state.until.max(compute_until(state.seconds, LONG_GRACE, now));
                }
                changed.push(Arc::clone(&state.key));
            }
        }
        changed
    }

    /// The meetings that move from or to this pod.
    pub(crate) fn on_pod(&self, pod_uid: &str) -> Vec<Arc<MeetingKey>> {
        let is_concerned = |state: &&MoveState| state.record.from.uid == pod_uid || state.record.to.uid == pod_uid;
        self.states.values().filter(is_concerned).map(|state| Arc::clone(&state.key)).collect()
    }

    /// The participants of a meeting that are on their way: the new pod reports none until they have arrived.
    pub(crate) fn expected(&self, uid: &str, now: Timestamp) -> u32 {
        self.arrivals.get(uid).filter(|one| one.until > now).map_or(0, |one| one.participants)
    }

    /// The end of the time in which they are expected: the meeting has to be reconciled again then.
    pub(crate) fn expected_until(&self, uid: &str, now: Timestamp) -> Option<Timestamp> {
        let arrival = self.arrivals.get(uid).map(|one| one.until);
        let state = self.states.get(uid).map(|state| state.until);
        arrival.into_iter().chain(state).filter(|until| *until > now).min()
    }

    /// Whether the clients of a meeting still have to be notified, so that the request should be repeated soon.
    pub(crate) fn is_leave_due(&self, uid: &str) -> bool {
        let is_due = |state: &MoveState| {
            let is_stuck = state.progress == Progress::Adopted && state.seen == Some(OldRoom::Frozen);
            let is_failed = matches!(state.progress, Progress::Failed(_));
            state.progress == Progress::Written || is_failed || is_stuck && state.has_left()
        };
        self.states.get(uid).is_some_and(is_due)
    }

    /// Whether the meeting with this UID is leaving the pod with the UID `pod_uid`.
    pub(crate) fn is_leaving(&self, uid: &str, pod_uid: &str, now: Timestamp) -> bool {
        self.arrivals.get(uid).is_some_and(|one| one.from == pod_uid && one.until > now)
    }
}

fn compute_until(seconds: u32, grace: SignedDuration, now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(i64::from(seconds)) + grace).unwrap_or(Timestamp::MAX)
}

/// The order of the phases of one move.
const fn compute_rank(phase: MeetingMovePhase) -> u8 {
    match phase {
        MeetingMovePhase::Copying => 0,
        MeetingMovePhase::Moving => 1,
        MeetingMovePhase::Done | MeetingMovePhase::Fallback => 2,
    }
}

#[cfg(test)]
mod tests;

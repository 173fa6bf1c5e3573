//! The meetings that are moving with their participants, so that nothing else ends the room that they leave.
//!
//! Pure: the time is an argument. The memory belongs to this process. An operator that takes over ends the old room as soon as the pod no
//! longer reports that it moves.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// How long after the deadline of its clients a room may still report its end.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

#[derive(Clone, Debug)]
struct Move {
    from: String,
    participants: u32,
    until: Timestamp,
}

/// All moves under way, by UID of the meeting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    by_meeting: HashMap<String, Move>,
}

impl Moves {
    /// Records that the meeting with this UID and so many participants leaves the pod with the UID `from`, and that its clients may take
    /// `seconds`.
    pub(crate) fn begin(&mut self, uid: &str, from: &str, participants: u32, seconds: u32, now: Timestamp) {
        self.by_meeting.retain(|_, one| one.until > now);
        let until = now.saturating_add(SignedDuration::from_secs(i64::from(seconds)) + GRACE).unwrap_or(Timestamp::MAX);
        self.by_meeting.insert(uid.to_owned(), Move { from: from.to_owned(), participants, until });
    }

    /// Records that the move of this meeting has failed or was canceled.
    pub(crate) fn end(&mut self, uid: &str) {
        self.by_meeting.remove(uid);
    }

    /// The participants of a meeting that are on their way: the new pod reports none until they have arrived.
    pub(crate) fn expected(&self, uid: &str, now: Timestamp) -> u32 {
        self.by_meeting.get(uid).filter(|one| one.until > now).map_or(0, |one| one.participants)
    }

    /// The end of the time in which they are expected: the meeting has to be reconciled again then.
    pub(crate) fn expected_until(&self, uid: &str, now: Timestamp) -> Option<Timestamp> {
        self.by_meeting.get(uid).map(|one| one.until).filter(|until| *until > now)
    }

    /// Whether the meeting with this UID is leaving the pod with the UID `pod_uid`.
    pub(crate) fn is_leaving(&self, uid: &str, pod_uid: &str, now: Timestamp) -> bool {
        self.by_meeting.get(uid).is_some_and(|one| one.from == pod_uid && one.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_leaves_one_pod_for_as_long_as_its_clients_may_take() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |seconds: i64| now + SignedDuration::from_secs(seconds);
        let mut moves = Moves::default();
        moves.begin("m1", "p1", 3, 10, now);
        assert_eq!(
            [("m1", 19), ("m1", 20), ("m2", 0)].map(|(uid, seconds)| moves.expected(uid, after(seconds))),
            [3, 0, 0]
        );
        let cases = [
            ("m1", "p1", 0, true),
            ("m1", "p1", 19, true),
            ("m1", "p1", 20, false),
            ("m1", "p2", 0, false),
            ("m2", "p1", 0, false),
        ];
        for (uid, pod, seconds, wanted) in cases {
            assert_eq!(moves.is_leaving(uid, pod, after(seconds)), wanted, "{uid} {pod} {seconds}");
        }
        assert_eq!([0, 20].map(|seconds| moves.expected_until("m1", after(seconds))), [Some(after(20)), None]);
        moves.end("m1");
        assert!(!moves.is_leaving("m1", "p1", now));
    }

    #[test]
    fn moves_that_are_over_are_forgotten() {
        let mut moves = Moves::default();
        moves.begin("m1", "p1", 1, 10, Timestamp::UNIX_EPOCH);
        moves.begin("m2", "p1", 1, 10, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1));
        assert_eq!(moves.by_meeting.len(), 1);
    }
}

//! The pace at which participants are moved off draining pods, for each pool.
//!
//! Pure: the time is an argument.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// How much may move at once.
const BURST: SignedDuration = SignedDuration::from_secs(1);

/// So many times faster than evenly until the deadline: each meeting takes some seconds, and a large one moves as a whole.
const HASTE: u32 = 4;

/// The pace that is set, or a higher one if so many participants would not have moved by the deadline of their drain.
pub(crate) fn compute_rate(per_second: u32, participants: u32, deadline_seconds: u32) -> u32 {
    per_second.max(participants.saturating_mul(HASTE) / deadline_seconds.max(1))
}

/// The time that the participants who have moved take at the pace of their pool.
#[derive(Debug, Default)]
pub(crate) struct DrainPace {
    /// By pool; those whose time is over are forgotten.
    taken_until: HashMap<String, Timestamp>,
}

impl DrainPace {
    /// Whether a meeting with so many participants may move now, which is then counted: at most `per_second` participants of a pool move in
    /// a second. A larger meeting moves as a whole, and the next one waits accordingly.
    pub(crate) fn take(&mut self, pool: &str, participants: u32, per_second: u32, now: Timestamp) -> bool {
        self.taken_until.retain(|_, until| *until > now);
        let taken = self.taken_until.get(pool).copied().unwrap_or(now);
        if taken.duration_since(now) >= BURST {
            return false;
        }
        let millis = i64::from(participants) * 1000 / i64::from(per_second.max(1));
        let until = taken.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX);
        self.taken_until.insert(pool.to_owned(), until);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many meetings of this size move at each of these milliseconds, if as many as possible do.
    fn count_moves(participants: u32, per_second: u32, times: &[i64]) -> Vec<u32> {
        let mut pace = DrainPace::default();
        let moves_at = |millis: &i64| {
            let now = Timestamp::from_millisecond(*millis).unwrap();
            let mut count = 0;
            while pace.take("lagoon", participants, per_second, now) {
                count += 1;
            }
            count
        };
        times.iter().map(moves_at).collect()
    }

    #[test]
    fn a_slow_pace_gives_way_to_the_deadline() {
        for (per_second, participants, deadline, rate) in [
            (20, 0, 300, 20),
            (20, 1_000, 300, 20),
            (2, 1_000, 300, 13),
            (2, 100, 300, 2),
            (1, 5, 0, 20),
            (1, u32::MAX, 1, u32::MAX),
        ] {
            assert_eq!(
                compute_rate(per_second, participants, deadline),
                rate,
                "{per_second} {participants} {deadline}"
            );
        }
    }

    #[test]
    fn participants_are_counted_and_not_meetings() {
        let each_second = [0, 1000, 2000, 3000, 4000, 5000];
        assert_eq!(count_moves(5, 20, &each_second), [4; 6]);
        assert_eq!(count_moves(1, 20, &each_second), [20; 6]);
        assert_eq!(
            count_moves(100, 20, &each_second),
            [1, 0, 0, 0, 0, 1],
            "a large meeting takes the time of five seconds"
        );
        assert_eq!(count_moves(15, 20, &each_second[..4]), [2, 1, 1, 2]);
        assert_eq!(count_moves(5, 20, &[0, 250, 500]), [4, 1, 1]);
    }

    #[test]
    fn pools_have_their_own_pace_and_time_without_moves_is_not_saved() {
        let mut pace = DrainPace::default();
        let now = Timestamp::UNIX_EPOCH;
        assert!(pace.take("lagoon", 100, 20, now) && pace.take("pond", 100, 20, now));
        assert!(!pace.take("lagoon", 1, 20, now));
        assert_eq!(count_moves(20, 20, &[60_000, 61_000]), [1, 1]);
        assert!(pace.take("lagoon", 1, 20, now + SignedDuration::from_mins(1)));
        assert_eq!(pace.taken_until.len(), 1);
    }
}

//! The pace at which participants are moved off draining pods, for each pool.
//!
//! Pure: moments are durations on the operator's own monotonic clock, from an arbitrary zero. The wall clock may be set, which would stop all
//! moves or let all begin at once.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::HashMap, time::Duration};

/// How much may move at once.
const BURST: Duration = Duration::from_secs(1);

/// So many times faster than evenly until the deadline: each meeting takes some seconds, and a large one moves as a whole.
const HASTE: u32 = 4;

/// The pace that is set, or a higher one if so many participants would not have moved by the deadline of their drain.
pub(crate) fn compute_rate(per_second: u32, participants: u32, deadline_seconds: u32) -> u32 {
    per_second.max(participants.saturating_mul(HASTE) / deadline_seconds.max(1))
}

/// The pace of one pool.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Participants per second.
    rate: u32,
    /// The participants who have moved take until then.
    taken_until: Duration,
}

/// The pace of each pool, and the time that the participants who have moved take at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct DrainPace {
    by_pool: HashMap<String, Pace>,
}

impl DrainPace {
    /// Lets at most `rate` participants of a pool move in a second. Until this is known, none may.
    pub(crate) fn set_rate(&mut self, pool: &str, rate: u32) {
        self.by_pool.entry(pool.to_owned()).or_default().rate = rate;
    }

    /// Removes a pool that is gone.
    pub(crate) fn forget(&mut self, pool: &str) {
        self.by_pool.remove(pool);
    }

    /// Whether a meeting may move now. A larger one moves as a whole, and the next one waits accordingly.
    pub(crate) fn is_open(&self, pool: &str, now: Duration) -> bool {
        self.by_pool.get(pool).is_some_and(|pace| pace.taken_until.saturating_sub(now) < BURST)
    }

    /// Counts a meeting with so many participants that moves now.
    pub(crate) fn take(&mut self, pool: &str, participants: u32, now: Duration) {
        if let Some(pace) = self.by_pool.get_mut(pool) {
            let time = Duration::from_secs(u64::from(participants)) / pace.rate.max(1);
            pace.taken_until = pace.taken_until.max(now) + time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many meetings of this size move at each of these milliseconds, if as many as possible do.
    fn count_moves(participants: u32, per_second: u32, times: &[u64]) -> Vec<u32> {
        let mut pace = DrainPace::default();
        pace.set_rate("lagoon", per_second);
        let moves_at = |millis: &u64| {
            let now = Duration::from_millis(*millis);
            let mut count = 0;
            while pace.is_open("lagoon", now) {
                pace.take("lagoon", participants, now);
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
        let now = Duration::from_secs(5);
        assert!(!pace.is_open("lagoon", now), "it is not known");
        for pool in ["lagoon", "pond"] {
            pace.set_rate(pool, 20);
            assert!(pace.is_open(pool, now));
            pace.take(pool, 100, now);
        }
        assert!(!pace.is_open("lagoon", now) && pace.is_open("lagoon", now * 2));
        assert_eq!(count_moves(20, 20, &[60_000, 61_000]), [1, 1]);
        pace.forget("lagoon");
        assert!(!pace.is_open("lagoon", now * 2) && pace.is_open("pond", now * 2));
    }
}

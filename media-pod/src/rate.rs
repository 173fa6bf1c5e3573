//! How much one client may ask: token buckets, with the time as an argument. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

/// Answers to our own requests come in floods that a client does not choose: as many as there are people in the room.
const ANSWERS_PER_REQUEST: u32 = 10;
/// Kilobytes for each request that a client may send, on average: most have one, capabilities twenty.
const KILOBYTES_PER_REQUEST: u32 = 3;
/// Refusals after which a client is not answered any more but sent away, and how fast they are forgotten.
const REFUSALS: Rate = Rate { per_second: 10, burst: 1000 };

/// So many per second in the long run, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run; 1 at least.
    pub per_second: u32,
    /// At once, after a silence; 1 at least.
    pub burst: u32,
}

/// A token bucket that holds the time at which it will be full again, instead of tokens: exact, and nothing is to be refilled.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    full_at: Duration,
}

impl Bucket {
    /// One with all its tokens.
    pub fn full(rate: Rate) -> Self {
        let rate = Rate { per_second: rate.per_second.max(1), burst: rate.burst.max(1) };
        Self { rate, full_at: Duration::ZERO }
    }

    /// Takes so many tokens; false, and none is taken, if there are fewer. What costs more than the bucket holds costs all of it.
    pub fn take(&mut self, tokens: u32, now: Duration) -> bool {
        let one = Duration::from_secs(1) / self.rate.per_second;
        let full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        let is_there = full_at.saturating_sub(now) <= one * self.rate.burst;
        if is_there {
            self.full_at = full_at;
        }
        is_there
    }

    /// Takes so many tokens, and gives the time until they are there.
    pub fn take_later(&mut self, tokens: u32, now: Duration) -> Duration {
        let one = Duration::from_secs(1) / self.rate.per_second;
        self.full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        self.full_at.saturating_sub(now).saturating_sub(one * self.rate.burst)
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Act on it.
    Pass,
    /// Do not act on it, and say so.
    Refuse,
    /// This client does not stop: send it away.
    SendAway,
}

/// Looks at every message of one client.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    read: Bucket,
    asked: Bucket,
    answered: Bucket,
    refused: Bucket,
}

impl Gate {
    /// For a client that may ask so much.
    pub fn new(rate: Rate) -> Self {
        let answers = Rate {
            per_second: rate.per_second.saturating_mul(ANSWERS_PER_REQUEST),
            burst: rate.burst.saturating_mul(ANSWERS_PER_REQUEST),
        };
        let read = Rate {
            per_second: rate.per_second.saturating_mul(KILOBYTES_PER_REQUEST),
            burst: rate.burst.saturating_mul(KILOBYTES_PER_REQUEST),
        };
        Self {
            read: Bucket::full(read),
            asked: Bucket::full(rate),
            answered: Bucket::full(answers),
            refused: Bucket::full(REFUSALS),
        }
    }

    /// The client has sent something, whatever it is, whose length costs so many tokens: how long to wait before anything is made of it.
    /// It is not read from meanwhile, so that a client which sends too much slows down itself.
    pub fn read(&mut self, cost: u32, now: Duration) -> Duration {
        self.read.take_later(cost, now)
    }

    /// The client sends a request, a notification or something unreadable that costs so many tokens.
    pub fn ask(&mut self, cost: u32, now: Duration) -> Verdict {
        let is_fine = self.asked.take(cost, now);
        self.judge(is_fine, cost, now)
    }

    /// The client answers, which costs so many tokens.
    pub fn answer(&mut self, cost: u32, now: Duration) -> Verdict {
        let is_fine = self.answered.take(cost, now);
        self.judge(is_fine, cost, now)
    }

    fn judge(&mut self, is_fine: bool, cost: u32, now: Duration) -> Verdict {
        if is_fine {
            Verdict::Pass
        } else if self.refused.take(cost, now) {
            Verdict::Refuse
        } else {
            Verdict::SendAway
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_passes_and_then_so_many_per_second() {
        let mut bucket = Bucket::full(Rate { per_second: 10, burst: 3 });
        let cases = [
            (0, true),
            (0, true),
            (0, true),
            (0, false),
            (99, false),
            (100, true),
            (100, false),
            (350, true),
            (350, true),
            (350, false),
            (10_000, true),
            (10_000, true),
            (10_000, true),
            (10_000, false),
        ];
        for (index, (milliseconds, expected)) in cases.into_iter().enumerate() {
            assert_eq!(bucket.take(1, at(milliseconds)), expected, "case {index} at {milliseconds} ms");
        }
    }

    #[test]
    fn who_goes_on_regardless_is_sent_away() {
        let mut gate = Gate::new(Rate { per_second: 1, burst: 2 });
        let verdicts: Vec<_> = (0..1003).map(|_| gate.ask(1, at(0))).collect();
        assert_eq!(verdicts[..3], [Verdict::Pass, Verdict::Pass, Verdict::Refuse]);
        assert_eq!(verdicts[1001..], [Verdict::Refuse, Verdict::SendAway]);
    }

    #[test]
    fn who_is_a_little_over_the_limit_is_only_refused() {
        let mut gate = Gate::new(Rate { per_second: 100, burst: 100 });
        let verdicts: Vec<_> = (0..60_000).map(|number| gate.ask(1, at(number * 1000 / 105))).collect();
        assert!(verdicts.contains(&Verdict::Refuse));
        assert!(!verdicts.contains(&Verdict::SendAway));
    }

    #[test]
    fn answers_have_a_wider_gate_of_their_own() {
        let mut gate = Gate::new(Rate { per_second: 1, burst: 2 });
        assert_eq!((0..20).map(|_| gate.answer(1, at(0))).filter(|verdict| *verdict == Verdict::Pass).count(), 20);
        assert_eq!(gate.answer(1, at(0)), Verdict::Refuse);
        assert_eq!(gate.ask(1, at(0)), Verdict::Pass);
    }

    #[test]
    fn what_costs_more_takes_more_and_the_dearest_takes_all() {
        let mut bucket = Bucket::full(Rate { per_second: 10, burst: 10 });
        assert!(bucket.take(8, at(0)) && !bucket.take(3, at(0)) && bucket.take(2, at(0)));
        assert!(!bucket.take(u32::MAX, at(999)) && bucket.take(u32::MAX, at(1000)));
        assert!(!bucket.take(1, at(1000)) && bucket.take(1, at(1100)));
    }

    #[test]
    fn what_is_taken_later_is_waited_for_and_comes_at_the_rate() {
        let mut bucket = Bucket::full(Rate { per_second: 10, burst: 5 });
        assert_eq!(bucket.take_later(5, at(0)), at(0));
        assert_eq!(bucket.take_later(2, at(0)), at(200));
        assert_eq!(bucket.take_later(1, at(200)), at(100));
        assert_eq!(bucket.take_later(u32::MAX, at(300)), at(500), "no more than all of it");
        assert_eq!(bucket.take_later(1, at(5_000)), at(0));
    }

    #[test]
    fn zero_counts_as_one() {
        let mut bucket = Bucket::full(Rate { per_second: 0, burst: 0 });
        assert!(bucket.take(1, at(0)));
        assert!(!bucket.take(1, at(999)));
        assert!(bucket.take(1, at(1000)));
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_rate_pass(
            per_second in 1_u32..1000, burst in 1_u32..1000,
            asked in prop::collection::vec((0_u64..50, 1_u32..20), 1..500),
        ) {
            let mut bucket = Bucket::full(Rate { per_second, burst });
            let mut now = 0;
            let mut passed = 0_u64;
            for (gap, cost) in asked {
                now += gap;
                passed += if bucket.take(cost, at(now)) { cost.min(burst).into() } else { 0 };
                prop_assert!(passed <= u64::from(burst) + now * u64::from(per_second) / 1000 + 1);
            }
        }
    }
}

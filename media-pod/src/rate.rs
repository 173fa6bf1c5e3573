//! Rate limiters: token buckets, with the time as an argument. Pure: the caller refuses, delays or disconnects.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

/// Responses to the pod's own requests arrive in bursts that the client does not choose: as many as there are participants.
const ANSWERS_PER_REQUEST: u32 = 10;
/// Kilobytes per request, on average: most requests have one, capabilities twenty.
const KILOBYTES_PER_REQUEST: u32 = 3;
/// Number of refused messages before a client is disconnected, and how fast they are forgotten.
const REFUSALS: Rate = Rate { per_second: 10, burst: 1000 };

/// A sustained rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Sustained rate; at least 1.
    pub per_second: u32,
    /// Burst after an idle period; at least 1.
    pub burst: u32,
}

/// A token bucket that stores the time at which it will be full again instead of tokens: exact, and without refills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    rate: Rate,
    full_at: Duration,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn full(rate: Rate) -> Self {
        let rate = Rate { per_second: rate.per_second.max(1), burst: rate.burst.max(1) };
        Self { rate, full_at: Duration::ZERO }
    }

    /// Takes tokens; false, and takes none, if there are too few. A cost above the burst counts as the burst.
    pub(crate) fn take(&mut self, tokens: u32, now: Duration) -> bool {
        let one = Duration::from_secs(1) / self.rate.per_second;
        let full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        let is_there = full_at.saturating_sub(now) <= one * self.rate.burst;
        if is_there {
            self.full_at = full_at;
        }
        is_there
    }

    /// Takes tokens, and returns the time until they are available.
    pub(crate) fn take_later(&mut self, tokens: u32, now: Duration) -> Duration {
        let one = Duration::from_secs(1) / self.rate.per_second;
        self.full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        self.full_at.saturating_sub(now).saturating_sub(one * self.rate.burst)
    }
}

/// The decision on a client's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Process it.
    Accept,
    /// Refuse it with an error.
    Refuse,
    /// Disconnect the client: it continues to exceed its rate.
    Disconnect,
}

/// Limits the messages of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientRateLimiter {
    bytes: TokenBucket,
    requests: TokenBucket,
    responses: TokenBucket,
    refusals: TokenBucket,
}

impl ClientRateLimiter {
    /// For a client that may send requests at this rate.
    pub(crate) fn new(rate: Rate) -> Self {
        let responses = Rate {
            per_second: rate.per_second.saturating_mul(ANSWERS_PER_REQUEST),
            burst: rate.burst.saturating_mul(ANSWERS_PER_REQUEST),
        };
        let bytes = Rate {
            per_second: rate.per_second.saturating_mul(KILOBYTES_PER_REQUEST),
            burst: rate.burst.saturating_mul(KILOBYTES_PER_REQUEST),
        };
        Self {
            bytes: TokenBucket::full(bytes),
            requests: TokenBucket::full(rate),
            responses: TokenBucket::full(responses),
            refusals: TokenBucket::full(REFUSALS),
        }
    }

    /// Charges the length of a message, and returns how long to wait before it is processed. The caller reads nothing in the meantime, so
    /// that a client that sends too much is slowed down by backpressure.
    pub(crate) fn read(&mut self, cost: u32, now: Duration) -> Duration {
        self.bytes.take_later(cost, now)
    }

    /// Charges a request, a notification or an invalid message.
    pub(crate) fn request(&mut self, cost: u32, now: Duration) -> Decision {
        let is_within = self.requests.take(cost, now);
        self.decide(is_within, cost, now)
    }

    /// Charges a response.
    pub(crate) fn response(&mut self, cost: u32, now: Duration) -> Decision {
        let is_within = self.responses.take(cost, now);
        self.decide(is_within, cost, now)
    }

    fn decide(&mut self, is_within: bool, cost: u32, now: Duration) -> Decision {
        if is_within {
            Decision::Accept
        } else if self.refusals.take(cost, now) {
            Decision::Refuse
        } else {
            Decision::Disconnect
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
        let mut bucket = TokenBucket::full(Rate { per_second: 10, burst: 3 });
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
    fn a_client_that_continues_is_disconnected() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 1, burst: 2 });
        let decisions: Vec<_> = (0..1003).map(|_| limiter.request(1, at(0))).collect();
        assert_eq!(decisions[..3], [Decision::Accept, Decision::Accept, Decision::Refuse]);
        assert_eq!(decisions[1001..], [Decision::Refuse, Decision::Disconnect]);
    }

    #[test]
    fn a_client_slightly_over_the_limit_is_only_refused() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 100, burst: 100 });
        let decisions: Vec<_> = (0..60_000).map(|number| limiter.request(1, at(number * 1000 / 105))).collect();
        assert!(decisions.contains(&Decision::Refuse));
        assert!(!decisions.contains(&Decision::Disconnect));
    }

    #[test]
    fn responses_have_a_separate_larger_limit() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 1, burst: 2 });
        assert_eq!(
            (0..20).map(|_| limiter.response(1, at(0))).filter(|decision| *decision == Decision::Accept).count(),
            20
        );
        assert_eq!(limiter.response(1, at(0)), Decision::Refuse);
        assert_eq!(limiter.request(1, at(0)), Decision::Accept);
    }

    #[test]
    fn a_cost_above_the_burst_takes_all() {
        let mut bucket = TokenBucket::full(Rate { per_second: 10, burst: 10 });
        assert!(bucket.take(8, at(0)) && !bucket.take(3, at(0)) && bucket.take(2, at(0)));
        assert!(!bucket.take(u32::MAX, at(999)) && bucket.take(u32::MAX, at(1000)));
        assert!(!bucket.take(1, at(1000)) && bucket.take(1, at(1100)));
    }

    #[test]
    fn tokens_taken_in_advance_become_available_at_the_rate() {
        let mut bucket = TokenBucket::full(Rate { per_second: 10, burst: 5 });
        assert_eq!(bucket.take_later(5, at(0)), at(0));
        assert_eq!(bucket.take_later(2, at(0)), at(200));
        assert_eq!(bucket.take_later(1, at(200)), at(100));
        assert_eq!(bucket.take_later(u32::MAX, at(300)), at(500), "at most the whole burst");
        assert_eq!(bucket.take_later(1, at(5_000)), at(0));
    }

    #[test]
    fn zero_counts_as_one() {
        let mut bucket = TokenBucket::full(Rate { per_second: 0, burst: 0 });
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
            let mut bucket = TokenBucket::full(Rate { per_second, burst });
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

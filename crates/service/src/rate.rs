//! Rate limits: token buckets, with the time as an argument, and a bounded number of them by key. The caller refuses, delays or
//! disconnects.
//!
//! No library, because the media pod takes tokens of several kinds at once, in advance, and in pure code; a second algorithm for the
//! router would limit the same in another way. The time is the time since any fixed moment.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Maximum number of keys of one limiter; about 100 bytes each.
const MAX_KEYS: usize = 100_000;
/// Number of checks after which keys with a full bucket are removed.
const SWEEP_EVERY: u32 = 4096;
/// Rate of the shared bucket, in multiples of the rate of one key, while there are too many keys.
const SHARED_MULTIPLE: u32 = 100;

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
pub struct TokenBucket {
    rate: Rate,
    full_at: Duration,
}

impl TokenBucket {
    /// A full bucket.
    pub fn full(rate: Rate) -> Self {
        let rate = Rate { per_second: rate.per_second.max(1), burst: rate.burst.max(1) };
        Self { rate, full_at: Duration::ZERO }
    }

    /// Takes tokens; if there are too few it takes none, and the error is the time until there are enough. A cost above the burst counts
    /// as the burst.
    pub fn check(&mut self, tokens: u32, now: Duration) -> Result<(), Duration> {
        let one = Duration::from_secs(1) / self.rate.per_second;
        let full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        let missing = full_at.saturating_sub(now).saturating_sub(one * self.rate.burst);
        if missing > Duration::ZERO {
            return Err(missing);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Takes tokens; false, and takes none, if there are too few.
    pub fn take(&mut self, tokens: u32, now: Duration) -> bool {
        self.check(tokens, now).is_ok()
    }

    /// Whether all tokens are there, as in a new bucket.
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }

    /// Takes tokens, and returns the time until they are available.
    pub fn take_later(&mut self, tokens: u32, now: Duration) -> Duration {
        let one = Duration::from_secs(1) / self.rate.per_second;
        self.full_at = self.full_at.max(now) + one * tokens.min(self.rate.burst);
        self.full_at.saturating_sub(now).saturating_sub(one * self.rate.burst)
    }
}

/// Token buckets by key, in bounded memory: keys beyond the maximum share one bucket.
#[derive(Debug)]
pub struct KeyedBuckets<K> {
    rate: Rate,
    keyed: HashMap<K, TokenBucket>,
    shared: TokenBucket,
    checks: u32,
}

impl<K: Hash + Eq + Clone> KeyedBuckets<K> {
    /// Buckets of this rate.
    pub fn new(rate: Rate) -> Self {
        let shared = Rate {
            per_second: rate.per_second.saturating_mul(SHARED_MULTIPLE),
            burst: rate.burst.saturating_mul(SHARED_MULTIPLE),
        };
        Self { rate, keyed: HashMap::new(), shared: TokenBucket::full(shared), checks: 0 }
    }

    /// Takes a token of this key; if there is none, the error is the time until the next one.
    pub fn check(&mut self, key: &K, now: Duration) -> Result<(), Duration> {
        self.checks = self.checks.wrapping_add(1);
        if self.checks.is_multiple_of(SWEEP_EVERY) {
            self.keyed.retain(|_, bucket| !bucket.is_full(now));
            self.keyed.shrink_to(SWEEP_EVERY as usize);
        }
        if let Some(bucket) = self.keyed.get_mut(key) {
            return bucket.check(1, now);
        }
        if self.keyed.len() >= MAX_KEYS {
            return self.shared.check(1, now);
        }
        self.keyed.entry(key.clone()).or_insert(TokenBucket::full(self.rate)).check(1, now)
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

    #[test]
    fn an_empty_bucket_returns_the_wait_and_does_not_affect_others() {
        let mut buckets = KeyedBuckets::new(Rate { per_second: 2, burst: 20 });
        for _ in 0..20 {
            buckets.check(&1, at(0)).unwrap();
        }
        assert_eq!(buckets.check(&1, at(0)), Err(at(500)));
        assert_eq!(buckets.check(&1, at(100)), Err(at(400)));
        buckets.check(&2, at(0)).unwrap();
        buckets.check(&1, at(500)).unwrap();
    }

    #[test]
    fn keys_beyond_what_may_be_remembered_share_one_bucket() {
        let mut buckets = KeyedBuckets::new(Rate { per_second: 1, burst: 10 });
        let checks = (MAX_KEYS as u64 + 2 * u64::from(SWEEP_EVERY)) * 2;
        let refused = (0..checks).filter(|key| buckets.check(key, at(0)).is_err()).count();
        assert!(buckets.keyed.len() <= MAX_KEYS, "{}", buckets.keyed.len());
        assert!(refused > 0, "the shared bucket is not endless");
        for _ in 0..SWEEP_EVERY {
            let _ = buckets.check(&0, at(3_600_000));
        }
        assert!(buckets.keyed.len() <= 1, "full buckets are forgotten");
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

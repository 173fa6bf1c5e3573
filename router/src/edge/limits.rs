//! Rate limiters per address and per meeting: token buckets in bounded memory.
//!
//! They never refuse a request themselves; [`guard`](crate::edge::guard) does.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use convene_join_token::MeetingKey;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Burst in seconds of the rate: whole teams share one address, and all reconnect at once after an outage.
const BURST_SECONDS: u32 = 10;
/// Maximum number of keys of one limiter; about 100 bytes each.
const MAX_KEYS: usize = 100_000;
/// Number of checks after which keys with a full bucket are removed.
const SWEEP_EVERY: u32 = 4096;
/// Rate of the shared bucket, in multiples of the rate of one key, while there are too many keys.
const SHARED_MULTIPLE: u32 = 100;

/// Rates per second; 0 disables a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Requests from one address, without joins.
    pub(crate) requests_per_address: u32,
    /// Joins from one address.
    pub(crate) joins_per_address: u32,
    /// Joins to one meeting.
    pub(crate) joins_per_meeting: u32,
}

/// The rate limiters of one router.
#[derive(Debug)]
pub(crate) struct RateLimits {
    /// Requests other than joins, by address.
    pub(crate) requests: KeyedRateLimiter<IpAddr>,
    /// Joins by address.
    pub(crate) joins: KeyedRateLimiter<IpAddr>,
    /// Joins by meeting.
    pub(crate) meetings: KeyedRateLimiter<MeetingKey>,
}

impl RateLimits {
    /// Rate limiters with these rates.
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            requests: KeyedRateLimiter::new(rates.requests_per_address),
            joins: KeyedRateLimiter::new(rates.joins_per_address),
            meetings: KeyedRateLimiter::new(rates.joins_per_meeting),
        }
    }
}

/// A rate limiter with one bucket per key.
#[derive(Debug)]
pub(crate) struct KeyedRateLimiter<K: Hash + Eq + Clone> {
    buckets: Option<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K: Hash + Eq + Clone> {
    keyed: DefaultKeyedRateLimiter<K>,
    /// Used while there are more keys than the maximum.
    shared: DefaultDirectRateLimiter,
    clock: DefaultClock,
    checks: AtomicU32,
    uses_shared: AtomicBool,
}

impl<K: Hash + Eq + Clone> KeyedRateLimiter<K> {
    fn new(per_second: u32) -> Self {
        let quota = |rate: NonZeroU32| {
            Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1)))
        };
        let shared = NonZeroU32::MIN.saturating_add(SHARED_MULTIPLE - 1);
        let buckets = NonZeroU32::new(per_second).map(|rate| Buckets {
            keyed: RateLimiter::keyed(quota(rate)),
            shared: RateLimiter::direct(quota(rate.saturating_mul(shared))),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            uses_shared: AtomicBool::new(false),
        });
        Self { buckets }
    }

    /// Takes a token; if there is none, the error is the time until the next one.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        self.buckets.as_ref().map_or(Ok(()), |buckets| buckets.check(key))
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn check(&self, key: &K) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep();
        }
        let result =
            if self.uses_shared.load(Ordering::Relaxed) { self.shared.check() } else { self.keyed.check_key(key) };
        result.map_err(|until| until.wait_time_from(self.clock.now()))
    }

    fn sweep(&self) {
        self.keyed.retain_recent();
        self.keyed.shrink_to_fit();
        self.uses_shared.store(self.keyed.len() >= MAX_KEYS, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_returns_the_wait_and_does_not_affect_others() {
        let limit = KeyedRateLimiter::<u8>::new(1);
        for _ in 0..BURST_SECONDS {
            limit.check(&1).unwrap();
        }
        let wait = limit.check(&1).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        limit.check(&2).unwrap();
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let limit = KeyedRateLimiter::<u8>::new(0);
        assert!((0..100_000).all(|_| limit.check(&1).is_ok()));
    }

    #[test]
    fn keys_beyond_what_may_be_remembered_share_one_bucket() {
        let limit = KeyedRateLimiter::<u64>::new(1);
        let checks = (MAX_KEYS as u64 + 2 * u64::from(SWEEP_EVERY)) * 2;
        let refused = (0..checks).filter(|key| limit.check(key).is_err()).count();
        let buckets = limit.buckets.as_ref().unwrap();
        assert!(buckets.keyed.len() <= MAX_KEYS + SWEEP_EVERY as usize, "{}", buckets.keyed.len());
        assert!(refused > 0, "the shared bucket is not endless");
    }
}

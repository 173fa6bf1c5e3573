//! Rate limiters per address and per meeting.
//!
//! They never refuse a request themselves; [`guard`](crate::edge::guard) does.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use convene_join_token::MeetingKey;
use convene_service::rate::{KeyedBuckets, Rate};

/// Burst in seconds of the rate: whole teams share one address, and all reconnect at once after an outage.
const BURST_SECONDS: u32 = 10;

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
pub(crate) struct KeyedRateLimiter<K> {
    buckets: Option<Mutex<KeyedBuckets<K>>>,
    started: Instant,
}

impl<K: Hash + Eq + Clone> KeyedRateLimiter<K> {
    fn new(per_second: u32) -> Self {
        let rate = Rate { per_second, burst: per_second.saturating_mul(BURST_SECONDS) };
        let buckets = (per_second > 0).then(|| Mutex::new(KeyedBuckets::new(rate)));
        Self { buckets, started: Instant::now() }
    }

    /// Takes a token; if there is none, the error is the time until the next one.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        // A panic cannot leave a bucket half changed.
        buckets.lock().unwrap_or_else(PoisonError::into_inner).check(key, self.started.elapsed())
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
}

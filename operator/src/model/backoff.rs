//! When an object is reconciled again: exponential backoff after failures, per object, and a jittered resync otherwise.
//!
//! Pure except for a lock; the jitter is an argument of [`compute_resync`]. kube keeps no count of attempts, so this module does.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
    time::Duration,
};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
const SHORTEST_RESYNC_SECONDS: u64 = 300;
const RESYNC_SPREAD_SECONDS: u64 = 600;

/// Consecutive failures, by object.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: Mutex<HashMap<String, u32>>,
}

impl Attempts {
    /// Counts a failure of `object` and returns the pause before the next attempt.
    pub(crate) fn fail(&self, object: &str) -> Duration {
        let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = failed.entry(object.to_owned()).or_default();
        *count = count.saturating_add(1);
        compute_pause(*count)
    }

    /// Resets the failures of `object`.
    pub(crate) fn succeed(&self, object: &str) {
        self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(object);
    }
}

/// The pause after `failed` consecutive failures: doubles each time, up to two minutes.
pub(crate) fn compute_pause(failed: u32) -> Duration {
    let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

/// The pause before a resync, 5 to 15 minutes: watches can miss events. `random` spreads the objects.
pub(crate) const fn compute_resync(random: u64) -> Duration {
    Duration::from_secs(SHORTEST_RESYNC_SECONDS + random % RESYNC_SPREAD_SECONDS)
}

/// A part of `most` that is always the same for this key, and differs between keys.
pub(crate) fn compute_spread(key: &str, most: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let parts = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
    most * parts / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_a_success() {
        let attempts = Attempts::default();
        let pauses: Vec<_> = (0..4).map(|_| attempts.fail("a").as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000]);
        assert_eq!(attempts.fail("b").as_millis(), 500);
        attempts.succeed("a");
        assert_eq!(attempts.fail("a").as_millis(), 500);
        assert_eq!(compute_pause(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn objects_are_spread_evenly_and_each_has_the_same_part_always() {
        let most = Duration::from_millis(100);
        let spread = |number: u32| compute_spread(&format!("uid-{number}"), most);
        assert!((0..1000).all(|number| spread(number) < most && spread(number) == spread(number)));
        let early = (0..1000).filter(|number| spread(*number) < most / 4).count();
        assert!((200..300).contains(&early), "{early} of 1000 in the first quarter");
    }

    #[test]
    fn resync_lies_between_5_and_15_minutes() {
        for random in [0, 599, 600, u64::MAX] {
            assert!((300..900).contains(&compute_resync(random).as_secs()), "{random}");
        }
    }
}

//! Configuration of watches of the API server: short watches and a short backoff.
//!
//! A watch whose connection is lost may never end by itself. This module sets limits; it never decides what is watched.

use std::time::Duration;

use kube::runtime::{utils::Backoff, watcher};

/// Duration of one watch in seconds. The API server then ends it, and it is resumed where it ended. A dead connection is noticed a few
/// seconds later.
const WATCH_SECONDS: u32 = 30;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The configuration of every watch.
pub fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Pauses before a broken watch is resumed. They are short because participants wait for the changes, and few programs watch.
#[derive(Debug)]
pub struct WatchBackoff {
    next: Duration,
}

impl Default for WatchBackoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::READ_TIMEOUT;

    #[test]
    fn pauses_grow_to_their_limit_and_start_again() {
        let mut backoff = WatchBackoff::default();
        let pauses: Vec<_> = backoff.by_ref().take(7).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next(), Some(FIRST_PAUSE));
    }

    #[test]
    fn a_quiet_watch_is_not_mistaken_for_a_dead_one() {
        assert!(READ_TIMEOUT > Duration::from_secs(u64::from(WATCH_SECONDS) + 10));
    }
}

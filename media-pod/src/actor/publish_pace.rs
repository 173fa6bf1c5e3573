//! How often a room's state is published: immediately while that is cheap, and less often in a meeting with thousands of viewers, where
//! collecting the state takes longer than the change that made it necessary.

use std::time::{Duration, Instant};

/// Rooms with fewer clients are published at once, whatever it takes.
const LARGE: usize = 500;
/// A publication that takes no longer does not delay the next one.
const CHEAP: Duration = Duration::from_micros(200);
/// Publications take at most one in this many parts of the time.
const SHARE: u32 = 20;
/// Longest time between two, whatever they take: the machine may have been busy with something else.
const LONGEST: Duration = Duration::from_millis(500);

/// When the next publication is due.
#[derive(Debug, Default)]
pub(super) struct PublishPace {
    not_before: Option<Instant>,
}

impl PublishPace {
    /// Publishing a room with this number of clients has taken the time from `began` to `ended`.
    pub(super) fn note(&mut self, clients: usize, began: Instant, ended: Instant) {
        let cost = ended.saturating_duration_since(began);
        self.not_before = (clients >= LARGE && cost > CHEAP).then(|| ended + (cost * SHARE).min(LONGEST));
    }

    /// The time until the next one.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.not_before.map_or(Duration::ZERO, |not_before| not_before.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_costly_publications_delay_the_next() {
        let start = Instant::now();
        let at = |micros| start + Duration::from_micros(micros);
        let mut pace = PublishPace::default();
        assert_eq!(pace.wait(start), Duration::ZERO);
        pace.note(LARGE, start, at(150));
        assert_eq!(pace.wait(at(150)), Duration::ZERO);
        pace.note(LARGE - 1, at(200), at(3200));
        assert_eq!(pace.wait(at(3200)), Duration::ZERO);
        pace.note(LARGE, at(200), at(3200));
        assert_eq!(pace.wait(at(3200)), Duration::from_millis(60));
        assert_eq!(pace.wait(at(43_200)), Duration::from_millis(20));
        assert_eq!(pace.wait(at(99_999)), Duration::ZERO);
        pace.note(LARGE, start, at(200_000));
        assert_eq!(pace.wait(at(200_000)), LONGEST);
    }
}

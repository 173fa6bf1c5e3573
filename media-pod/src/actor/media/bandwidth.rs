//! How often clients are notified of their bandwidth: the worker estimates it many times a second for each of them. Reads no clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use convene_protocol::message::DownlinkBwe;

/// Shortest time between two notifications of a client.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time after which a client is notified in any case: an earlier notification may have found no connection.
const LONGEST: Duration = Duration::from_secs(10);
/// Smaller changes are not worth a notification, in percent.
const CHANGE: u32 = 10;

/// The last estimate that a client was notified of.
#[derive(Debug, Default)]
pub(super) struct LastEstimate(Mutex<Option<(Instant, DownlinkBwe)>>);

impl LastEstimate {
    /// Whether the client should be notified of this estimate; then it counts as the last.
    pub(super) fn replace(&self, now: Instant, estimate: &DownlinkBwe) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.as_ref().is_none_or(|(at, before)| {
            let elapsed = now.saturating_duration_since(*at);
            elapsed >= LONGEST || elapsed >= INTERVAL && is_noticeable(before, estimate)
        });
        if is_due {
            *last = Some((now, *estimate));
        }
        is_due
    }
}

fn is_noticeable(before: &DownlinkBwe, after: &DownlinkBwe) -> bool {
    let differs = |before: u32, after: u32| before.abs_diff(after) > before.max(after) / 100 * CHANGE;
    differs(before.available_bitrate, after.available_bitrate)
        || differs(before.desired_bitrate, after.desired_bitrate)
        || differs(before.effective_desired_bitrate, after.effective_desired_bitrate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(available_bitrate: u32) -> DownlinkBwe {
        DownlinkBwe { desired_bitrate: 600_000, effective_desired_bitrate: 600_000, available_bitrate }
    }

    #[test]
    fn once_a_second_at_most_and_only_what_has_changed() {
        let (last, start) = (LastEstimate::default(), Instant::now());
        let told = |millis, bitrate| last.replace(start + Duration::from_millis(millis), &estimate(bitrate));
        assert!(told(0, 1_000_000), "the first");
        assert!(!told(500, 5_000_000), "too soon");
        assert!(!told(5_000, 1_090_000) && !told(6_000, 910_000), "hardly a change");
        assert!(told(7_000, 1_200_000));
        assert!(!told(7_999, 100_000) && told(8_000, 100_000));
        assert!(!told(17_999, 100_000) && told(18_000, 100_000), "the notification before may have been lost");
    }
}

//! Counts packets by number: sent, arrived, missing. Numbers start at 1 and are sent without gaps.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// A stream between its two ends.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    sent: AtomicU32,
    arrived: Mutex<HashSet<u32>>,
}

impl Stream {
    /// Counts one more packet; returns its number.
    pub(crate) fn send(&self) -> u32 {
        self.sent.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn arrive(&self, number: u32) {
        self.seen().insert(number);
    }

    /// Number of packets after `from` up to `to` that have not arrived.
    pub(crate) fn missing(&self, from: u32, to: u32) -> u32 {
        let seen = self.seen();
        (from + 1..=to).filter(|number| !seen.contains(number)).count().try_into().unwrap_or(u32::MAX)
    }

    /// Drops the state of packets up to this number.
    pub(crate) fn forget(&self, up_to: u32) {
        self.seen().retain(|number| *number > up_to);
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashSet<u32>> {
        self.arrived.lock().expect("no holder of this lock panics")
    }
}

/// The given percentile of the values.
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
    let index = (values.len() as f64 * percent / 100.0).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_arrive_is_missing() {
        let stream = Stream::default();
        let numbers: Vec<u32> = (0..5).map(|_| stream.send()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        for number in [1, 2, 4, 4] {
            stream.arrive(number);
        }
        assert_eq!((stream.missing(0, 5), stream.missing(2, 5), stream.missing(3, 4)), (2, 2, 0));
        stream.forget(3);
        assert_eq!(stream.missing(3, stream.sent()), 1);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        for percent in [50.0, 99.0, 100.0] {
            assert!((percentile(&mut values, percent) - percent).abs() < 0.001);
        }
        assert!(percentile(&mut [], 50.0).is_infinite());
    }
}

//! Distributions of durations, from a microsecond to a minute. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer durations count as this long.
const LONGEST: u64 = 60_000_000;

/// A distribution, kept with three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

/// A distribution in a report, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// Number of values.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The highest value.
    pub max_ms: f64,
}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order and three digits are allowed"))
    }
}

impl Times {
    pub(crate) fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros.clamp(1, LONGEST));
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        let max_ms = milliseconds(self.0.max());
        // A value stands for those that are equal to it in three digits; the maximum is exact.
        let below = |quantile| f64::min(at(quantile), max_ms);
        Percentiles { count: self.0.len(), p50_ms: below(0.5), p99_ms: below(0.99), max_ms }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a minute")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth() {
        let mut times = Times::default();
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis));
        }
        let found = times.percentiles();
        assert_eq!(found.count, 1000);
        for (found, expected) in [(found.p50_ms, 500.0), (found.p99_ms, 990.0), (found.max_ms, 1000.0)] {
            assert!((found - expected).abs() <= expected / 900.0, "{found} for {expected}");
        }
    }

    #[test]
    fn nothing_and_extremes_are_valid() {
        let mut times = Times::default();
        assert_eq!(times.percentiles(), Percentiles::default());
        times.record(Duration::ZERO);
        times.record(Duration::MAX);
        assert_eq!(times.percentiles().count, 2);
        assert!(times.percentiles().max_ms >= 60_000.0);
    }
}

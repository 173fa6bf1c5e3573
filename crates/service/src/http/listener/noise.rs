//! Limits the log of a listener during a flood to one line per period. It closes nothing.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Minimum time between two lines about the same.
const PERIOD: Duration = Duration::from_secs(10);

/// When something was logged for the last time.
#[derive(Debug, Default)]
pub(super) struct LogPeriod(Mutex<Option<Instant>>);

impl LogPeriod {
    /// Whether a new period begins, so that a line is due.
    pub(super) fn begins(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now - last >= PERIOD);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// Connections that could not be accepted, such as without free file descriptors.
#[derive(Debug, Default)]
pub(super) struct AcceptErrors {
    period: LogPeriod,
    failures: u64,
    is_logged: bool,
}

impl AcceptErrors {
    /// `accept` has failed.
    pub(super) fn add(&mut self, error: &io::Error, now: Instant) {
        self.failures += 1;
        if self.period.begins(now) {
            self.is_logged = true;
            tracing::warn!(%error, failures = self.failures, "could not accept connections");
        }
    }

    /// `accept` has succeeded.
    pub(super) fn end(&mut self) {
        if self.is_logged {
            tracing::info!(failures = self.failures, "connections are accepted again");
        }
        (self.failures, self.is_logged) = (0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_period_is_due() {
        let (period, start) = (LogPeriod::default(), Instant::now());
        let seconds = [0, 1, 9, 10, 19, 30].map(|second| period.begins(start + Duration::from_secs(second)));
        assert_eq!(seconds, [true, false, false, true, false, true]);
    }
}

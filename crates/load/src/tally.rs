//! Counts what the clients of a run report. Pure: knows neither clocks nor connections.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::error::JoinError;
use crate::report::Joins;
use crate::signaling::client::Progress;
use crate::stats::times::Times;

/// A run with more failures than joined clients, and at least this many, is given up.
const MIN_FAILURES: u32 = 5;

/// The counts.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) joins: Joins,
    time: Times,
    first_packet: Times,
    first_key_frame: Times,
    last: Option<JoinError>,
}

impl Tally {
    pub(crate) fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Joined { time, is_subscriber } => {
                self.joins.succeeded += 1;
                self.joins.subscribers += u32::from(is_subscriber);
                self.time.record(time);
            }
            Progress::FirstPacket(time) => self.first_packet.record(time),
            Progress::FirstKeyFrame(time) => self.first_key_frame.record(time),
            Progress::AllStreams => self.joins.served += 1,
            Progress::Failed { had_joined, error } => {
                *if had_joined { &mut self.joins.lost } else { &mut self.joins.failed } += 1;
                self.count(error.reason());
                self.last = Some(error);
            }
        }
    }

    fn count(&mut self, reason: &str) {
        *self.joins.errors.entry(reason.to_owned()).or_default() += 1;
    }

    /// Clients that have neither joined nor failed.
    pub(crate) fn pending(&self) -> u32 {
        self.joins.attempted.saturating_sub(self.joins.succeeded + self.joins.failed)
    }

    /// Whether nothing is left to wait for: all have joined or failed, and what should arrive has begun to, at those that are connected.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending() == 0 && self.joins.served + self.joins.lost >= self.joins.subscribers
    }

    /// The run is over: clients that are still pending have not joined.
    pub(crate) fn close(&mut self) {
        for _ in 0..self.pending() {
            self.joins.failed += 1;
            self.count("Unfinished");
        }
    }

    /// Clients that are connected.
    pub(crate) fn connected(&self) -> u32 {
        self.joins.succeeded.saturating_sub(self.joins.lost)
    }

    /// Whether it is pointless to go on.
    pub(crate) fn is_hopeless(&self) -> bool {
        let Joins { succeeded, failed, attempted, .. } = self.joins;
        (failed >= MIN_FAILURES && failed > succeeded) || (failed > 0 && failed == attempted && self.pending() == 0)
    }

    /// The error of the client that failed last.
    pub(crate) fn take_last(&mut self) -> JoinError {
        self.last.take().unwrap_or(JoinError::MediaEnded)
    }

    pub(crate) fn joins(&self) -> Joins {
        Joins {
            time: self.time.percentiles(),
            first_packet: self.first_packet.percentiles(),
            first_key_frame: self.first_key_frame.percentiles(),
            ..self.joins.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tally(attempted: u32, succeeded: u32, failed: u32) -> Tally {
        Tally { joins: Joins { attempted, succeeded, failed, ..Joins::default() }, ..Tally::default() }
    }

    fn joined(is_subscriber: bool) -> Progress {
        Progress::Joined { time: Duration::from_millis(5), is_subscriber }
    }

    #[test]
    fn a_run_is_given_up_when_most_joins_fail() {
        for (attempted, succeeded, failed, is_hopeless) in [
            (1, 0, 0, false),
            (1, 0, 1, true),
            (3, 0, 1, false),
            (10, 5, 5, false),
            (10, 4, 5, true),
            (100, 96, 4, false),
        ] {
            assert_eq!(
                tally(attempted, succeeded, failed).is_hopeless(),
                is_hopeless,
                "{attempted} {succeeded} {failed}"
            );
        }
    }

    #[test]
    fn failures_are_counted_by_reason_and_phase() {
        let mut tally = tally(3, 0, 0);
        tally.take(joined(false));
        tally.take(Progress::Failed { had_joined: true, error: JoinError::MediaEnded });
        tally.take(Progress::Failed { had_joined: false, error: JoinError::NoCandidate });
        let joins = tally.joins();
        assert_eq!((joins.succeeded, joins.lost, joins.failed, tally.pending()), (1, 1, 1, 1));
        assert_eq!(joins.errors, [("MediaEnded".to_owned(), 1), ("NoCandidate".to_owned(), 1)].into());
        assert_eq!((joins.time.count, tally.connected()), (1, 0));
    }

    #[test]
    fn subscribers_that_receive_nothing_are_missed() {
        let mut tally = tally(3, 0, 0);
        for is_subscriber in [false, true, true] {
            tally.take(joined(is_subscriber));
        }
        tally.take(Progress::FirstPacket(Duration::from_millis(7)));
        tally.take(Progress::AllStreams);
        let joins = tally.joins();
        assert_eq!((joins.first_packet.count, joins.served, joins.subscribers), (1, 1, 2));
        assert!(!joins.are_served() && !tally.is_settled());
        tally.take(Progress::FirstPacket(Duration::from_millis(8)));
        assert!(!tally.joins().are_served(), "one of its streams has not begun");
        tally.take(Progress::AllStreams);
        assert!(tally.joins().are_served() && tally.is_settled());
    }

    #[test]
    fn who_has_not_joined_at_the_end_has_failed() {
        let mut tally = tally(3, 1, 0);
        assert!(!tally.is_settled());
        tally.close();
        assert_eq!((tally.joins.failed, tally.pending()), (2, 0));
        assert_eq!(tally.joins.errors, [("Unfinished".to_owned(), 2)].into());
    }
}

//! When the next client may begin to join: at a constant rate, in the order in which they need each other.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// The clients of a run that begin to join one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) publishers: u32,
    pub(crate) subscribers: u32,
}

/// What has become of the clients so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) attempted: u32,
    pub(crate) succeeded: u32,
    pub(crate) pending: u32,
}

impl Order {
    pub(crate) fn all(self) -> u32 {
        self.publishers + self.subscribers
    }

    /// Whether the next client may begin: the first one alone, so that a server that refuses it gets no more of them; then publishers, so that
    /// subscribers have something to wait for.
    pub(crate) fn may_begin(self, Begun { attempted, succeeded, pending }: Begun) -> bool {
        let is_refused_to_first = attempted > 0 && succeeded == 0;
        let waits_for_publishers = attempted == self.publishers && pending > 0;
        attempted < self.all() && !is_refused_to_first && !waits_for_publishers
    }
}

/// The times at which clients begin.
pub(crate) struct Ramp {
    ticks: Interval,
    was_open: bool,
}

impl Ramp {
    /// `rate` joins per second.
    pub(crate) fn new(rate: f64) -> Self {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        // Joins are due at their time, however slow the server is.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self { ticks, was_open: true }
    }

    /// Whether joins may begin now. The time during which they may not does not make up for joins.
    pub(crate) fn open(&mut self, is_open: bool) {
        if is_open && !self.was_open {
            self.ticks.reset();
        }
        self.was_open = is_open;
    }

    /// The next time.
    pub(crate) async fn next(&mut self) {
        self.ticks.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn joins_are_not_made_up_for_after_a_wait() {
        let mut ramp = Ramp::new(10.0);
        ramp.next().await;
        ramp.open(false);
        advance(Duration::from_secs(5)).await;
        ramp.open(true);
        let start = Instant::now();
        for _ in 0..3 {
            ramp.open(true);
            ramp.next().await;
        }
        assert_eq!(start.elapsed(), Duration::from_millis(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_loop_does_not_make_the_ramp_slower() {
        let mut ramp = Ramp::new(10.0);
        ramp.next().await;
        advance(Duration::from_millis(350)).await;
        let start = Instant::now();
        for _ in 0..3 {
            ramp.next().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn the_first_joins_alone_and_subscribers_after_publishers() {
        let order = Order { publishers: 2, subscribers: 3 };
        for (attempted, succeeded, pending, may_begin) in [
            (0, 0, 0, true),
            (1, 0, 1, false),
            (1, 1, 0, true),
            (2, 1, 1, false),
            (2, 2, 0, true),
            (2, 1, 0, true),
            (3, 2, 1, true),
            (5, 4, 1, false),
        ] {
            let begun = Begun { attempted, succeeded, pending };
            assert_eq!(order.may_begin(begun), may_begin, "{begun:?}");
        }
    }
}

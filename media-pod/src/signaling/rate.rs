//! Rate limits on one client's requests, responses and bytes. Pure: the caller refuses, delays or disconnects.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

use convene_service::rate::{Rate, TokenBucket};

/// Responses to the pod's own requests arrive in bursts that the client does not choose: as many as there are participants.
const ANSWERS_PER_REQUEST: u32 = 10;
/// Kilobytes per request, on average: most requests have one, capabilities twenty.
const KILOBYTES_PER_REQUEST: u32 = 3;
/// Number of refused messages before a client is disconnected, and how fast they are forgotten.
const REFUSALS: Rate = Rate { per_second: 10, burst: 1000 };

/// What to do with a client's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Process it.
    Accept,
    /// Refuse it with an error.
    Refuse,
    /// Disconnect the client: it continues to exceed its rate.
    Disconnect,
}

/// Limits the messages of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientRateLimiter {
    bytes: TokenBucket,
    requests: TokenBucket,
    responses: TokenBucket,
    refusals: TokenBucket,
}

impl ClientRateLimiter {
    /// For a client that may send requests at this rate.
    pub(crate) fn new(rate: Rate) -> Self {
        let responses = Rate {
            per_second: rate.per_second.saturating_mul(ANSWERS_PER_REQUEST),
            burst: rate.burst.saturating_mul(ANSWERS_PER_REQUEST),
        };
        let bytes = Rate {
            per_second: rate.per_second.saturating_mul(KILOBYTES_PER_REQUEST),
            burst: rate.burst.saturating_mul(KILOBYTES_PER_REQUEST),
        };
        Self {
            bytes: TokenBucket::full(bytes),
            requests: TokenBucket::full(rate),
            responses: TokenBucket::full(responses),
            refusals: TokenBucket::full(REFUSALS),
        }
    }

    /// Charges the length of a message, and returns how long to wait before it is processed. The caller reads nothing in the meantime, so
    /// that a client that sends too much is slowed down by backpressure.
    pub(crate) fn read(&mut self, cost: u32, now: Duration) -> Duration {
        self.bytes.take_later(cost, now)
    }

    /// Charges a request, a notification or an invalid message.
    pub(crate) fn request(&mut self, cost: u32, now: Duration) -> Decision {
        let is_within = self.requests.take(cost, now);
        self.decide(is_within, cost, now)
    }

    /// Charges a response.
    pub(crate) fn response(&mut self, cost: u32, now: Duration) -> Decision {
        let is_within = self.responses.take(cost, now);
        self.decide(is_within, cost, now)
    }

    fn decide(&mut self, is_within: bool, cost: u32, now: Duration) -> Decision {
        if is_within {
            Decision::Accept
        } else if self.refusals.take(cost, now) {
            Decision::Refuse
        } else {
            Decision::Disconnect
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_client_that_continues_is_disconnected() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 1, burst: 2 });
        let decisions: Vec<_> = (0..1003).map(|_| limiter.request(1, at(0))).collect();
        assert_eq!(decisions[..3], [Decision::Accept, Decision::Accept, Decision::Refuse]);
        assert_eq!(decisions[1001..], [Decision::Refuse, Decision::Disconnect]);
    }

    #[test]
    fn a_client_slightly_over_the_limit_is_only_refused() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 100, burst: 100 });
        let decisions: Vec<_> = (0..60_000).map(|number| limiter.request(1, at(number * 1000 / 105))).collect();
        assert!(decisions.contains(&Decision::Refuse));
        assert!(!decisions.contains(&Decision::Disconnect));
    }

    #[test]
    fn responses_have_a_separate_larger_limit() {
        let mut limiter = ClientRateLimiter::new(Rate { per_second: 1, burst: 2 });
        assert_eq!(
            (0..20).map(|_| limiter.response(1, at(0))).filter(|decision| *decision == Decision::Accept).count(),
            20
        );
        assert_eq!(limiter.response(1, at(0)), Decision::Refuse);
        assert_eq!(limiter.request(1, at(0)), Decision::Accept);
    }
}

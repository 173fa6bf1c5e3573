//! The next step of a candidate, and whether it may consider itself the leader.
//!
//! Pure. Moments are durations on the candidate's own monotonic clock, from an arbitrary zero. Times in the lease are ignored, because
//! another clock wrote them. A lease that stays unchanged for its whole duration no longer has a holder.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// A moment on the candidate's own monotonic clock.
pub(crate) type Moment = Duration;

/// Maximum time to wait for another holder's lease, whatever its duration: a typo must not block all candidates forever.
const LONGEST_LEASE: Duration = Duration::from_mins(1);

/// Durations of the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How long other candidates leave the lease alone after they observe a change.
    pub lease: Duration,
    /// How long a holder trusts its lease, counted from the start of the request: shorter than `lease` by more than the clock drift.
    pub renew_deadline: Duration,
    /// How often the holder renews and others check.
    pub retry: Duration,
    /// Time limit of one request: shorter than `retry`, so that a lost response leaves time for more attempts.
    pub request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            renew_deadline: Duration::from_secs(7),
            retry: Duration::from_secs(2),
            request: Duration::from_millis(1500),
        }
    }
}

/// The lease as in a response of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Its resource version.
    pub version: String,
    /// Its holder.
    pub holder: Option<String>,
    /// Its duration, as the holder wrote it.
    pub duration: Duration,
}

/// Reasons a holder has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It could not be renewed in time.
    Late,
    /// Another replica holds it.
    Taken,
    /// It no longer exists.
    Deleted,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Read the lease: the known state is outdated or uncertain.
    Read,
    /// Create the lease, held by this replica.
    Create,
    /// Take over the lease.
    Acquire,
    /// Renew the lease.
    Renew,
    /// Wait for this time.
    Wait(Duration),
    /// Stop everything: this replica no longer leads.
    Lost(Loss),
}

#[derive(Clone, Debug)]
struct Seen {
    sighting: Sighting,
    /// When this version was first seen.
    since: Moment,
}

/// A replica that wants to lead, or leads.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    identity: String,
    timing: Timing,
    /// The lease as last seen; `None` if there was none.
    seen: Option<Seen>,
    /// When it was last seen; `None` if that may be outdated.
    looked: Option<Moment>,
    /// Start of the last request that is known to have created or kept the lease for this replica.
    renewed: Option<Moment>,
}

impl Candidate {
    /// A candidate that knows nothing yet.
    pub(crate) const fn new(identity: String, timing: Timing) -> Self {
        Self { identity, timing, seen: None, looked: None, renewed: None }
    }

    /// Records a response with the lease, or without one. `now` must be when the response arrived, not when it was requested: a request of
    /// the holder may have been applied in between.
    pub(crate) fn observe(&mut self, found: Option<Sighting>, now: Moment) {
        let known = self.seen.take();
        self.seen = found.map(|sighting| {
            let since = known.filter(|seen| seen.sighting.version == sighting.version).map_or(now, |seen| seen.since);
            Seen { sighting, since }
        });
        self.looked = Some(now);
    }

    /// Marks the known state as possibly outdated: a response is missing, a write was rejected, or the watch reported a change.
    pub(crate) const fn doubt(&mut self) {
        self.looked = None;
    }

    /// Records a successful write that created or kept the lease. `begun` is when it was sent.
    pub(crate) fn succeed(&mut self, written: Sighting, begun: Moment, now: Moment) {
        self.observe(Some(written), now);
        if self.renewed.is_none() && !self.is_young(begun, now) {
            // The response took so long that others may hold the lease: nothing was started yet, so there is nothing to stop.
            self.doubt();
        } else {
            self.renewed = Some(begun);
        }
    }

    /// Stops believing, before the lease is released.
    pub(crate) const fn resign(&mut self) {
        self.renewed = None;
    }

    /// Whether this replica may act at `now`.
    pub(crate) fn leads(&self, now: Moment) -> bool {
        self.renewed.is_some_and(|begun| self.is_young(begun, now))
    }

    /// When this replica stops leading unless it renews the lease first.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.renewed.map(|begun| begun + self.timing.renew_deadline)
    }

    /// Whether this replica held the lease when it was last seen.
    pub(crate) fn is_holder(&self) -> bool {
        self.holder().is_some_and(|holder| holder == self.identity)
    }

    /// Holder of the lease when it was last seen.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.sighting.holder.as_deref()
    }

    /// The next step at `now`.
    pub(crate) fn decide(&self, now: Moment) -> Decision {
        match (self.renewed, self.looked) {
            (Some(begun), _) if !self.is_young(begun, now) => Decision::Lost(Loss::Late),
            (_, None) => Decision::Read,
            (Some(begun), Some(_)) => self.decide_as_holder(begun, now),
            (None, Some(looked)) => self.decide_as_standby(looked, now),
        }
    }

    fn decide_as_holder(&self, begun: Moment, now: Moment) -> Decision {
        if self.seen.is_none() {
            return Decision::Lost(Loss::Deleted);
        }
        if !self.is_holder() {
            return Decision::Lost(Loss::Taken);
        }
        let due = begun + self.timing.retry;
        if now >= due { Decision::Renew } else { Decision::Wait(due.saturating_sub(now)) }
    }

    fn decide_as_standby(&self, looked: Moment, now: Moment) -> Decision {
        let Some(seen) = &self.seen else { return Decision::Create };
        match &seen.sighting.holder {
            None => Decision::Acquire,
            // A write was applied but its response was lost: it counts only once a response confirms it.
            Some(holder) if *holder == self.identity => Decision::Renew,
            Some(_) => self.decide_about_other(seen, looked, now),
        }
    }

    fn decide_about_other(&self, seen: &Seen, looked: Moment, now: Moment) -> Decision {
        let lasts = seen.sighting.duration.min(LONGEST_LEASE).max(self.timing.lease);
        let (end, next_look) = (seen.since + lasts, looked + self.timing.retry);
        if now >= end {
            Decision::Acquire
        } else if now >= next_look {
            Decision::Read
        } else {
            Decision::Wait(end.min(next_look).saturating_sub(now))
        }
    }

    fn is_young(&self, begun: Moment, now: Moment) -> bool {
        now.saturating_sub(begun) < self.timing.renew_deadline
    }
}

//! What a candidate does next about the lease, and whether it may believe that it leads.
//!
//! Pure. Moments are durations since any zero of the candidate's own monotonic clock; what the lease says about times is never looked at,
//! because it was written by another clock. A version of the lease that stays unchanged for as long as the lease lasts has no holder any more.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// A moment on the candidate's own monotonic clock.
pub(crate) type Moment = Duration;

/// The longest a lease of others is waited for, whatever it says of itself: no typing error may keep everybody out for ever.
const LONGEST_LEASE: Duration = Duration::from_mins(1);

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How long others leave the lease alone after they saw it change.
    pub lease: Duration,
    /// How long a holder believes in its lease after it began to ask for it: shorter than `lease`, by more than clocks drift apart.
    pub renew_deadline: Duration,
    /// How often the holder renews and the others look.
    pub retry: Duration,
    /// How long one request may take: shorter than `retry`, so that a lost answer leaves time for more tries.
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

/// The lease as an answer of the API server showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Its resource version.
    pub version: String,
    /// Who holds it.
    pub holder: Option<String>,
    /// How long it lasts, as its holder wrote.
    pub duration: Duration,
}

/// Why a holder may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It could not be renewed in time.
    Late,
    /// Somebody else holds it.
    Taken,
    /// It does not exist any more.
    Deleted,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Ask how the lease is: what is known of it is old or in doubt.
    Read,
    /// Make the lease, held by us.
    Create,
    /// Take the lease over.
    Acquire,
    /// Renew the lease, which is ours.
    Renew,
    /// Do nothing for so long.
    Wait(Duration),
    /// Stop everything: we do not lead any more.
    Lost(Loss),
}

#[derive(Clone, Debug)]
struct Seen {
    sighting: Sighting,
    /// When this version was seen first.
    since: Moment,
}

/// One that wants to lead, or leads.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    identity: String,
    timing: Timing,
    /// The lease as last seen; `None` if there was none.
    seen: Option<Seen>,
    /// When it was seen last; `None` if that may be wrong by now.
    looked: Option<Moment>,
    /// When the last request began that is known to have made or kept the lease ours.
    renewed: Option<Moment>,
}

impl Candidate {
    /// One that knows nothing yet.
    pub(crate) const fn new(identity: String, timing: Timing) -> Self {
        Self { identity, timing, seen: None, looked: None, renewed: None }
    }

    /// An answer showed the lease, or that there is none. `now` must be when the answer arrived, not when it was asked for: the holder's
    /// request may have been carried out in between.
    pub(crate) fn observe(&mut self, found: Option<Sighting>, now: Moment) {
        let known = self.seen.take();
        self.seen = found.map(|sighting| {
            let since = known.filter(|seen| seen.sighting.version == sighting.version).map_or(now, |seen| seen.since);
            Seen { sighting, since }
        });
        self.looked = Some(now);
    }

    /// What is known may be wrong: an answer did not come, a write was refused, or somebody says that the lease changed.
    pub(crate) const fn doubt(&mut self) {
        self.looked = None;
    }

    /// A write that made or kept the lease ours was taken. `begun` is when it was sent.
    pub(crate) fn succeed(&mut self, written: Sighting, begun: Moment, now: Moment) {
        self.observe(Some(written), now);
        if self.renewed.is_none() && !self.is_young(begun, now) {
            // The answer took so long that others may hold it: nothing was begun yet, so there is nothing to stop.
            self.doubt();
        } else {
            self.renewed = Some(begun);
        }
    }

    /// Stops believing, before the lease is given back.
    pub(crate) const fn resign(&mut self) {
        self.renewed = None;
    }

    /// Whether we may act at `now`.
    pub(crate) fn leads(&self, now: Moment) -> bool {
        self.renewed.is_some_and(|begun| self.is_young(begun, now))
    }

    /// When we stop to lead unless the lease is renewed before.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.renewed.map(|begun| begun + self.timing.renew_deadline)
    }

    /// Whether the lease was ours when it was seen last.
    pub(crate) fn is_holder(&self) -> bool {
        self.holder().is_some_and(|holder| holder == self.identity)
    }

    /// Who held the lease when it was seen last.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.sighting.holder.as_deref()
    }

    /// What to do at `now`.
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
            // A write of ours was carried out and its answer lost: it counts only once one is answered.
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

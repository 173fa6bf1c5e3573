//! What is to be done next for the admission keys: one step at a time, each complete in itself, so that whoever comes after a crash goes on
//! where it broke off.
//!
//! Pure. A new key is first made known to everybody (`next`), signs only when the media pods have had time to hear of it, and the old one is
//! trusted until its last token has run out (`retired`). All is decided by what the Secret and the `ConfigMap` hold. Times that lie in the
//! future, after a clock was set back, count from now: that can make a step later, never earlier, and nothing waits for ever.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use convene_admission_keys::{Current, KeyPair, Stored, holds_key};

use super::error::KeysError;

/// How long a key is published before it signs. The kubelet takes up to about two minutes to bring a `ConfigMap` to its pods.
pub(super) const SYNC_TIME: Duration = Duration::from_mins(5);
/// How long a key is trusted after it no longer signs: routers' tickets live for ten minutes, and some routers hear of the new key later.
pub(super) const TRUST_TIME: Duration = Duration::from_mins(15);
/// How long the keys are left alone at most: somebody may have deleted them.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// More retired keys than a rotation can bring about.
const MOST_RETIRED: usize = 8;

/// What Secret and `ConfigMap` hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The Secret.
    pub(super) stored: Stored,
    /// The key set in the `ConfigMap`, if there is one.
    pub(super) published: Option<String>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no key: make one that signs at once.
    MakeCurrent,
    /// The current key is old: make the one that follows it.
    MakeNext,
    /// Write this to the Secret.
    Write {
        /// What it will hold.
        stored: Box<Stored>,
        /// For the log.
        what: &'static str,
    },
    /// Write this key set to the `ConfigMap`.
    Publish(String),
    /// All is as it should be; look again then.
    Wait(Duration),
}

/// The next step. A key signs for about `period`; without one, none is replaced, but what has begun is brought to its end.
pub(super) fn plan_rotation(state: &State, period: Option<Duration>, now: Timestamp) -> Result<Step, KeysError> {
    let stored = &state.stored;
    let Some(current) = &stored.current else { return Ok(Step::MakeCurrent) };
    let sound = correct(stored, current, now);
    if sound != *stored {
        return Ok(write(sound, "put the record of the admission keys in order"));
    }
    let mut kept = stored.clone();
    kept.record.retired.retain(|retired| !is_over(retired.since, TRUST_TIME, now));
    if kept != *stored {
        return Ok(write(kept, "dropped a retired admission key"));
    }
    let wanted = stored.build_key_set()?;
    if state.published.as_deref() != Some(&wanted) {
        return plan_publication(state, wanted);
    }
    plan_succession(stored, period, now)
}

/// The time for which the next key has been known counts only while it is: when it is missed, it begins anew.
fn plan_publication(state: &State, wanted: String) -> Result<Step, KeysError> {
    let is_noted = state.stored.record.next.as_ref().is_some_and(|next| next.published.is_some());
    if let Some(next) = state.stored.next.as_ref().filter(|_| is_noted) {
        let key = next.public()?;
        if !state.published.as_ref().is_some_and(|jwks| holds_key(jwks, &key)) {
            let stored = state.stored.clone().with_next_published(None);
            return Ok(write(stored, "missed the next admission key in the ConfigMap, its time begins anew"));
        }
    }
    Ok(Step::Publish(wanted))
}

fn plan_succession(stored: &Stored, period: Option<Duration>, now: Timestamp) -> Result<Step, KeysError> {
    match &stored.record.next {
        Some(next) => match next.published {
            None => {
                let stored = stored.clone().with_next_published(Some(now));
                Ok(write(stored, "noted that the next admission key is published"))
            }
            Some(published) if is_over(published, SYNC_TIME, now) => {
                Ok(write(stored.clone().promote(now)?, "the next admission key signs from now on"))
            }
            Some(_) => Ok(Step::Wait(compute_wait(stored, period, now))),
        },
        None if is_old(stored, period, now) => Ok(Step::MakeNext),
        None => Ok(Step::Wait(compute_wait(stored, period, now))),
    }
}

fn write(stored: Stored, what: &'static str) -> Step {
    Step::Write { stored: Box::new(stored), what }
}

/// What the Secret should hold where the record and the keys in it do not fit together: people exchange keys by hand, and clocks go wrong.
fn correct(stored: &Stored, current: &KeyPair, now: Timestamp) -> Stored {
    let mut sound = stored.clone();
    let record = &mut sound.record;
    let is_known = record.current.as_ref().is_some_and(|known| known.kid == current.kid && known.since <= now);
    if !is_known {
        record.current = Some(Current { kid: current.kid.clone(), since: now });
    }
    if sound.next.as_ref().is_none_or(|next| next.kid == current.kid) {
        sound.next = None;
        record.next = None;
    }
    if let Some(published) = record.next.as_mut().and_then(|next| next.published.as_mut()) {
        *published = (*published).min(now);
    }
    record.retired.retain(|retired| retired.key.kid != current.kid);
    record.retired.truncate(MOST_RETIRED);
    for retired in &mut record.retired {
        retired.since = retired.since.min(now);
    }
    sound
}

fn is_old(stored: &Stored, period: Option<Duration>, now: Timestamp) -> bool {
    let current = stored.record.current.as_ref();
    period.zip(current).is_some_and(|(period, current)| is_over(current.since, period, now))
}

fn is_over(since: Timestamp, time: Duration, now: Timestamp) -> bool {
    compute_rest(since, time, now).is_zero()
}

/// What is left at `now` of a `time` that began at `since`.
fn compute_rest(since: Timestamp, time: Duration, now: Timestamp) -> Duration {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    let rest = time.saturating_sub(now.duration_since(since));
    Duration::try_from(rest).unwrap_or_default()
}

fn compute_wait(stored: &Stored, period: Option<Duration>, now: Timestamp) -> Duration {
    let record = &stored.record;
    let published = record.next.as_ref().and_then(|next| next.published);
    let syncing = published.map(|since| compute_rest(since, SYNC_TIME, now));
    let retiring = record.retired.iter().map(|retired| compute_rest(retired.since, TRUST_TIME, now));
    let old = period.zip(record.current.as_ref()).filter(|_| record.next.is_none());
    let old = old.map(|(period, current)| compute_rest(current.since, period, now));
    let rest = retiring.chain(syncing).chain(old).min().unwrap_or(LONGEST_WAIT);
    rest.clamp(Duration::from_secs(1), LONGEST_WAIT)
}

#[cfg(test)]
mod tests;

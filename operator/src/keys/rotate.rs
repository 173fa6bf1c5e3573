//! The next step for the admission keys: one at a time, each atomic, so that after a crash the next process continues where the last one
//! stopped.
//!
//! Pure. A new key is first published (`next`), signs only when the media pods have had time to load it, and the old one is trusted until
//! its last token has expired (`retired`). Everything follows from the contents of the Secret and the `ConfigMap`. Times in the future,
//! after a clock was set back, count from now: that can delay a step but never advance it, and nothing waits forever.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use convene_admission_keys::{Current, KeyPair, Stored, holds_key};

use super::error::KeysError;

/// How long a key is published before it signs. The kubelet takes up to about two minutes to update a `ConfigMap` in its pods.
pub(super) const SYNC_TIME: Duration = Duration::from_mins(5);
/// How long a key is trusted after it no longer signs: tickets of routers live for ten minutes, and some routers load the new key later.
pub(super) const TRUST_TIME: Duration = Duration::from_mins(15);
/// Maximum time between checks of the keys: they may have been deleted.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// More retired keys than rotations can produce.
const MOST_RETIRED: usize = 8;

/// Contents of Secret and `ConfigMap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The Secret.
    pub(super) stored: Stored,
    /// The key set in the `ConfigMap`, if there is one.
    pub(super) published: Option<String>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no key: generate one that signs immediately.
    MakeCurrent,
    /// The current key is old: generate its successor.
    MakeNext,
    /// Write the Secret.
    Write {
        /// Its new contents.
        stored: Box<Stored>,
        /// Message for the log.
        what: &'static str,
    },
    /// Write this key set to the `ConfigMap`.
    Publish(String),
    /// Everything is up to date; check again after this time.
    Wait(Duration),
}

/// The next step. A key signs for about `period`; without a period no rotation starts, but a started rotation is completed.
pub(super) fn plan_rotation(state: &State, period: Option<Duration>, now: Timestamp) -> Result<Step, KeysError> {
    let stored = &state.stored;
    let Some(current) = &stored.current else { return Ok(Step::MakeCurrent) };
    let sound = correct(stored, current, now);
    if sound != *stored {
        return Ok(write(sound, "corrected the record of the admission keys"));
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

/// The publication time of the next key counts only while the key is published: if it disappears, the time restarts.
fn plan_publication(state: &State, wanted: String) -> Result<Step, KeysError> {
    let is_noted = state.stored.record.next.as_ref().is_some_and(|next| next.published.is_some());
    if let Some(next) = state.stored.next.as_ref().filter(|_| is_noted) {
        let key = next.public()?;
        if !state.published.as_ref().is_some_and(|jwks| holds_key(jwks, &key)) {
            let stored = state.stored.clone().with_next_published(None);
            return Ok(write(
                stored,
                "the next admission key is missing in the ConfigMap, its waiting time starts again",
            ));
        }
    }
    Ok(Step::Publish(wanted))
}

fn plan_succession(stored: &Stored, period: Option<Duration>, now: Timestamp) -> Result<Step, KeysError> {
    match &stored.record.next {
        Some(next) => match next.published {
            None => {
                let stored = stored.clone().with_next_published(Some(now));
                Ok(write(stored, "recorded that the next admission key is published"))
            }
            Some(published) if is_over(published, SYNC_TIME, now) => {
                Ok(write(stored.clone().promote(now)?, "promoted the next admission key"))
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

/// Corrects a Secret whose record does not match its keys: administrators replace keys, and clocks can be wrong.
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

/// The rest, at `now`, of a period of `time` that began at `since`.
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

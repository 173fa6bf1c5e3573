//! What admissions have been used for: each opens one socket, or makes the calls of one broadcaster. Remembered until the token would
//! have expired anyway, and no more than so many of them. It reads no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// Admissions that are remembered: with the usual lifetime, more than a thousand people a second.
const MOST: usize = 100_000;
/// Longest id of an admission, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Why an admission cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SpendError {
    /// It has opened a socket, or was to open one after it had been used otherwise.
    #[error("the admission has been used already")]
    Spent,
    /// It has been used for another broadcaster.
    #[error("the admission has been used for another broadcaster")]
    Bound,
    /// Its id is no id.
    #[error("the admission's id is longer than 128 bytes")]
    IdTooLong,
    /// What cannot be remembered cannot be let in.
    #[error("too many people come at once: come back")]
    TooMany,
}

impl SpendError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Spent => "AdmissionSpent",
            Self::Bound => "AdmissionBound",
            Self::IdTooLong => "AdmissionIdTooLong",
            Self::TooMany => "TooManyAdmissions",
        }
    }
}

/// All of the pod.
#[derive(Debug, Default)]
pub struct SpentAdmissions(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    by_id: HashMap<String, Purpose>,
    /// The same, the first to expire first.
    by_time: BTreeSet<(u64, String)>,
}

/// What an admission was used for. It is for one meeting, which is checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Socket,
    /// The calls of the broadcaster with this peerId.
    Broadcaster(String),
}

impl SpentAdmissions {
    /// Spends an admission that is good until a time (Unix seconds) on a socket. One without an id is of an older router, and not
    /// remembered.
    pub fn spend(&self, id: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        if !is_remembered(id)? {
            return Ok(());
        }
        self.lock().spend(id, good_until, now)
    }

    /// Uses an admission for a call of this broadcaster; for no other from then on, and for no socket. A call about no broadcaster, whose
    /// peerId is empty, binds nothing.
    pub fn bind(&self, id: &str, broadcaster: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        if !is_remembered(id)? {
            return Ok(());
        }
        self.lock().bind(id, broadcaster, good_until, now)
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_remembered(id: &str) -> Result<bool, SpendError> {
    if id.len() > MAX_ID_BYTES { Err(SpendError::IdTooLong) } else { Ok(!id.is_empty()) }
}

impl Used {
    fn spend(&mut self, id: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        self.forget_expired(now);
        match self.by_id.get(id) {
            Some(_) => Err(SpendError::Spent),
            None => self.note(id, Purpose::Socket, good_until),
        }
    }

    fn bind(&mut self, id: &str, broadcaster: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        self.forget_expired(now);
        match self.by_id.get(id) {
            Some(Purpose::Socket) => Err(SpendError::Spent),
            Some(Purpose::Broadcaster(other)) if !broadcaster.is_empty() && other != broadcaster => {
                Err(SpendError::Bound)
            }
            None if !broadcaster.is_empty() => self.note(id, Purpose::Broadcaster(broadcaster.to_owned()), good_until),
            Some(Purpose::Broadcaster(_)) | None => Ok(()),
        }
    }

    fn note(&mut self, id: &str, purpose: Purpose, good_until: u64) -> Result<(), SpendError> {
        if self.by_id.len() >= MOST {
            return Err(SpendError::TooMany);
        }
        self.by_id.insert(id.to_owned(), purpose);
        self.by_time.insert((good_until, id.to_owned()));
        Ok(())
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((good_until, _)) = self.by_time.first()
            && *good_until <= now
        {
            if let Some((_, id)) = self.by_time.pop_first() {
                self.by_id.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admission_is_good_once_until_it_is_forgotten_with_its_token() {
        let spent = SpentAdmissions::default();
        assert_eq!(spent.spend("a", 100, 10), Ok(()));
        assert_eq!(spent.spend("b", 50, 10), Ok(()));
        assert_eq!(spent.spend("a", 100, 99), Err(SpendError::Spent));
        assert_eq!(spent.lock().by_id.len(), 1, "b is forgotten");
        assert_eq!(spent.spend("a", 200, 100), Ok(()), "the old token is refused by its time");
    }

    #[test]
    fn one_without_an_id_is_not_looked_at_and_a_long_id_is_refused() {
        let spent = SpentAdmissions::default();
        assert_eq!((spent.spend("", 100, 0), spent.spend("", 100, 0)), (Ok(()), Ok(())));
        assert_eq!(spent.spend(&"x".repeat(129), 100, 0), Err(SpendError::IdTooLong));
        assert_eq!(spent.spend(&"x".repeat(128), 100, 0), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_gets_free_again() {
        let spent = SpentAdmissions::default();
        for number in 0..MOST {
            assert_eq!(spent.spend(&number.to_string(), 100, 0), Ok(()));
        }
        assert_eq!(spent.spend("one more", 100, 0), Err(SpendError::TooMany));
        assert_eq!(spent.spend("one more", 200, 100), Ok(()));
        let inner = spent.lock();
        assert_eq!((inner.by_id.len(), inner.by_time.len()), (1, 1));
    }

    #[test]
    fn an_admission_is_for_one_broadcaster_or_one_socket() {
        let spent = SpentAdmissions::default();
        assert_eq!((spent.bind("a", "camera", 100, 10), spent.bind("a", "camera", 100, 20)), (Ok(()), Ok(())));
        assert_eq!(spent.bind("a", "another", 100, 30), Err(SpendError::Bound));
        assert_eq!(spent.spend("a", 100, 30), Err(SpendError::Spent), "and no socket");
        assert_eq!(spent.spend("b", 100, 30), Ok(()));
        assert_eq!(spent.bind("b", "camera", 100, 30), Err(SpendError::Spent), "a socket's makes no call");
        assert_eq!(spent.bind("b", "", 100, 30), Err(SpendError::Spent), "of any kind");
        assert_eq!(spent.bind(&"x".repeat(129), "camera", 100, 0), Err(SpendError::IdTooLong));
        assert_eq!((spent.bind("", "camera", 100, 0), spent.bind("", "another", 100, 0)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_call_about_no_broadcaster_binds_nothing() {
        let spent = SpentAdmissions::default();
        assert_eq!(spent.bind("a", "", 100, 10), Ok(()));
        assert_eq!(spent.lock().by_id.len(), 0);
        assert_eq!(spent.bind("a", "camera", 100, 10), Ok(()));
        assert_eq!(spent.bind("a", "", 100, 10), Ok(()));
        assert_eq!(spent.bind("a", "another", 100, 10), Err(SpendError::Bound));
        assert_eq!(spent.bind("a", "another", 200, 100), Ok(()), "forgotten with its token");
    }

    #[test]
    fn calls_are_remembered_within_the_same_bounds() {
        let spent = SpentAdmissions::default();
        for number in 0..MOST {
            assert_eq!(spent.bind(&number.to_string(), "camera", 100, 0), Ok(()));
        }
        assert_eq!(spent.bind("one more", "camera", 100, 0), Err(SpendError::TooMany));
        assert_eq!(spent.bind("7", "camera", 100, 0), Ok(()), "one that is known goes on");
        assert_eq!(spent.spend("one more", 200, 100), Ok(()));
    }
}

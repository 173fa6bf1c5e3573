//! Admissions that have opened their socket: each opens one. Remembered until the token would have expired anyway, and no more than so
//! many of them. It reads no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

/// Admissions that are remembered: with the usual lifetime, more than a thousand people a second.
const MOST: usize = 100_000;
/// Longest id of an admission, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Why an admission opens no socket.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SpendError {
    /// It has opened one.
    #[error("the admission has been used already")]
    Spent,
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
            Self::IdTooLong => "AdmissionIdTooLong",
            Self::TooMany => "TooManyAdmissions",
        }
    }
}

/// All of the pod.
#[derive(Debug, Default)]
pub struct SpentAdmissions(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    ids: HashSet<String>,
    /// The same, the first to expire first.
    by_time: BTreeSet<(u64, String)>,
}

impl SpentAdmissions {
    /// Spends an admission that is good until a time (Unix seconds). One without an id is of an older router, and not looked at.
    pub fn spend(&self, id: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        if id.is_empty() {
            return Ok(());
        }
        if id.len() > MAX_ID_BYTES {
            return Err(SpendError::IdTooLong);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spend(id, good_until, now)
    }
}

impl Spent {
    fn spend(&mut self, id: &str, good_until: u64, now: u64) -> Result<(), SpendError> {
        self.forget_expired(now);
        if self.ids.contains(id) {
            return Err(SpendError::Spent);
        }
        if self.ids.len() >= MOST {
            return Err(SpendError::TooMany);
        }
        self.ids.insert(id.to_owned());
        self.by_time.insert((good_until, id.to_owned()));
        Ok(())
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((good_until, _)) = self.by_time.first()
            && *good_until <= now
        {
            if let Some((_, id)) = self.by_time.pop_first() {
                self.ids.remove(&id);
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
        assert_eq!(spent.0.lock().unwrap().ids.len(), 1, "b is forgotten");
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
        let inner = spent.0.lock().unwrap();
        assert_eq!((inner.ids.len(), inner.by_time.len()), (1, 1));
    }
}

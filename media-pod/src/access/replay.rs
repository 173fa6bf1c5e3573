//! Replay guard for admissions: each opens one socket or makes the calls of one broadcaster. Uses are remembered until the token has
//! expired, up to a maximum number. It reads no clock and verifies no tokens.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// Maximum number of remembered admissions: with the usual lifetime, more than a thousand per second.
const CAPACITY: usize = 100_000;
/// Longest id of an admission, in bytes.
const MAX_ID_BYTES: usize = 128;

/// An admission is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ReplayError {
    /// It has already opened a socket or been used for a broadcaster.
    #[error("the admission has already been used")]
    Used,
    /// It has been used for another broadcaster.
    #[error("the admission has been used for another broadcaster")]
    Bound,
    /// Its id is too long.
    #[error("the admission's id is longer than 128 bytes")]
    IdTooLong,
    /// It could not be remembered.
    #[error("too many admissions at the same time: try again later")]
    TooMany,
}

impl ReplayError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Used => "AdmissionSpent",
            Self::Bound => "AdmissionBound",
            Self::IdTooLong => "AdmissionIdTooLong",
            Self::TooMany => "TooManyAdmissions",
        }
    }
}

/// Uses of admissions on this pod.
#[derive(Debug, Default)]
pub struct ReplayGuard(Mutex<Uses>);

#[derive(Debug, Default)]
struct Uses {
    by_id: HashMap<String, Purpose>,
    /// The same ids by expiry.
    by_time: BTreeSet<(u64, String)>,
}

/// What an admission was used for. The caller has checked that it is for this meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Socket,
    /// The calls of the broadcaster with this peerId.
    Broadcaster(String),
}

impl ReplayGuard {
    /// Uses an admission, valid until a time in Unix seconds, for a socket. Admissions without an id, of older routers, are not remembered.
    pub(crate) fn use_for_socket(&self, id: &str, valid_until: u64, now: u64) -> Result<(), ReplayError> {
        if !is_remembered(id)? {
            return Ok(());
        }
        self.lock().use_for_socket(id, valid_until, now)
    }

    /// Uses an admission for a call of this broadcaster; afterwards it is not valid for any other broadcaster or for a socket. A call for
    /// no broadcaster, whose peerId is empty, does not bind it.
    pub(crate) fn bind(&self, id: &str, broadcaster: &str, valid_until: u64, now: u64) -> Result<(), ReplayError> {
        if !is_remembered(id)? {
            return Ok(());
        }
        self.lock().bind(id, broadcaster, valid_until, now)
    }

    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_remembered(id: &str) -> Result<bool, ReplayError> {
    if id.len() > MAX_ID_BYTES { Err(ReplayError::IdTooLong) } else { Ok(!id.is_empty()) }
}

impl Uses {
    fn use_for_socket(&mut self, id: &str, valid_until: u64, now: u64) -> Result<(), ReplayError> {
        self.drop_expired(now);
        match self.by_id.get(id) {
            Some(_) => Err(ReplayError::Used),
            None => self.note(id, Purpose::Socket, valid_until),
        }
    }

    fn bind(&mut self, id: &str, broadcaster: &str, valid_until: u64, now: u64) -> Result<(), ReplayError> {
        self.drop_expired(now);
        match self.by_id.get(id) {
            Some(Purpose::Socket) => Err(ReplayError::Used),
            Some(Purpose::Broadcaster(other)) if !broadcaster.is_empty() && other != broadcaster => {
                Err(ReplayError::Bound)
            }
            None if !broadcaster.is_empty() => self.note(id, Purpose::Broadcaster(broadcaster.to_owned()), valid_until),
            Some(Purpose::Broadcaster(_)) | None => Ok(()),
        }
    }

    fn note(&mut self, id: &str, purpose: Purpose, valid_until: u64) -> Result<(), ReplayError> {
        if self.by_id.len() >= CAPACITY {
            return Err(ReplayError::TooMany);
        }
        self.by_id.insert(id.to_owned(), purpose);
        self.by_time.insert((valid_until, id.to_owned()));
        Ok(())
    }

    fn drop_expired(&mut self, now: u64) {
        while let Some((valid_until, _)) = self.by_time.first()
            && *valid_until <= now
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
    fn an_admission_is_valid_once_until_its_token_has_expired() {
        let guard = ReplayGuard::default();
        assert_eq!(guard.use_for_socket("a", 100, 10), Ok(()));
        assert_eq!(guard.use_for_socket("b", 50, 10), Ok(()));
        assert_eq!(guard.use_for_socket("a", 100, 99), Err(ReplayError::Used));
        assert_eq!(guard.lock().by_id.len(), 1, "b has expired");
        assert_eq!(guard.use_for_socket("a", 200, 100), Ok(()), "the old token is refused by its time");
    }

    #[test]
    fn an_empty_id_is_not_remembered_and_a_long_id_is_refused() {
        let guard = ReplayGuard::default();
        assert_eq!((guard.use_for_socket("", 100, 0), guard.use_for_socket("", 100, 0)), (Ok(()), Ok(())));
        assert_eq!(guard.use_for_socket(&"x".repeat(129), 100, 0), Err(ReplayError::IdTooLong));
        assert_eq!(guard.use_for_socket(&"x".repeat(128), 100, 0), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_freed() {
        let guard = ReplayGuard::default();
        for number in 0..CAPACITY {
            assert_eq!(guard.use_for_socket(&number.to_string(), 100, 0), Ok(()));
        }
        assert_eq!(guard.use_for_socket("one more", 100, 0), Err(ReplayError::TooMany));
        assert_eq!(guard.use_for_socket("one more", 200, 100), Ok(()));
        let inner = guard.lock();
        assert_eq!((inner.by_id.len(), inner.by_time.len()), (1, 1));
    }

    #[test]
    fn an_admission_is_for_one_broadcaster_or_one_socket() {
        let guard = ReplayGuard::default();
        assert_eq!((guard.bind("a", "camera", 100, 10), guard.bind("a", "camera", 100, 20)), (Ok(()), Ok(())));
        assert_eq!(guard.bind("a", "another", 100, 30), Err(ReplayError::Bound));
        assert_eq!(guard.use_for_socket("a", 100, 30), Err(ReplayError::Used), "and no socket");
        assert_eq!(guard.use_for_socket("b", 100, 30), Ok(()));
        assert_eq!(guard.bind("b", "camera", 100, 30), Err(ReplayError::Used), "one used for a socket makes no call");
        assert_eq!(guard.bind("b", "", 100, 30), Err(ReplayError::Used), "of any kind");
        assert_eq!(guard.bind(&"x".repeat(129), "camera", 100, 0), Err(ReplayError::IdTooLong));
        assert_eq!((guard.bind("", "camera", 100, 0), guard.bind("", "another", 100, 0)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_call_about_no_broadcaster_binds_nothing() {
        let guard = ReplayGuard::default();
        assert_eq!(guard.bind("a", "", 100, 10), Ok(()));
        assert_eq!(guard.lock().by_id.len(), 0);
        assert_eq!(guard.bind("a", "camera", 100, 10), Ok(()));
        assert_eq!(guard.bind("a", "", 100, 10), Ok(()));
        assert_eq!(guard.bind("a", "another", 100, 10), Err(ReplayError::Bound));
        assert_eq!(guard.bind("a", "another", 200, 100), Ok(()), "dropped with its token");
    }

    #[test]
    fn calls_are_remembered_within_the_same_bounds() {
        let guard = ReplayGuard::default();
        for number in 0..CAPACITY {
            assert_eq!(guard.bind(&number.to_string(), "camera", 100, 0), Ok(()));
        }
        assert_eq!(guard.bind("one more", "camera", 100, 0), Err(ReplayError::TooMany));
        assert_eq!(guard.bind("7", "camera", 100, 0), Ok(()), "one that is known goes on");
        assert_eq!(guard.use_for_socket("one more", 200, 100), Ok(()));
    }
}

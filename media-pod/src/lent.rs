//! Media workers that this pod lends to rooms of other pods: who may use them, and what runs on them. The other side of `crate::link`.
//!
//! It knows no participant and no room: only transports and what is on them. They end with the link.

mod epochs;
mod serve;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use convene_protocol::admin::LinkPoint;
use convene_protocol::admission::{CLOCK_SKEW_SECONDS, LinkGrant};
use thiserror::Error;

use crate::access::replay::{ReplayError, ReplayGuard};
use epochs::Epochs;
pub(crate) use serve::{Borrower, serve};

/// A ticket was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum LentError {
    /// It was used, or has no id.
    #[error("the ticket has already been used")]
    Used,
    /// It is for an earlier process of this pod.
    #[error("the ticket is for an earlier process of this pod")]
    OtherProcess,
    /// The meeting has moved to another pod.
    #[error("the meeting has moved: another pod has it since")]
    Stale,
    /// There are too many meetings or links.
    #[error("too many links at the same time: try again later")]
    TooMany,
}

impl LentError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Used => "TicketUsed",
            Self::OtherProcess => "OtherProcess",
            Self::Stale => "StaleEpoch",
            Self::TooMany => "TooManyLinks",
        }
    }
}

/// Lends the media workers of this pod.
#[derive(Debug)]
pub struct Lent {
    /// Where other pods link to this one.
    pub(crate) point: LinkPoint,
    used: ReplayGuard,
    epochs: Mutex<Epochs>,
}

impl Lent {
    /// A pod that lends its workers at `point`.
    pub fn new(point: LinkPoint) -> Arc<Self> {
        Arc::new(Self { point, used: ReplayGuard::default(), epochs: Mutex::default() })
    }

    /// Uses a ticket that is valid until a time in Unix seconds. The link counts until the lease is dropped.
    pub(crate) fn lend(self: &Arc<Self>, grant: &LinkGrant, valid_until: u64, now: u64) -> Result<Lease, LentError> {
        if grant.fingerprint != self.point.fingerprint {
            return Err(LentError::OtherProcess);
        }
        if grant.jti.is_empty() {
            return Err(LentError::Used);
        }
        // Remembered as long as a signer whose clock differs may make it valid.
        self.used.use_for_socket(&grant.jti, valid_until.saturating_add(CLOCK_SKEW_SECONDS), now).map_err(|error| {
            match error {
                ReplayError::TooMany => LentError::TooMany,
                ReplayError::Used | ReplayError::Bound | ReplayError::IdTooLong => LentError::Used,
            }
        })?;
        self.epochs().begin(&grant.room, grant.epoch)?;
        Ok(Lease { lent: Arc::clone(self), room: grant.room.clone(), epoch: grant.epoch })
    }

    fn epochs(&self) -> MutexGuard<'_, Epochs> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One link to this pod.
#[derive(Debug)]
pub(crate) struct Lease {
    lent: Arc<Lent>,
    room: String,
    epoch: u64,
}

impl Lease {
    /// Whether no other pod has the meeting since.
    pub(crate) fn is_current(&self) -> bool {
        self.lent.epochs().is_current(&self.room, self.epoch)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.lent.epochs().end(&self.room);
    }
}

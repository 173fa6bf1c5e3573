//! Errors of entering a room. No logic.

use thiserror::Error;

use crate::sfu::error::WorkersError;

/// A room could not be entered.
#[derive(Debug, Error)]
pub(crate) enum EnterError {
    /// The pod is draining or shutting down.
    #[error("this media pod is not accepting participants")]
    Draining,
    /// No worker is running.
    #[error("could not open the room {name:?}")]
    Open {
        /// The room.
        name: String,
        /// Cause.
        source: WorkersError,
    },
    /// The limit on rooms is reached.
    #[error("this media pod already has the maximum of {limit} rooms")]
    TooManyRooms { limit: usize },
    /// Senders and receivers on different workers need two.
    #[error("usePipeTransports needs two media workers")]
    TooFewWorkers,
}

impl EnterError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Draining => "Draining",
            Self::Open { source, .. } => source.reason(),
            Self::TooManyRooms { .. } => "TooManyRooms",
            Self::TooFewWorkers => "TooFewWorkers",
        }
    }
}

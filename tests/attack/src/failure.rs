//! Failures of a client, and what an attack reports when the pod misbehaves.

use thiserror::Error;

/// The failure of a step.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The pod responded with an error.
    #[error("refused with {code}: {reason}")]
    Refused { code: u64, reason: String },
    /// The pod closed the socket.
    #[error("closed with {code}: {reason}")]
    Closed { code: u16, reason: String },
    /// The pod did not accept the handshake.
    #[error("the handshake failed with status {0}")]
    Handshake(u16),
    /// The expected thing did not arrive in time.
    #[error("no {0} in time")]
    Silent(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The pod misbehaved.
    #[error("{0}")]
    Wrong(String),
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The error code of a response, the close code, or the status of the handshake.
    pub(crate) fn code(&self) -> Option<u64> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Closed { code, .. } | Self::Handshake(code) => Some(u64::from(*code)),
            Self::Silent(_) | Self::Broken(_) | Self::Wrong(_) => None,
        }
    }
}

pub(crate) fn wrong(text: impl Into<String>) -> Failure {
    Failure::Wrong(text.into())
}

/// Fails with this text unless the condition is true.
pub(crate) fn ensure(is_so: bool, text: impl FnOnce() -> String) -> Outcome {
    if is_so { Ok(()) } else { Err(Failure::Wrong(text())) }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

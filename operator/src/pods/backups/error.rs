//! Errors of the backups of rooms. Nothing here handles an error.

use thiserror::Error;

use crate::pods::link::PodLinkError;

/// A step of a backup failed. It is repeated.
#[derive(Debug, Error)]
pub(crate) enum BackupError {
    /// The media pod did not do its part.
    #[error("the media pod did not answer as expected")]
    Pod(#[source] PodLinkError),
    /// The API server did not return the object.
    #[error("could not read MeetingBackup {name:?}")]
    Read {
        /// Its name.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The API server did not accept the object.
    #[error(
        "could not write MeetingBackup {name:?}; if the definitions are older than the operator, upgrade the chart convene-crds"
    )]
    Write {
        /// Its name.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The API server did not delete the object.
    #[error("could not delete MeetingBackup {name:?}")]
    Delete {
        /// Its name.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
}

impl BackupError {
    /// A constant for logs and metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Pod(error) => error.reason(),
            Self::Read { .. } => "BackupNotRead",
            Self::Write { .. } => "BackupNotWritten",
            Self::Delete { .. } => "BackupNotDeleted",
        }
    }
}

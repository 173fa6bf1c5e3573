//! Errors of reconciling a Meeting. Nothing here handles an error.

use thiserror::Error;

/// Errors of reconciling a meeting.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The API server did not accept the status.
    #[error("could not write the status of meeting \"{namespace}/{name}\"")]
    WriteStatus {
        /// Namespace of the meeting.
        namespace: String,
        /// Name of the meeting.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The API server did not delete a meeting whose time to live has expired.
    #[error("could not delete the expired meeting \"{namespace}/{name}\"")]
    Delete {
        /// Namespace of the meeting.
        namespace: String,
        /// Name of the meeting.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
}

impl Error {
    /// A constant for logs and metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::WriteStatus { .. } => "StatusNotWritten",
            Self::Delete { .. } => "MeetingNotDeleted",
        }
    }
}

//! Errors of snapshots. They quote no content of people.

use thiserror::Error;

/// A snapshot that is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// It exceeds [`MAX_SNAPSHOT_BYTES`](super::MAX_SNAPSHOT_BYTES).
    #[error("the snapshot is longer than 8388608 bytes")]
    TooLarge,
    /// It is not JSON, is truncated, or lacks fields.
    #[error("the snapshot is not readable: line {line}, column {column}")]
    Malformed {
        /// Of the JSON.
        line: usize,
        /// Of the line.
        column: usize,
    },
    /// It has a version that this program does not read.
    #[error("the snapshot has version {0}, and only version 1 is read here")]
    Version(u32),
    /// It is of another meeting than the request is for.
    #[error("the snapshot is of another meeting")]
    OtherMeeting,
    /// A field exceeds its bounds.
    #[error("{field} of the snapshot {problem}")]
    OutOfBounds {
        /// Path of the field.
        field: &'static str,
        /// The problem.
        problem: &'static str,
    },
}

impl SnapshotError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "SnapshotTooLarge",
            Self::Malformed { .. } => "SnapshotMalformed",
            Self::Version(_) => "SnapshotVersionUnknown",
            Self::OtherMeeting => "SnapshotOfAnotherMeeting",
            Self::OutOfBounds { .. } => "SnapshotOutOfBounds",
        }
    }

    /// Where a document is not readable. serde's own words may quote what people have written.
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

//! Errors of the admission keys. No variant holds a key.

use convene_admission_keys::KeyFormatError;
use thiserror::Error;

/// Errors of reading, rotating and writing the admission keys.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The Secret could not be read.
    #[error("could not read Secret {name:?}")]
    ReadSecret {
        /// Name of the Secret.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The Secret could not be written.
    #[error("could not write the admission keys to Secret {name:?}")]
    WriteSecret {
        /// Name of the Secret.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The `ConfigMap` could not be read.
    #[error("could not read ConfigMap {name:?}")]
    ReadConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The public keys could not be written.
    #[error("could not write the public keys to ConfigMap {name:?}")]
    WriteConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// Concurrent writes conflicted repeatedly.
    #[error("could not update Secret {name:?}: it was changed by others {times} times in a row")]
    Contended {
        /// Name of the Secret.
        name: String,
        /// Number of attempts.
        times: usize,
    },
    /// The stored key, or the one to be stored, is malformed.
    #[error(transparent)]
    Format(#[from] KeyFormatError),
}

impl KeysError {
    /// A constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ReadSecret { .. } => "SecretNotRead",
            Self::WriteSecret { .. } => "SecretNotWritten",
            Self::ReadConfigMap { .. } => "ConfigMapNotRead",
            Self::WriteConfigMap { .. } => "ConfigMapNotWritten",
            Self::Contended { .. } => "KeysContended",
            Self::Format(error) => error.reason(),
        }
    }
}

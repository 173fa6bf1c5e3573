//! What can go wrong with the admission keys. No variant holds a key.

use convene_admission_keys::KeyFormatError;
use thiserror::Error;

/// What can go wrong with the admission key.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The API server did not give the Secret.
    #[error("could not read Secret {name:?}")]
    ReadSecret {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not take what was written to the Secret.
    #[error("could not write the admission keys to Secret {name:?}")]
    WriteSecret {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not give the `ConfigMap`.
    #[error("could not read ConfigMap {name:?}")]
    ReadConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not take the public keys.
    #[error("could not write the public keys to ConfigMap {name:?}")]
    WriteConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Others wrote at the same time, again and again.
    #[error("Secret {name:?} was changed by others while the keys in it were looked after, {times} times in a row")]
    Contended {
        /// Name of the Secret.
        name: String,
        /// How often it was tried.
        times: usize,
    },
    /// What is stored, or what is to be stored, is not a key.
    #[error(transparent)]
    Format(#[from] KeyFormatError),
}

impl KeysError {
    /// Constant for logs and metrics.
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

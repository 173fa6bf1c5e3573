//! Errors for a Secret without a usable key. No message contains key material.

use convene_protocol::admission::AdmissionError;
use thiserror::Error;

/// Reasons a Secret has no usable key.
#[derive(Debug, Error)]
pub enum KeyFormatError {
    /// The Secret does not contain a valid key.
    #[error(
        "Secret {name:?} has no Ed25519 key in PKCS#8 PEM under \"private.pem\" with its id under \"kid\": delete its data to create a new key"
    )]
    BadSecret {
        /// Name of the Secret.
        name: String,
    },
    /// The key could not be used.
    #[error("could not use the admission key")]
    Unusable(#[source] AdmissionError),
    /// The key could not be encoded as PEM.
    #[error("could not encode a new key as PEM")]
    Encode,
}

impl KeyFormatError {
    /// Reason code for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadSecret { .. } => "SecretInvalid",
            Self::Unusable(_) | Self::Encode => "KeyUnusable",
        }
    }
}

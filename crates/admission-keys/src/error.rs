//! Why a Secret holds no usable key. No message contains key material.

use convene_protocol::admission::AdmissionError;
use thiserror::Error;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyFormatError {
    /// What the Secret holds is not a key.
    #[error(
        "Secret {name:?} holds no Ed25519 key in PKCS#8 PEM under \"private.pem\" with its id under \"kid\": empty it to have a new one made"
    )]
    BadSecret {
        /// Name of the Secret.
        name: String,
    },
    /// The key cannot sign or verify.
    #[error("the admission key is not usable")]
    Unusable(#[source] AdmissionError),
    /// The key could not be encoded as PEM.
    #[error("could not encode a new key as PEM")]
    Encode,
}

impl KeyFormatError {
    /// Constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadSecret { .. } => "SecretInvalid",
            Self::Unusable(_) | Self::Encode => "KeyUnusable",
        }
    }
}

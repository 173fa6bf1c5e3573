//! The admission keys as the operator stores them in a Secret, and as routers read them.
//!
//! Pure: objects and text in, keys out. It never talks to a cluster, reads no clock and makes no randomness. Private keys are in no `Debug`
//! output and in no error.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod pair;
mod stored;

use convene_protocol::admission::{AdmissionError, KeySet};
use k8s_openapi::api::core::v1::Secret;
use thiserror::Error;

pub use pair::{KeyPair, PublicKey, build_jwks, build_key_pair, build_key_set, holds_key};
pub use stored::{Current, Next, Record, Retired, Stored};

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

/// The public halves of all keys in the Secret, including the next one and the recently retired ones: a program that watches the Secret
/// accepts what others sign while a rotation is in progress.
pub fn read_key_set(secret: &Secret) -> Result<KeySet, KeyFormatError> {
    let name = secret.metadata.name.as_deref().unwrap_or_default();
    KeySet::from_jwks(&Stored::read(name, secret)?.build_key_set()?).map_err(KeyFormatError::Unusable)
}

//! The admission keys as the operator stores them in a Secret and routers read them.
//!
//! Pure: objects and text in, keys out. It never connects to a cluster, and uses no clock and no randomness. Private keys are in no `Debug`
//! output and in no error.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod error;
mod pair;
mod stored;

#[cfg(feature = "verify")]
use convene_protocol::admission::KeySet;
#[cfg(feature = "verify")]
use k8s_openapi::api::core::v1::Secret;

pub use error::KeyFormatError;
pub use pair::{KeyPair, PublicKey, build_jwks, build_key_pair, holds_key};
pub use stored::{Current, Next, Record, Retired, Stored};

/// The public keys of all keys in the Secret, including the next one and the recently retired ones: a router that watches the Secret
/// accepts tickets of other replicas during a rotation.
#[cfg(feature = "verify")]
pub fn read_key_set(secret: &Secret) -> Result<KeySet, KeyFormatError> {
    let name = secret.metadata.name.as_deref().unwrap_or_default();
    KeySet::from_jwks(&Stored::read(name, secret)?.build_key_set()?).map_err(KeyFormatError::Unusable)
}

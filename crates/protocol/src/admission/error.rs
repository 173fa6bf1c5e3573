//! Errors of keys and tokens. They never contain any part of either.

use thiserror::Error;

/// An invalid key or token.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AdmissionError {
    /// The private key is not an Ed25519 key in PKCS#8 PEM.
    #[error("the signing key is not an Ed25519 key in PKCS#8 PEM")]
    SigningKey,
    /// The JWKS document is unreadable or has no usable key.
    #[error("the public key set is not a JWKS with at least one Ed25519 key that has a kid")]
    KeySet,
    /// There is no token, or it is too long or not a JWT.
    #[error("the token is missing or malformed")]
    Malformed,
    /// No key of the set has the token's `kid`.
    #[error("the token is signed with a key that is not trusted here")]
    UnknownKey,
    /// Signature, algorithm, audience or shape is wrong.
    #[error("the token is not valid for this purpose")]
    Invalid,
    /// It is for another media pod or another room.
    #[error("the token is for another media pod or another room")]
    Elsewhere,
    /// It would admit a recorder that is hidden from the others.
    #[error("the token is for a hidden recorder, which is never admitted")]
    HiddenRecords,
    /// The token has expired or is not valid yet.
    #[error("the token has expired or is not valid yet")]
    Expired,
}

impl AdmissionError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SigningKey => "SigningKeyInvalid",
            Self::KeySet => "KeySetInvalid",
            Self::Malformed => "TokenMalformed",
            Self::UnknownKey => "TokenKeyUnknown",
            Self::Invalid => "TokenInvalid",
            Self::Elsewhere => "TokenElsewhere",
            Self::HiddenRecords => "TokenHiddenRecords",
            Self::Expired => "TokenExpired",
        }
    }
}

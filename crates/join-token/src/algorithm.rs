//! The two signature algorithms of join tokens. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// How a join token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: application and router share a secret.
    Hs256,
    /// Ed25519: the router has only the public key.
    EdDsa,
}

impl Algorithm {
    /// The name, as in the header of a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm with that name. Case-sensitive, as RFC 7515 requires.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Hs256, Self::EdDsa].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

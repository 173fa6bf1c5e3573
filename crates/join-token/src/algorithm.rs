//! The two algorithms of join tokens. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// How a join token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: application and router share a secret.
    Hs256,
    /// Ed25519: the router knows the public half alone.
    EdDsa,
}

impl Algorithm {
    /// The name as a token's header has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that very name. Case matters, as RFC 7515 has it.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hs256, Self::EdDsa].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

//! What can be wrong with a join token, said so that the developer of the application that made it can mend it.
//!
//! Pure. No message repeats anything that came out of a token: it may be printed, logged and sent.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use thiserror::Error;

use super::limits::{MAX_TOKEN_BYTES, NAMESPACES_SUFFIX};
use super::text::TextProblem;

/// Why a join token opens nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than any honest token.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not a JWT in compact form.
    #[error("the token is not a JWT: {0}")]
    Malformed(&'static str),
    /// The header is not what a JWT's header is.
    #[error("the token's header cannot be read: {0}")]
    Header(&'static str),
    /// Some other kind of object.
    #[error("the token's header says that it is not a JWT: leave out \"typ\", or set it to \"JWT\"")]
    Type,
    /// None of the two algorithms.
    #[error("the token's \"alg\" is not allowed: sign with HS256 or EdDSA (Ed25519)")]
    Algorithm,
    /// Extensions that must be understood.
    #[error("the token's header has \"crit\": no extension is supported")]
    Critical,
    /// A header parameter that would change where the key comes from or what the payload is.
    #[error(
        "the token's header has {0:?}, which is not supported: keys come from the join key Secrets alone, and are named by \"kid\""
    )]
    HeaderParameter(&'static str),
    /// No `kid`.
    #[error("the token's header has no \"kid\": set it to the name of the key in the join key Secret")]
    KeyIdMissing,
    /// A `kid` that cannot be the name of a key.
    #[error("the token's \"kid\" cannot be the name of a key in a Secret")]
    KeyIdInvalid,
    /// No key of that name.
    #[error(
        "no join key has the token's \"kid\": it is in none of the router's join key Secrets, or the entry there is broken (the router's log says so)"
    )]
    KeyUnknown,
    /// The key is for the other algorithm.
    #[error("the key that the token's \"kid\" names is for {0}: sign with that algorithm, or name another key")]
    AlgorithmMismatch(&'static str),
    /// The signature is not the key's.
    #[error("the token's signature is wrong: it was made with another key, or the token was changed afterwards")]
    Signature,
    /// The payload is no JSON object.
    #[error("the token's claims cannot be read: {0}")]
    Claims(&'static str),
    /// A claim that must be there.
    #[error("the token has no claim {0:?}")]
    ClaimMissing(&'static str),
    /// A claim of the wrong type or out of range.
    #[error("the token's claim {claim:?} must be {expected}")]
    ClaimInvalid {
        /// Which.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A claim that is nearly one of ours: to pass over it could give somebody rights that were to be taken away.
    #[error("the token has a claim that is nearly {0:?}: write it exactly so")]
    ClaimMisspelled(&'static str),
    /// For somebody else.
    #[error("the token is not for Convene: its \"aud\" must be \"convene\"")]
    Audience,
    /// Over.
    #[error("the token has expired: its \"exp\" is past; have the application make a new one")]
    Expired,
    /// Not begun.
    #[error("the token is not valid yet: its \"nbf\" is in the future; if it should be valid, compare the clocks")]
    NotYetValid,
    /// Made tomorrow.
    #[error("the token's \"iat\" is in the future: compare the clocks")]
    IssuedInFuture,
    /// Good for longer than may be.
    #[error(
        "the token is good for too long: from its \"nbf\" or \"iat\" (or now) to its \"exp\" there may be {0} s at most"
    )]
    Lifetime(u64),
    /// For another meeting.
    #[error("the token is for another meeting")]
    OtherMeeting,
    /// The key must not open this namespace.
    #[error("the key that signed the token does not open meetings of this namespace: see the Secret's \"<kid>{suffix}\"", suffix = NAMESPACES_SUFFIX)]
    NamespaceNotAllowed,
    /// The identity cannot be one.
    #[error("the token's \"sub\" cannot be an identity: {0}")]
    Identity(TextProblem),
    /// The name cannot be shown.
    #[error("the token's \"name\" cannot be shown: {0}")]
    Name(TextProblem),
    /// Good once, but nobody could tell which one it is.
    #[error("a token with \"once\" needs a \"jti\", a text that no other token has")]
    OnceWithoutId,
    /// Hidden and visible at the same time.
    #[error("who is \"hidden\" sends nothing: set \"publish\" to false, or leave it out")]
    HiddenPublishes,
    /// Nobody is recorded by somebody unseen.
    #[error("a \"recorder\" is seen by everybody it records: leave out \"hidden\"")]
    HiddenRecords,
}

impl TokenError {
    /// One word for programs, logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "TokenTooLong",
            Self::Malformed(_) => "TokenMalformed",
            Self::Header(_) => "TokenHeaderInvalid",
            Self::Type => "TokenTypeWrong",
            Self::Algorithm => "TokenAlgorithmNotAllowed",
            Self::Critical => "TokenCriticalHeader",
            Self::HeaderParameter(_) => "TokenHeaderNotSupported",
            Self::KeyIdMissing => "TokenKeyIdMissing",
            Self::KeyIdInvalid => "TokenKeyIdInvalid",
            Self::KeyUnknown => "TokenKeyUnknown",
            Self::AlgorithmMismatch(_) => "TokenAlgorithmMismatch",
            Self::Signature => "TokenSignatureWrong",
            Self::Claims(_) => "TokenClaimsUnreadable",
            Self::ClaimMissing(_) => "TokenClaimMissing",
            Self::ClaimInvalid { .. } => "TokenClaimInvalid",
            Self::ClaimMisspelled(_) => "TokenClaimMisspelled",
            Self::Audience => "TokenAudienceWrong",
            Self::Expired => "TokenExpired",
            Self::NotYetValid => "TokenNotYetValid",
            Self::IssuedInFuture => "TokenIssuedInFuture",
            Self::Lifetime(_) => "TokenLifetimeTooLong",
            Self::OtherMeeting => "TokenForOtherMeeting",
            Self::NamespaceNotAllowed => "TokenNamespaceNotAllowed",
            Self::Identity(_) => "TokenIdentityInvalid",
            Self::Name(_) => "TokenNameInvalid",
            Self::OnceWithoutId => "TokenOnceWithoutId",
            Self::HiddenPublishes => "TokenHiddenPublishes",
            Self::HiddenRecords => "TokenHiddenRecords",
        }
    }

    /// Whether the token itself is good, and only opens something else.
    pub fn is_about_the_place(&self) -> bool {
        matches!(self, Self::OtherMeeting | Self::NamespaceNotAllowed)
    }
}

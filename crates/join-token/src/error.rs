//! Errors of join tokens, with messages that tell application developers how to fix them.
//!
//! Pure. No message contains any part of a token, so messages can be printed, logged and sent.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use thiserror::Error;

use super::limits::{MAX_TOKEN_BYTES, NAMESPACES_SUFFIX};
use super::text::TextProblem;

/// Reasons a join token is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than the maximum.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not a JWT in compact form.
    #[error("the token is not a JWT: {0}")]
    Malformed(&'static str),
    /// The header is invalid.
    #[error("could not read the header of the token: {0}")]
    Header(&'static str),
    /// `typ` is not `JWT`.
    #[error("the \"typ\" of the token is not \"JWT\": omit it or set it to \"JWT\"")]
    Type,
    /// An unsupported algorithm.
    #[error("the \"alg\" of the token is not allowed: use HS256 or EdDSA (Ed25519)")]
    Algorithm,
    /// The header requires extensions (`crit`).
    #[error("the token has a \"crit\" header: extensions are not supported")]
    Critical,
    /// A header parameter that would change the source of the key or the type of the payload.
    #[error(
        "the token has a {0:?} header, which is not supported: keys come only from the join key Secrets and are selected by \"kid\""
    )]
    HeaderParameter(&'static str),
    /// No `kid`.
    #[error("the token has no \"kid\" header: set it to the name of the key in the join key Secret")]
    KeyIdMissing,
    /// `kid` is not a valid key name.
    #[error("the \"kid\" of the token is not a valid key name")]
    KeyIdInvalid,
    /// No key has that name.
    #[error(
        "no join key matches the \"kid\" of the token: none of the join key Secrets of the router has that entry, or the entry is invalid (see the log of the router)"
    )]
    KeyUnknown,
    /// The key is for the other algorithm.
    #[error("the key that the \"kid\" of the token selects is for {0}: sign with that algorithm or select another key")]
    AlgorithmMismatch(&'static str),
    /// The signature is invalid.
    #[error("the signature of the token is invalid: it was signed with another key or modified after signing")]
    Signature,
    /// The payload is not a JSON object.
    #[error("could not read the claims of the token: {0}")]
    Claims(&'static str),
    /// A required claim is missing.
    #[error("the token is missing the claim {0:?}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or is out of range.
    #[error("the claim {claim:?} of the token must be {expected}")]
    ClaimInvalid {
        /// Name of the claim.
        claim: &'static str,
        /// Expected type or range.
        expected: &'static str,
    },
    /// A claim that resembles a supported one: ignoring it could grant permissions that it was meant to remove.
    #[error("the token has an unknown claim; did you mean {0:?}?")]
    ClaimMisspelled(&'static str),
    /// The token is for another audience.
    #[error("the token is not for Convene: its \"aud\" must be \"convene\"")]
    Audience,
    /// The token has expired.
    #[error("the token has expired (\"exp\"); request a new one from the application")]
    Expired,
    /// The token is not valid yet.
    #[error("the token is not valid yet: its \"nbf\" is in the future; check that the clocks are synchronized")]
    NotYetValid,
    /// The token was issued in the future.
    #[error("the \"iat\" of the token is in the future; check that the clocks are synchronized")]
    IssuedInFuture,
    /// The lifetime of the token is too long; the maximum in seconds.
    #[error("the lifetime of the token is too long: \"exp\" may be at most {0} s after \"nbf\" or \"iat\" (or now)")]
    Lifetime(u64),
    /// The token is for another meeting.
    #[error("the token is for another meeting")]
    OtherMeeting,
    /// The key is not valid for this namespace.
    #[error("the key that signed the token is not allowed in this namespace: see the entry \"<kid>{suffix}\" of the Secret", suffix = NAMESPACES_SUFFIX)]
    NamespaceNotAllowed,
    /// The identity is invalid.
    #[error("the \"sub\" of the token is not a valid identity: {0}")]
    Identity(TextProblem),
    /// The display name is invalid.
    #[error("the \"name\" of the token is not a valid display name: {0}")]
    Name(TextProblem),
    /// A token for one participant has no id.
    #[error("a token with \"once\" requires a unique \"jti\"")]
    OnceWithoutId,
    /// A hidden participant would publish.
    #[error("a \"hidden\" participant cannot publish: set \"publish\" to false or omit it")]
    HiddenPublishes,
    /// A recorder would be hidden.
    #[error("a \"recorder\" must be visible to all participants: omit \"hidden\"")]
    HiddenRecords,
    /// A viewer would be something else, too.
    #[error("a \"viewer\" cannot be \"moderator\", \"hidden\" or \"recorder\": omit one of them")]
    ViewerIsMore,
}

impl TokenError {
    /// Reason code for programs, logs and metrics.
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
            Self::ViewerIsMore => "TokenViewerIsMore",
        }
    }

    /// Whether the token is valid, but for another meeting or namespace.
    pub fn is_for_another_scope(&self) -> bool {
        matches!(self, Self::OtherMeeting | Self::NamespaceNotAllowed)
    }
}

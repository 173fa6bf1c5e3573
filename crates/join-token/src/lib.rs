//! Join tokens: signed by an application to let a participant join a meeting, with an identity and permissions.
//!
//! A join token is a JWT (RFC 7519) signed with `HS256` or `EdDSA` (Ed25519). No other algorithm is supported, and each key supports one of
//! the two. [`verify`] is a function of token, keys, meeting and time. Everything here is pure: no clock, no randomness, no network.
//! No error, log line or `Debug` output contains any part of a token or key.

mod algorithm;
mod claims;
mod create;
mod error;
mod form;
mod key;
mod keys;
mod limits;
mod meeting_key;
mod text;
mod verify;

pub use algorithm::Algorithm;
pub use claims::{JoinGrant, Participant, Scope};
pub use create::{CreateError, SigningKey, TokenRequest, create_token};
pub use error::TokenError;
pub use form::{Unverified, read_unverified};
pub use key::{JoinKey, KeyProblem, is_kid};
pub use keys::{JoinKeys, SecretProblem, read_secret};
pub use limits::{MAX_TOKEN_BYTES, NAMESPACES_SUFFIX};
pub use meeting_key::{MeetingKey, NameError, is_label};
pub use text::TextProblem;
pub use verify::verify;

#[cfg(test)]
mod tests;

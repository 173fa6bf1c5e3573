//! Join tokens: what an application signs so that somebody may come into a meeting, as whom, and with which rights.
//!
//! A join token is a JWT (RFC 7519) signed with `HS256` or `EdDSA` (Ed25519); no other algorithm is known here, and each key serves one of
//! the two alone. [`verify`] is a function of token, keys, meeting and time. Everything here is pure: no clock, no randomness, no network.
//! No error, log line or `Debug` output holds any part of a token or key.

mod algorithm;
mod claims;
mod error;
mod form;
mod key;
mod keys;
mod limits;
mod make;
mod meeting_key;
mod text;
mod verify;

pub use algorithm::Algorithm;
pub use claims::{JoinGrant, Scope};
pub use error::TokenError;
pub use form::{Unverified, read_unverified};
pub use key::{JoinKey, KeyProblem, is_kid};
pub use keys::{JoinKeys, SecretProblem, read_secret};
pub use limits::{MAX_TOKEN_BYTES, NAMESPACES_SUFFIX};
pub use make::{MakeError, SigningHalf, TokenRequest, make_token};
pub use meeting_key::{MeetingKey, NameError, is_label};
pub use text::TextProblem;
pub use verify::verify;

#[cfg(test)]
mod tests;

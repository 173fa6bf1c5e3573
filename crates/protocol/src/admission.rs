//! Admissions: the short-lived tokens with which the router admits participants to a media pod and the operator administers it.
//!
//! One algorithm only: JWT (RFC 7519) signed with Ed25519 (`EdDSA`, RFC 8037). The private key is in one Secret; pods hold
//! the public keys as a JWKS (RFC 7517) and choose by `kid`. It never reads a clock: the caller passes the Unix time.
//! Tokens and keys never appear in `Debug` output or errors.

mod error;
mod grant;
mod guest;
mod handover;
#[cfg(feature = "verify")]
mod keys;
mod link;
mod signer;
#[cfg(test)]
#[cfg(feature = "verify")]
mod tests;
mod ticket;

pub use error::AdmissionError;
pub use grant::{Admission, MediaGrant, MeetingGrant, ParticipantGrant, PublishGrant};
pub use guest::{GUEST_SECONDS, GuestId, MAX_GUEST_BYTES};
#[cfg(feature = "verify")]
pub use keys::{CLOCK_SKEW_SECONDS, KeySet, MAX_TOKEN_BYTES};
pub use link::LinkGrant;
pub use signer::{LIFETIME_SECONDS, POD_AUDIENCE, Signer};
pub use ticket::{JoinTicket, RETURN_SECONDS, TICKET_SECONDS, Vouched};

//! Verifies a join token for a meeting at a given time.
//!
//! The signature is verified before any claim is parsed, so claims from untrusted sources are never parsed. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use super::claims::{self, JoinGrant, Times};
use super::error::TokenError;
use super::form::{read_claims, split};
use super::keys::JoinKeys;
use super::limits::CLOCK_SKEW_SECONDS;
use crate::meeting_key::MeetingKey;

/// The grant of `token` for `meeting` at `now` (Unix seconds).
pub fn verify(token: &str, keys: &JoinKeys, meeting: &MeetingKey, now: u64) -> Result<JoinGrant, TokenError> {
    let parts = split(token)?;
    let key = keys.get(&parts.kid).ok_or(TokenError::KeyUnknown)?;
    if key.algorithm() != parts.algorithm {
        return Err(TokenError::AlgorithmMismatch(key.algorithm().as_str()));
    }
    if !key.verifies(parts.message.as_bytes(), &parts.signature) {
        return Err(TokenError::Signature);
    }
    let claims = claims::read(&read_claims(&parts.payload)?, &parts.kid)?;
    check_times(claims.times, keys.max_lifetime, now)?;
    if !claims.scope.covers(meeting) {
        return Err(TokenError::OtherMeeting);
    }
    if !key.is_valid_for(meeting.namespace()) {
        return Err(TokenError::NamespaceNotAllowed);
    }
    Ok(claims.grant)
}

fn check_times(times: Times, max_lifetime: u64, now: u64) -> Result<(), TokenError> {
    let Times { expires, not_before, issued } = times;
    let (early, late) = (now.saturating_add(CLOCK_SKEW_SECONDS), now.saturating_sub(CLOCK_SKEW_SECONDS));
    if expires <= late {
        return Err(TokenError::Expired);
    }
    if not_before.is_some_and(|begins| begins > early) {
        return Err(TokenError::NotYetValid);
    }
    if issued.is_some_and(|issued| issued > early) {
        return Err(TokenError::IssuedInFuture);
    }
    // A token without `nbf` and `iat` counts as issued now.
    let begins = not_before.or(issued).unwrap_or(now);
    let is_too_long = expires.saturating_sub(begins) > max_lifetime || expires.saturating_sub(early) > max_lifetime;
    if is_too_long { Err(TokenError::Lifetime(max_lifetime)) } else { Ok(()) }
}

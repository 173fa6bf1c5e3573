//! Verifies tokens with the public keys of a JWKS. The caller passes the time.

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::de::DeserializeOwned;

use super::error::AdmissionError;
use super::grant::{Admission, ParticipantGrant};
use super::signer::{ADMIN_AUDIENCE, AdminBody, Claims, POD_AUDIENCE};

/// Seconds by which the clocks of signer and verifier may differ.
pub const CLOCK_SKEW_SECONDS: u64 = 30;

/// Maximum length of a token, in bytes: enough for a title, an identity and a name of 200 characters each, in any script.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// Length of an Ed25519 public key (RFC 8032).
const ED25519_KEY_BYTES: usize = 32;

/// The public keys that a media pod trusts, by `kid`.
#[derive(Clone)]
pub struct KeySet {
    keys: HashMap<String, DecodingKey>,
}

impl KeySet {
    /// Reads a JWKS document; keys of other kinds are ignored.
    pub fn from_jwks(json: &str) -> Result<Self, AdmissionError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| AdmissionError::KeySet)?;
        let keys: HashMap<_, _> = set.keys.iter().filter_map(ed25519_key).collect();
        if keys.is_empty() { Err(AdmissionError::KeySet) } else { Ok(Self { keys }) }
    }

    /// The admission of a token that is valid at `now`, and when the token expires (both Unix seconds).
    pub fn verify_admission_with_end(&self, token: &str, now: u64) -> Result<(Admission, u64), AdmissionError> {
        let (admission, end) = self.verify_with_end::<Admission>(token, POD_AUDIENCE, now)?;
        let ParticipantGrant { hidden, recorder, .. } = admission.participant;
        if hidden && recorder { Err(AdmissionError::HiddenRecords) } else { Ok((admission, end)) }
    }

    /// Whether `token` opens the admin API at `now` (Unix seconds).
    pub fn verify_admin(&self, token: &str, now: u64) -> Result<(), AdmissionError> {
        self.verify::<AdminBody>(token, ADMIN_AUDIENCE, now).map(|_| ())
    }

    pub(super) fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
        now: u64,
    ) -> Result<T, AdmissionError> {
        self.verify_with_end(token, audience, now).map(|(body, _)| body)
    }

    pub(super) fn verify_with_end<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
        now: u64,
    ) -> Result<(T, u64), AdmissionError> {
        self.verify_late(token, audience, now, 0)
    }

    /// Like [`verify_with_end`](Self::verify_with_end), but the token may have expired up to `grace` seconds ago.
    pub(super) fn verify_late<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
        now: u64,
        grace: u64,
    ) -> Result<(T, u64), AdmissionError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AdmissionError::Malformed);
        }
        let kid = decode_header(token).map_err(|_| AdmissionError::Malformed)?.kid.unwrap_or_default();
        let key = self.keys.get(&kid).ok_or(AdmissionError::UnknownKey)?;
        let data = decode::<Claims<T>>(token, key, &validation(audience)).map_err(|_| AdmissionError::Invalid)?;
        let Claims { iat, exp, body, .. } = data.claims;
        let end = exp.saturating_add(CLOCK_SKEW_SECONDS).saturating_add(grace);
        let is_current = now < end && iat <= now.saturating_add(CLOCK_SKEW_SECONDS);
        if is_current { Ok((body, exp)) } else { Err(AdmissionError::Expired) }
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.keys.keys()).finish()
    }
}

/// Times are checked against the caller's clock instead of the machine's.
fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud"]);
    validation.validate_exp = false;
    validation
}

fn ed25519_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else { return None };
    if pair.curve != EllipticCurve::Ed25519 {
        return None;
    }
    let key = DecodingKey::from_ed_components(&pair.x).ok()?;
    // The library would accept any length, and panic on the first token.
    let is_whole = key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == ED25519_KEY_BYTES);
    is_whole.then_some((jwk.common.key_id.clone()?, key))
}

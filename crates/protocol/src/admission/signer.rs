//! Signs tokens with one Ed25519 key.
//!
//! The compact serialization of a JWS (RFC 7515, section 7.1) with `EdDSA` (RFC 8037). Verification is in [`KeySet`](super::KeySet), behind
//! the feature `verify`: a program that only signs needs no JWT library.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey, pkcs8::DecodePrivateKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::AdmissionError;
use super::grant::Admission;

/// Audience of the router's admissions.
pub const POD_AUDIENCE: &str = "convene-pod";

/// Audience of the operator's admin tokens.
pub(super) const ADMIN_AUDIENCE: &str = "convene-pod-admin";

/// Seconds for which a newly signed token is valid: it is used immediately.
pub const LIFETIME_SECONDS: u64 = 60;

#[derive(Serialize, Deserialize)]
pub(super) struct Claims<T> {
    pub(super) aud: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    #[serde(flatten)]
    pub(super) body: T,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AdminBody {}

/// Signs admissions and admin tokens with one Ed25519 key.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    kid: String,
}

impl Signer {
    /// Reads an Ed25519 private key (PKCS#8 PEM); `kid` is the name by which pods know its public key.
    pub fn from_pem(pem: &str, kid: &str) -> Result<Self, AdmissionError> {
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| AdmissionError::SigningKey)?;
        Ok(Self { key, kid: kid.to_owned() })
    }

    /// A token that admits its bearer to a meeting for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admission(&self, admission: &Admission, now: u64) -> Result<String, AdmissionError> {
        self.sign(POD_AUDIENCE, admission, now)
    }

    /// A token for the pods' admin API, valid for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admin(&self, now: u64) -> Result<String, AdmissionError> {
        self.sign(ADMIN_AUDIENCE, AdminBody {}, now)
    }

    pub(super) fn sign<T: Serialize>(&self, audience: &str, body: T, now: u64) -> Result<String, AdmissionError> {
        self.sign_for(audience, body, now, LIFETIME_SECONDS)
    }

    pub(super) fn sign_for<T: Serialize>(
        &self,
        audience: &str,
        body: T,
        now: u64,
        seconds: u64,
    ) -> Result<String, AdmissionError> {
        let claims = Claims { aud: audience.to_owned(), iat: now, exp: now + seconds, body };
        let claims = serde_json::to_vec(&claims).map_err(|_| AdmissionError::SigningKey)?;
        let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": self.kid}).to_string();
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(header.as_bytes()), encode(&claims));
        let signature = self.key.sign(message.as_bytes());
        Ok(format!("{message}.{}", encode(&signature.to_bytes())))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

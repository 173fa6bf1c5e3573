//! Signs tokens with one Ed25519 key.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

use super::error::AdmissionError;
use super::grant::Admission;

/// Audience of the router's admissions.
pub const POD_AUDIENCE: &str = "convene-pod";

/// Audience of the operator's admin tokens.
pub(super) const ADMIN_AUDIENCE: &str = "convene-pod-admin";

/// Seconds for which a freshly signed token is good: it is used at once.
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
    key: EncodingKey,
    kid: String,
}

impl Signer {
    /// Reads an Ed25519 private key (PKCS#8 PEM); `kid` is the name under which pods know its public half.
    pub fn from_pem(pem: &str, kid: &str) -> Result<Self, AdmissionError> {
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| AdmissionError::SigningKey)?;
        Ok(Self { key, kid: kid.to_owned() })
    }

    /// A token that lets its bearer into a meeting for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admission(&self, admission: &Admission, now: u64) -> Result<String, AdmissionError> {
        self.sign(POD_AUDIENCE, admission, now)
    }

    /// A token for the pods' admin API, good for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admin(&self, now: u64) -> Result<String, AdmissionError> {
        self.sign(ADMIN_AUDIENCE, AdminBody {}, now)
    }

    fn sign<T: Serialize>(&self, audience: &str, body: T, now: u64) -> Result<String, AdmissionError> {
        self.sign_for(audience, body, now, LIFETIME_SECONDS)
    }

    pub(super) fn sign_for<T: Serialize>(
        &self,
        audience: &str,
        body: T,
        now: u64,
        seconds: u64,
    ) -> Result<String, AdmissionError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims { aud: audience.to_owned(), iat: now, exp: now + seconds, body };
        encode(&header, &claims, &self.key).map_err(|_| AdmissionError::SigningKey)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

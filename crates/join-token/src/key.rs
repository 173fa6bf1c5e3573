//! One join key: a secret for HS256 or a public key for `EdDSA`, never both.
//!
//! The kind is determined by the Secret entry alone, when it is read: nothing that looks like a public key in any common format is used as a
//! secret. Key material is in no `Debug` output and no error. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::limits::NAMESPACES_SUFFIX;

/// Minimum length of an HS256 secret (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Maximum length of the name of a Secret entry.
const MAX_KID: usize = 253;

/// Prefixes of keys in common formats, which are not meant as shared secrets.
const KEY_FORMS: [&[u8]; 6] = [
    b"-----BEGIN",
    b"ssh-",
    b"ecdsa-",
    // SubjectPublicKeyInfo and PKCS#8 of Ed25519, DER and base64.
    b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70",
    b"MCowBQYDK2Vw",
    b"MC4CAQAwBQYDK2Vw",
];

/// Reasons an entry of a Secret is not a valid join key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyProblem {
    /// The name is not a valid `kid`.
    #[error("its name is not a valid \"kid\"")]
    Name,
    /// The secret is too short or not random.
    #[error("an HS256 secret needs at least {MIN_SECRET_BYTES} random bytes; create one with: convene key create")]
    Weak,
    /// It is a private key, which must stay with the application.
    #[error(
        "it is a private key: store only the public key here (PEM, \"BEGIN PUBLIC KEY\") and treat the private key as compromised"
    )]
    Private,
    /// The key has an unsupported type.
    #[error("it is neither an Ed25519 public key in PEM (\"BEGIN PUBLIC KEY\") nor an HS256 secret")]
    Unsupported,
    /// The list of namespaces is invalid.
    #[error("its list of namespaces contains an invalid name")]
    Namespaces,
    /// Another Secret has a key with that name.
    #[error("a Secret listed earlier has a key of the same name, which takes precedence")]
    Taken,
    /// The Secret has too many entries.
    #[error("the Secret has too many entries")]
    TooMany,
}

impl KeyProblem {
    /// Reason code for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Name => "JoinKeyNameInvalid",
            Self::Weak => "JoinKeyWeak",
            Self::Private => "JoinKeyPrivate",
            Self::Unsupported => "JoinKeyUnsupported",
            Self::Namespaces => "JoinKeyNamespacesInvalid",
            Self::Taken => "JoinKeyNameTaken",
            Self::TooMany => "JoinKeysTooMany",
        }
    }
}

/// A key that verifies the tokens of one application.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinKey {
    material: Material,
    /// Namespaces that the key is valid for; all if `None`.
    namespaces: Option<Vec<String>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Secret(Vec<u8>),
    Public(Box<VerifyingKey>),
}

impl JoinKey {
    /// Parses the value of an entry.
    pub fn read(value: &[u8]) -> Result<Self, KeyProblem> {
        let material = match std::str::from_utf8(value).map(str::trim) {
            Ok(pem) if pem.starts_with("-----BEGIN") => Material::Public(Box::new(read_public(pem)?)),
            _ => Material::Secret(read_secret_bytes(value)?),
        };
        Ok(Self { material, namespaces: None })
    }

    /// The same key, restricted to these namespaces.
    #[must_use]
    pub fn only_for(self, namespaces: Vec<String>) -> Self {
        Self { namespaces: Some(namespaces), ..self }
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Public(_) => Algorithm::EdDsa,
        }
    }

    /// Whether the key is valid for meetings of `namespace`.
    pub fn is_valid_for(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == namespace))
    }

    /// Whether `signature` is a valid signature of `message`, in constant time.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
                mac.update(message);
                mac.verify_slice(signature).is_ok()
            }
            // Strict: no malleable signatures, no keys of small order.
            Material::Public(key) => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
        }
    }
}

impl fmt::Debug for JoinKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("JoinKey");
        debug.field("algorithm", &self.algorithm()).field("namespaces", &self.namespaces).finish_non_exhaustive()
    }
}

fn read_public(pem: &str) -> Result<VerifyingKey, KeyProblem> {
    if pem.contains("PRIVATE KEY") {
        return Err(KeyProblem::Private);
    }
    let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyProblem::Unsupported)?;
    if key.is_weak() { Err(KeyProblem::Weak) } else { Ok(key) }
}

fn read_secret_bytes(value: &[u8]) -> Result<Vec<u8>, KeyProblem> {
    let start = value.trim_ascii_start();
    if KEY_FORMS.iter().any(|form| start.starts_with(form)) || is_jwk(start) {
        return Err(KeyProblem::Unsupported);
    }
    let is_one_byte_over_and_over = value.windows(2).all(|pair| pair[0] == pair[1]);
    if value.len() < MIN_SECRET_BYTES || is_one_byte_over_and_over {
        return Err(KeyProblem::Weak);
    }
    Ok(value.to_vec())
}

fn is_jwk(value: &[u8]) -> bool {
    value.starts_with(b"{") && serde_json::from_slice::<serde_json::Value>(value).is_ok_and(|json| json.is_object())
}

/// Whether `text` is a valid key name: a valid name of a Secret entry.
pub fn is_kid(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_KID).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.ends_with(NAMESPACES_SUFFIX)
        && !text.starts_with("..")
        && text != "."
}

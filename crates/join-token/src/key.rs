//! One join key: a secret for HS256 or a public key for `EdDSA`, never both.
//!
//! Which of the two it is, is decided when the entry of the Secret is read, and by the entry alone: nothing that looks like a public key in
//! any of its usual forms is ever taken for a secret. Key material is in no `Debug` output and no error. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::limits::NAMESPACES_SUFFIX;

/// Shortest secret for HS256 (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Longest name of an entry of a Secret.
const MAX_KID: usize = 253;

/// Beginnings of keys in their usual forms: whoever puts one of these into a Secret does not mean it as a shared secret.
const KEY_FORMS: [&[u8]; 6] = [
    b"-----BEGIN",
    b"ssh-",
    b"ecdsa-",
    // SubjectPublicKeyInfo and PKCS#8 of Ed25519, DER and base64.
    b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70",
    b"MCowBQYDK2Vw",
    b"MC4CAQAwBQYDK2Vw",
];

/// Why an entry of a Secret is no join key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyProblem {
    /// The name cannot stand in a token.
    #[error("its name cannot be a \"kid\"")]
    Name,
    /// Too short, or not random at all.
    #[error("a secret for HS256 needs at least {MIN_SECRET_BYTES} random bytes; make one with: convene key create")]
    Weak,
    /// The half that must stay with the application.
    #[error(
        "it is a private key: put the public half here (PEM, \"BEGIN PUBLIC KEY\"), and consider the private half as known"
    )]
    Private,
    /// A key of some other kind.
    #[error("it is a key that is neither an Ed25519 public key in PEM (\"BEGIN PUBLIC KEY\") nor a secret for HS256")]
    Unsupported,
    /// The list of namespaces cannot be read.
    #[error("its list of namespaces has something that is not the name of a namespace")]
    Namespaces,
    /// Another Secret has a key of that name.
    #[error("a Secret named earlier has a key of the same name, which is used")]
    Taken,
    /// More keys than anybody needs.
    #[error("the Secret has too many entries")]
    TooMany,
}

impl KeyProblem {
    /// One word for logs and metrics.
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

/// What verifies the tokens of one application.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinKey {
    material: Material,
    /// Namespaces whose meetings it opens; `None`: all.
    namespaces: Option<Vec<String>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Secret(Vec<u8>),
    Public(Box<VerifyingKey>),
}

impl JoinKey {
    /// Reads the value of an entry.
    pub fn read(value: &[u8]) -> Result<Self, KeyProblem> {
        let material = match std::str::from_utf8(value).map(str::trim) {
            Ok(pem) if pem.starts_with("-----BEGIN") => Material::Public(Box::new(read_public(pem)?)),
            _ => Material::Secret(read_secret_bytes(value)?),
        };
        Ok(Self { material, namespaces: None })
    }

    /// The same key for meetings of these namespaces alone.
    #[must_use]
    pub fn only_for(self, namespaces: Vec<String>) -> Self {
        Self { namespaces: Some(namespaces), ..self }
    }

    /// The only algorithm it serves.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Public(_) => Algorithm::EdDsa,
        }
    }

    /// Whether it opens meetings of `namespace`.
    pub fn opens(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == namespace))
    }

    /// Whether `signature` is this key's under `message`. Takes the same time however wrong it is.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
                mac.update(message);
                mac.verify_slice(signature).is_ok()
            }
            // Strict: no second signature of the same message, no key of small order.
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

/// Whether `text` can name a key: what Kubernetes lets an entry of a Secret be called.
pub fn is_kid(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_KID).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.ends_with(NAMESPACES_SUFFIX)
        && !text.starts_with("..")
        && text != "."
}

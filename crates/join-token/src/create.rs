//! Creates join tokens, for the command line and tests. Routers only verify them.
//!
//! Each new token is verified immediately, so that none is returned that a router would refuse. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use convene_protocol::admission::PublishGrant;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePublicKey};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::claims::{AUDIENCE, Participant, Scope};
use super::error::TokenError;
use super::key::{JoinKey, KeyProblem};
use super::keys::JoinKeys;
use super::verify::verify;
use crate::meeting_key::MeetingKey;

/// Errors of creating a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CreateError {
    /// The key is invalid.
    #[error("could not use the key: {0}")]
    Key(KeyProblem),
    /// A public key cannot sign.
    #[error("this is an Ed25519 public key; tokens are signed with the private key (PEM, \"BEGIN PRIVATE KEY\")")]
    PublicKey,
    /// Routers would refuse the token.
    #[error("routers would refuse this token: {0}")]
    Refused(TokenError),
    /// Signing failed.
    #[error("could not sign the token")]
    Sign,
}

impl CreateError {
    /// Error code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Key(problem) => problem.reason(),
            Self::PublicKey => "JoinKeyIsPublic",
            Self::Refused(error) => error.reason(),
            Self::Sign => "TokenNotSigned",
        }
    }
}

/// A signing key: a shared secret or a private key.
#[derive(Clone)]
pub struct SigningKey {
    encoding: EncodingKey,
    algorithm: Algorithm,
    verifying: JoinKey,
}

impl SigningKey {
    /// Parses an HS256 secret or an Ed25519 private key (PKCS#8 PEM).
    pub fn read(value: &[u8]) -> Result<Self, CreateError> {
        match std::str::from_utf8(value).map(str::trim) {
            Ok(pem) if pem.starts_with("-----BEGIN") && pem.contains("PRIVATE KEY") => Self::from_pem(pem),
            _ => Self::from_secret(value),
        }
    }

    fn from_pem(pem: &str) -> Result<Self, CreateError> {
        let unusable = CreateError::Key(KeyProblem::Unsupported);
        let public = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| unusable.clone())?.verifying_key();
        let public = public.to_public_key_pem(LineEnding::LF).map_err(|_| unusable.clone())?;
        let verifying = JoinKey::read(public.as_bytes()).map_err(CreateError::Key)?;
        let encoding = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| unusable)?;
        Ok(Self { encoding, algorithm: Algorithm::EdDsa, verifying })
    }

    fn from_secret(value: &[u8]) -> Result<Self, CreateError> {
        let verifying = JoinKey::read(value).map_err(CreateError::Key)?;
        match verifying.algorithm() {
            Algorithm::EdDsa => Err(CreateError::PublicKey),
            Algorithm::Hs256 => {
                Ok(Self { encoding: EncodingKey::from_secret(value), algorithm: Algorithm::Hs256, verifying })
            }
        }
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies its signatures.
    pub fn verifying_key(&self) -> &JoinKey {
        &self.verifying
    }

    /// Signs any claims, valid or not.
    pub(super) fn sign(&self, kid: &str, claims: &Value) -> Result<String, CreateError> {
        let algorithm = match self.algorithm {
            Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        };
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        encode(&header, claims, &self.encoding).map_err(|_| CreateError::Sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The contents of a new token.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The meetings that the token is valid for.
    pub scope: Scope,
    /// The participant that the token is for.
    pub participant: Participant,
    /// What the participant may publish; if `None`, everything, or nothing for hidden participants.
    pub publish: Option<PublishGrant>,
    /// Lifetime from now, in seconds.
    pub lifetime: u64,
    /// Maximum lifetime that routers accept, in seconds.
    pub max_lifetime: u64,
}

/// Creates a token that routers with the verifying key of `key` accept at `now`.
pub fn create_token(request: &TokenRequest, key: &SigningKey, kid: &str, now: u64) -> Result<String, CreateError> {
    let token = key.sign(kid, &build_claims(request, now))?;
    let keys = JoinKeys::new(request.max_lifetime).with(kid, key.verifying.clone());
    let meeting = match &request.scope {
        Scope::Meeting(meeting) => meeting.clone(),
        Scope::Namespace(namespace) => {
            MeetingKey::parse(namespace, "any").map_err(|_| CreateError::Refused(TokenError::OtherMeeting))?
        }
    };
    verify(&token, &keys, &meeting, now).map_err(CreateError::Refused)?;
    Ok(token)
}

/// The claims, without those that have their default value.
fn build_claims(request: &TokenRequest, now: u64) -> Value {
    let participant = &request.participant;
    let mut claims = Map::new();
    let mut insert = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    insert("aud", json!(AUDIENCE));
    insert("iat", json!(now));
    insert("exp", json!(now.saturating_add(request.lifetime)));
    insert("sub", json!(participant.identity));
    insert("meeting", json!(scope_text(&request.scope)));
    if let Some(name) = &participant.name {
        insert("name", json!(name));
    }
    if let Some(publish) = request.publish {
        insert("publish", json!(kinds(publish)));
    }
    if let Some(id) = &participant.once {
        insert("jti", json!(id));
    }
    if let Some(viewer) = participant.viewer {
        insert("viewer", json!(viewer));
    }
    for (name, value, absent) in switches(participant) {
        if value != absent {
            insert(name, json!(value));
        }
    }
    Value::Object(claims)
}

/// Boolean claims with their value and their default.
fn switches(participant: &Participant) -> [(&'static str, bool, bool); 7] {
    [
        ("subscribe", participant.subscribe, true),
        ("publishData", participant.publish_data, true),
        ("moderator", participant.moderator, false),
        ("hidden", participant.hidden, false),
        ("recorder", participant.recorder, false),
        ("receivePlain", participant.receive_plain, false),
        ("once", participant.once.is_some(), false),
    ]
}

fn scope_text(scope: &Scope) -> String {
    match scope {
        Scope::Meeting(meeting) => meeting.to_string(),
        Scope::Namespace(namespace) => format!("{namespace}/*"),
    }
}

fn kinds(publish: PublishGrant) -> Vec<&'static str> {
    let kinds = [("audio", publish.audio), ("video", publish.video), ("share", publish.share)];
    kinds.into_iter().filter_map(|(kind, granted)| granted.then_some(kind)).collect()
}

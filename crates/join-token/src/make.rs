//! Creates join tokens, for the command line and tests. Routers only verify them.
//!
//! Each new token is verified immediately, so that none is returned that a router would refuse. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use convene_protocol::admission::PublishGrant;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePublicKey};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::claims::{AUDIENCE, Scope};
use super::error::TokenError;
use super::key::{JoinKey, KeyProblem};
use super::keys::JoinKeys;
use super::verify::verify;
use crate::meeting_key::MeetingKey;

/// Errors of creating a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MakeError {
    /// The key is invalid.
    #[error("could not use the key: {0}")]
    Key(KeyProblem),
    /// A public key cannot sign.
    #[error("this is an Ed25519 public key; tokens are signed with the private key (PEM, \"BEGIN PRIVATE KEY\")")]
    PublicHalf,
    /// Routers would refuse the token.
    #[error("routers would refuse this token: {0}")]
    Refused(TokenError),
    /// Signing failed.
    #[error("could not sign the token")]
    Sign,
}

impl MakeError {
    /// Error code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Key(problem) => problem.reason(),
            Self::PublicHalf => "JoinKeyIsPublicHalf",
            Self::Refused(error) => error.reason(),
            Self::Sign => "TokenNotSigned",
        }
    }
}

/// A signing key: a shared secret or a private key.
#[derive(Clone)]
pub struct SigningHalf {
    encoding: EncodingKey,
    algorithm: Algorithm,
    verifying: JoinKey,
}

impl SigningHalf {
    /// Parses an HS256 secret or an Ed25519 private key (PKCS#8 PEM).
    pub fn read(value: &[u8]) -> Result<Self, MakeError> {
        match std::str::from_utf8(value).map(str::trim) {
            Ok(pem) if pem.starts_with("-----BEGIN") && pem.contains("PRIVATE KEY") => Self::from_pem(pem),
            _ => Self::from_secret(value),
        }
    }

    fn from_pem(pem: &str) -> Result<Self, MakeError> {
        let unusable = MakeError::Key(KeyProblem::Unsupported);
        let public = SigningKey::from_pkcs8_pem(pem).map_err(|_| unusable.clone())?.verifying_key();
        let public = public.to_public_key_pem(LineEnding::LF).map_err(|_| unusable.clone())?;
        let verifying = JoinKey::read(public.as_bytes()).map_err(MakeError::Key)?;
        let encoding = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| unusable)?;
        Ok(Self { encoding, algorithm: Algorithm::EdDsa, verifying })
    }

    fn from_secret(value: &[u8]) -> Result<Self, MakeError> {
        let verifying = JoinKey::read(value).map_err(MakeError::Key)?;
        match verifying.algorithm() {
            Algorithm::EdDsa => Err(MakeError::PublicHalf),
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
    pub fn verifying_half(&self) -> &JoinKey {
        &self.verifying
    }

    /// Signs any claims, valid or not.
    pub(super) fn sign(&self, kid: &str, claims: &Value) -> Result<String, MakeError> {
        let algorithm = match self.algorithm {
            Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        };
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        encode(&header, claims, &self.encoding).map_err(|_| MakeError::Sign)
    }
}

impl fmt::Debug for SigningHalf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningHalf").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The contents of a new token.
#[allow(clippy::struct_excessive_bools, reason = "each is a separate permission")]
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The meetings that the token is valid for.
    pub scope: Scope,
    /// Identity of the participant.
    pub identity: String,
    /// Display name.
    pub name: Option<String>,
    /// What the participant may publish; if `None`, everything, or nothing for hidden participants.
    pub publish: Option<PublishGrant>,
    /// Whether the participant may receive.
    pub subscribe: bool,
    /// Whether the participant may send chat messages and data.
    pub publish_data: bool,
    /// Whether the participant is a moderator.
    pub moderator: bool,
    /// Whether the participant is invisible to others.
    pub hidden: bool,
    /// Whether the participant is a recorder, which is never hidden.
    pub recorder: bool,
    /// Whether the participant may receive plain RTP.
    pub receive_plain: bool,
    /// Unique id of the token, if it is valid for one participant only.
    pub once: Option<String>,
    /// Lifetime from now, in seconds.
    pub lifetime: u64,
    /// Maximum lifetime that routers accept, in seconds.
    pub max_lifetime: u64,
}

/// Creates a token that routers with the verifying half of `key` accept at `now`.
pub fn make_token(request: &TokenRequest, key: &SigningHalf, kid: &str, now: u64) -> Result<String, MakeError> {
    let token = key.sign(kid, &build_claims(request, now))?;
    let keys = JoinKeys::new(request.max_lifetime).with(kid, key.verifying.clone());
    let meeting = match &request.scope {
        Scope::Meeting(meeting) => meeting.clone(),
        Scope::Namespace(namespace) => {
            MeetingKey::parse(namespace, "any").map_err(|_| MakeError::Refused(TokenError::OtherMeeting))?
        }
    };
    verify(&token, &keys, &meeting, now).map_err(MakeError::Refused)?;
    Ok(token)
}

/// The claims, without those that have their default value.
fn build_claims(request: &TokenRequest, now: u64) -> Value {
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    say("aud", json!(AUDIENCE));
    say("iat", json!(now));
    say("exp", json!(now.saturating_add(request.lifetime)));
    say("sub", json!(request.identity));
    say("meeting", json!(scope_text(&request.scope)));
    if let Some(name) = &request.name {
        say("name", json!(name));
    }
    if let Some(publish) = request.publish {
        say("publish", json!(kinds(publish)));
    }
    if let Some(id) = &request.once {
        say("jti", json!(id));
    }
    let switches = [
        ("subscribe", request.subscribe, true),
        ("publishData", request.publish_data, true),
        ("moderator", request.moderator, false),
        ("hidden", request.hidden, false),
        ("recorder", request.recorder, false),
        ("receivePlain", request.receive_plain, false),
        ("once", request.once.is_some(), false),
    ];
    for (name, value, absent) in switches {
        if value != absent {
            say(name, json!(value));
        }
    }
    Value::Object(claims)
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

//! Makes join tokens: for the command line and for tests. Routers only verify.
//!
//! What is made is verified at once with the public half, so that nothing is handed out that a router would refuse. Pure.

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

/// Why no token was made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MakeError {
    /// The key cannot sign.
    #[error("the key cannot be used: {0}")]
    Key(KeyProblem),
    /// A public key signs nothing.
    #[error(
        "this is the public half of an Ed25519 key; tokens are signed with the private half (PEM, \"BEGIN PRIVATE KEY\")"
    )]
    PublicHalf,
    /// Routers would refuse it.
    #[error("a router would refuse this token: {0}")]
    Refused(TokenError),
    /// The library would not sign.
    #[error("the token could not be signed")]
    Sign,
}

impl MakeError {
    /// One word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Key(problem) => problem.reason(),
            Self::PublicHalf => "JoinKeyIsPublicHalf",
            Self::Refused(error) => error.reason(),
            Self::Sign => "TokenNotSigned",
        }
    }
}

/// What signs: a shared secret, or the private half of a key pair.
#[derive(Clone)]
pub struct SigningHalf {
    encoding: EncodingKey,
    algorithm: Algorithm,
    verifying: JoinKey,
}

impl SigningHalf {
    /// Reads a secret for HS256 or an Ed25519 private key (PKCS#8 PEM).
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

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What verifies what it signs.
    pub fn verifying_half(&self) -> &JoinKey {
        &self.verifying
    }

    /// Signs any claims, good or bad.
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

/// What a token is to say.
#[allow(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Which meetings.
    pub scope: Scope,
    /// Who.
    pub identity: String,
    /// The name to show.
    pub name: Option<String>,
    /// What they may send; `None`: everything, or nothing for who is hidden.
    pub publish: Option<PublishGrant>,
    /// Whether they may receive.
    pub subscribe: bool,
    /// Whether they may write and send data.
    pub publish_data: bool,
    /// Whether they moderate.
    pub moderator: bool,
    /// Whether nobody is told that they are there.
    pub hidden: bool,
    /// Whether it is a recorder, which is never hidden.
    pub recorder: bool,
    /// Whether they may receive by plain RTP.
    pub receive_plain: bool,
    /// The token's own id, if it is good for one person only.
    pub once: Option<String>,
    /// From now on good for so many seconds.
    pub lifetime: u64,
    /// Longest lifetime that routers accept.
    pub max_lifetime: u64,
}

/// A token that a router with the other half of `key` accepts at `now`.
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

/// Only what differs from what is so anyhow.
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

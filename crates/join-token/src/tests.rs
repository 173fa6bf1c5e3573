//! Valid tokens, and all the ways in which tokens can be invalid.

mod table;
mod wild;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::create::SigningKey;
use super::*;
use crate::meeting_key::MeetingKey;

const NOW: u64 = 1_800_000_000;
const PUBLIC: &str = include_str!("tests/data/ed25519-public.pem");
const PRIVATE: &str = include_str!("tests/data/ed25519-private.pem");
const SECRET: &[u8] = b"a shared secret of the fixture application";
const OTHER_SECRET: &[u8] = b"a shared secret of some other application";

fn keys() -> JoinKeys {
    JoinKeys::default()
        .with("shared", JoinKey::read(SECRET).unwrap())
        .with("pair", JoinKey::read(PUBLIC.as_bytes()).unwrap())
        .with("bounded", JoinKey::read(SECRET).unwrap().only_for(vec!["team-b".into()]))
}

fn meeting() -> MeetingKey {
    MeetingKey::parse("team-a", "board").unwrap()
}

fn check(token: &str) -> Result<JoinGrant, TokenError> {
    verify(token, &keys(), &meeting(), NOW)
}

fn claims() -> Value {
    json!({"aud": "convene", "sub": "ada", "meeting": "team-a/board", "exp": NOW + 3600, "iat": NOW})
}

/// The claims with changes; `null` removes a claim.
#[allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]
fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn signing_key(secret: &[u8]) -> SigningKey {
    SigningKey::read(secret).unwrap()
}

/// Any bytes as header and claims, signed as HS256.
fn sign_raw(header: &[u8], payload: &[u8], secret: &[u8]) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let message = format!("{}.{}", encode(header), encode(payload));
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn shared(changes: Value) -> String {
    signing_key(SECRET).sign("shared", &with(changes)).unwrap()
}

fn with_header(header: &str) -> String {
    sign_raw(header.as_bytes(), claims().to_string().as_bytes(), SECRET)
}

fn with_payload(payload: &str) -> String {
    sign_raw(br#"{"alg":"HS256","kid":"shared"}"#, payload.as_bytes(), SECRET)
}

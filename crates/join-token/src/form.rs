//! The outer form of a join token: three parts, a header and claims as JSON objects in which no name comes twice.
//!
//! It reads strictly what RFC 7515 lets a signer write, and nothing that needs an extension. It checks no signature. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::key::is_kid;
use super::limits::MAX_TOKEN_BYTES;

/// Header parameters that would take the key from elsewhere, or make the payload something else than claims.
const REFUSED_PARAMETERS: [&str; 9] = ["jwk", "jku", "x5u", "x5c", "zip", "enc", "cty", "b64", "epk"];

/// A token taken apart.
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    /// What was signed.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// A JSON object without doubled names.
#[derive(Debug, Default)]
pub(super) struct UniqueObject(pub(super) BTreeMap<String, Value>);

/// Takes a token apart; its signature has not been looked at then.
pub(super) fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("it has no dots"))?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed("it has one dot instead of two"))?;
    if payload.contains('.') {
        return Err(TokenError::Malformed("it has more than two dots; encrypted tokens are not supported"));
    }
    let (algorithm, kid) = read_header(&decode(header)?)?;
    Ok(Parts { algorithm, kid, message, signature: decode(signature)?, payload: decode(payload)? })
}

/// URL-safe base64 without padding; the library refuses stray bits at the end, so that a text has one form alone.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed("its parts are not base64url without padding (RFC 7515)"))
}

fn read_header(bytes: &[u8]) -> Result<(Algorithm, String), TokenError> {
    let UniqueObject(header) = read_object(bytes).map_err(TokenError::Header)?;
    if header.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    if let Some(name) = REFUSED_PARAMETERS.into_iter().find(|name| header.contains_key(*name)) {
        return Err(TokenError::HeaderParameter(name));
    }
    if header.get("typ").is_some_and(|kind| kind != "JWT") {
        return Err(TokenError::Type);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
    let algorithm = algorithm.ok_or(TokenError::Algorithm)?;
    let kid = header.get("kid").ok_or(TokenError::KeyIdMissing)?;
    let kid = kid.as_str().filter(|kid| is_kid(kid)).ok_or(TokenError::KeyIdInvalid)?;
    Ok((algorithm, kid.to_owned()))
}

/// Reads claims; the same rules as for the header.
pub(super) fn read_claims(bytes: &[u8]) -> Result<BTreeMap<String, Value>, TokenError> {
    read_object(bytes).map(|object| object.0).map_err(TokenError::Claims)
}

const DOUBLED: &str = "a name comes twice";

fn read_object(bytes: &[u8]) -> Result<UniqueObject, &'static str> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The library's own words could hold parts of the token.
        if error.to_string().starts_with(DOUBLED) { DOUBLED } else { "it is not a JSON object in UTF-8" }
    })
}

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = UniqueObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if found.insert(name, value).is_some() {
                return Err(A::Error::custom(DOUBLED));
            }
        }
        Ok(UniqueObject(found))
    }
}

/// Header and claims of a token that nobody has vouched for: to show to the person who holds it, never to act on.
#[derive(Debug)]
pub struct Unverified {
    /// How it says it was signed.
    pub algorithm: Algorithm,
    /// The key it names.
    pub kid: String,
    /// What it says.
    pub claims: BTreeMap<String, Value>,
}

/// Reads a token without checking anything but its form.
pub fn read_unverified(token: &str) -> Result<Unverified, TokenError> {
    let parts = split(token)?;
    Ok(Unverified { algorithm: parts.algorithm, kid: parts.kid, claims: read_claims(&parts.payload)? })
}

//! Parses the compact form of a join token: three parts, with header and claims as JSON objects without duplicate names.
//!
//! It is strict about RFC 7515 and supports no extensions. It verifies no signature. Pure.

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

/// Header parameters that would change the source of the key or the type of the payload.
const REFUSED_PARAMETERS: [&str; 9] = ["jwk", "jku", "x5u", "x5c", "zip", "enc", "cty", "b64", "epk"];

/// The parts of a token.
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    /// The signed part of the token.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// A JSON object without duplicate names.
#[derive(Debug, Default)]
pub(super) struct UniqueObject(pub(super) BTreeMap<String, Value>);

/// Splits a token into its parts; the signature is not verified.
pub(super) fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("it has no dots"))?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed("it has only one dot"))?;
    if payload.contains('.') {
        return Err(TokenError::Malformed("it has more than two dots; encrypted tokens are not supported"));
    }
    let (algorithm, kid) = read_header(&decode(header)?)?;
    Ok(Parts { algorithm, kid, message, signature: decode(signature)?, payload: decode(payload)? })
}

/// Unpadded URL-safe base64; non-zero trailing bits are refused, so that the encoding is unique.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed("its parts are not unpadded base64url (RFC 7515)"))
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

/// Parses the claims, by the same rules as the header.
pub(super) fn read_claims(bytes: &[u8]) -> Result<BTreeMap<String, Value>, TokenError> {
    read_object(bytes).map(|object| object.0).map_err(TokenError::Claims)
}

const DOUBLED: &str = "it has a duplicate name";

fn read_object(bytes: &[u8]) -> Result<UniqueObject, &'static str> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The message of serde could contain parts of the token.
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

/// Header and claims of an unverified token: for display only, never to make a decision.
#[derive(Debug)]
pub struct Unverified {
    /// Algorithm in the header.
    pub algorithm: Algorithm,
    /// Name of the key in the header.
    pub kid: String,
    /// Claims of the token.
    pub claims: BTreeMap<String, Value>,
}

/// Parses a token without verifying it.
pub fn read_unverified(token: &str) -> Result<Unverified, TokenError> {
    let parts = split(token)?;
    Ok(Unverified { algorithm: parts.algorithm, kid: parts.kid, claims: read_claims(&parts.payload)? })
}

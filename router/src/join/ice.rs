//! STUN and TURN servers for browsers, with static or time-limited credentials.
//!
//! Time-limited credentials follow the REST scheme that coturn calls `use-auth-secret`: the user name is the expiry (and the identity), the
//! password is base64(HMAC-SHA1(shared secret, user name)). Pure: Secret data and time in, servers out.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use convene_crds::IceServer;
use hmac::{Hmac, Mac};
use k8s_openapi::ByteString;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use sha1::Sha1;
use thiserror::Error;

/// Hours are enough: existing allocations are refreshed with the user name that created them.
pub(crate) const DEFAULT_LIFETIME_SECONDS: u64 = 12 * 3600;
/// Lifetimes that a Secret may set.
const LIFETIMES: std::ops::RangeInclusive<u64> = 600..=7 * 86_400;
/// Maximum length of the identity in a user name.
const MAX_LABEL: usize = 128;

// Entries of the Secret.
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const SHARED_SECRET: &str = "secret";
const LIFETIME: &str = "lifetimeSeconds";

/// An ICE server for `RTCPeerConnection`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct IceServerAnswer {
    /// URLs of the server.
    pub(crate) urls: Vec<String>,
    /// User name for TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Password for TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<String>,
}

/// Reasons a Secret has no usable credentials.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum IceSecretProblem {
    /// The Secret has neither kind of credentials.
    #[error("it must contain either {SHARED_SECRET:?}, or {USERNAME:?} and {PASSWORD:?}")]
    Incomplete,
    /// A value is not valid text.
    #[error("one of its values is not valid text")]
    NotText,
    /// The lifetime is invalid.
    #[error("{LIFETIME:?} must be a number from 600 to 604800")]
    Lifetime,
}

impl IceSecretProblem {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Incomplete => "TurnSecretIncomplete",
            Self::NotText => "TurnSecretNotText",
            Self::Lifetime => "TurnSecretLifetimeInvalid",
        }
    }
}

/// Credentials for a TURN server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum IceCredentials {
    /// The same for all participants.
    Fixed {
        /// User name.
        username: String,
        password: String,
    },
    /// Created for each join.
    TimeLimited {
        /// Secret shared with the TURN server.
        secret: String,
        /// Lifetime of the credentials in seconds.
        lifetime: u64,
    },
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fixed { .. } => "Fixed(..)",
            Self::TimeLimited { .. } => "TimeLimited(..)",
        })
    }
}

impl IceCredentials {
    pub(crate) fn read(data: &BTreeMap<String, ByteString>) -> Result<Self, IceSecretProblem> {
        let text = |entry: &str| data.get(entry).map(|ByteString(value)| read_text(value)).transpose();
        match (text(SHARED_SECRET)?, text(USERNAME)?, text(PASSWORD)?) {
            (Some(secret), _, _) if !secret.is_empty() => {
                Ok(Self::TimeLimited { secret, lifetime: read_lifetime(text(LIFETIME)?)? })
            }
            (None, Some(username), Some(password)) if !username.is_empty() && !password.is_empty() => {
                Ok(Self::Fixed { username, password })
            }
            _ => Err(IceSecretProblem::Incomplete),
        }
    }

    fn build(&self, identity: Option<&str>, now: u64) -> (String, String) {
        match self {
            Self::Fixed { username, password } => (username.clone(), password.clone()),
            Self::TimeLimited { secret, lifetime } => {
                let username = build_username(now.saturating_add(*lifetime), identity);
                let password = sign(secret, &username);
                (username, password)
            }
        }
    }
}

/// Trims the value: files usually end with a line feed, which TURN servers do not have in their settings.
fn read_text(value: &[u8]) -> Result<String, IceSecretProblem> {
    std::str::from_utf8(value).map(|text| text.trim().to_owned()).map_err(|_| IceSecretProblem::NotText)
}

fn read_lifetime(text: Option<String>) -> Result<u64, IceSecretProblem> {
    let Some(text) = text else { return Ok(DEFAULT_LIFETIME_SECONDS) };
    text.parse().ok().filter(|seconds| LIFETIMES.contains(seconds)).ok_or(IceSecretProblem::Lifetime)
}

/// `expiry` or `expiry:identity`; the server splits at the colon, so the identity is percent-encoded.
fn build_username(expiry: u64, identity: Option<&str>) -> String {
    let Some(identity) = identity else { return expiry.to_string() };
    let label = utf8_percent_encode(identity, NON_ALPHANUMERIC).to_string();
    format!("{expiry}:{}", &label[..label.len().min(MAX_LABEL)])
}

fn sign(secret: &str, username: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(username.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The servers of a pool for one participant. TURN URLs without credentials are left out: with one of them, browsers refuse to connect
/// at all.
pub(crate) fn build_ice_servers(
    servers: &[IceServer],
    secrets: &BTreeMap<String, IceCredentials>,
    identity: Option<&str>,
    now: u64,
) -> Vec<IceServerAnswer> {
    servers.iter().filter_map(|server| build_ice_server(server, secrets, identity, now)).collect()
}

fn build_ice_server(
    server: &IceServer,
    secrets: &BTreeMap<String, IceCredentials>,
    identity: Option<&str>,
    now: u64,
) -> Option<IceServerAnswer> {
    let credentials = server.credentials_secret.as_ref().and_then(|name| secrets.get(name));
    let (turn, stun): (Vec<_>, Vec<_>) = server.urls.iter().cloned().partition(|url| url.starts_with("turn"));
    let (urls, credentials) = match credentials {
        Some(credentials) if !turn.is_empty() => (server.urls.clone(), Some(credentials.build(identity, now))),
        _ => (stun, None),
    };
    let (username, credential) = credentials.unzip();
    (!urls.is_empty()).then_some(IceServerAnswer { urls, username, credential })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(entries: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
    }

    #[test]
    fn time_limited_credentials_are_what_openssl_computes() {
        // printf '%s' USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64
        let cases = [
            ("north", "1800043200", "dPshDlXpQoq4gPyd8eJn9iQqydI="),
            ("north", "1800043200:ada", "ee0PYbF0hxlFnPJ5n+BbrxFofw4="),
            (
                "a longer secret, of the kind that people make with: openssl rand -hex 32",
                "1800043200:ada%3A%20l%C3%A9",
                "dLoqn+/2GzBk9Ccj3JP4Af3OBu4=",
            ),
        ];
        for (secret, username, password) in cases {
            assert_eq!(sign(secret, username), password, "{username}");
        }
        let credentials = IceCredentials::read(&data(&[("secret", "north\n")])).unwrap();
        assert_eq!(
            credentials.build(Some("ada"), 1_800_000_000),
            ("1800043200:ada".into(), "ee0PYbF0hxlFnPJ5n+BbrxFofw4=".into())
        );
        assert_eq!(
            credentials.build(None, 1_800_000_000),
            ("1800043200".into(), "dPshDlXpQoq4gPyd8eJn9iQqydI=".into())
        );
        assert_eq!(build_username(1_800_043_200, Some("ada: lé")), "1800043200:ada%3A%20l%C3%A9");
        assert_eq!(build_username(1, Some(&"é".repeat(200))).len(), 2 + MAX_LABEL);
    }

    #[test]
    fn every_way_a_secret_can_be_wrong_has_its_reason() {
        let cases: [(&[(&str, &str)], &str); 8] = [
            (&[], "TurnSecretIncomplete"),
            (&[("secret", " ")], "TurnSecretIncomplete"),
            (&[("username", "u")], "TurnSecretIncomplete"),
            (&[("username", "u"), ("password", "")], "TurnSecretIncomplete"),
            (&[("secret", "s"), ("lifetimeSeconds", "soon")], "TurnSecretLifetimeInvalid"),
            (&[("secret", "s"), ("lifetimeSeconds", "599")], "TurnSecretLifetimeInvalid"),
            (&[("secret", "s"), ("lifetimeSeconds", "604801")], "TurnSecretLifetimeInvalid"),
            (&[("secret", "s"), ("lifetimeSeconds", "-1")], "TurnSecretLifetimeInvalid"),
        ];
        for (entries, reason) in cases {
            assert_eq!(IceCredentials::read(&data(entries)).unwrap_err().reason(), reason, "{entries:?}");
        }
        let bytes = BTreeMap::from([("secret".to_owned(), ByteString(vec![0xff]))]);
        assert_eq!(IceCredentials::read(&bytes).unwrap_err(), IceSecretProblem::NotText);
    }

    #[test]
    fn browsers_get_no_turn_server_without_credentials() {
        let server = |urls: &[&str], secret: Option<&str>| IceServer {
            urls: urls.iter().map(ToString::to_string).collect(),
            credentials_secret: secret.map(ToOwned::to_owned),
        };
        let secrets = BTreeMap::from([(
            "turn".to_owned(),
            IceCredentials::read(&data(&[("username", "u"), ("password", "p")])).unwrap(),
        )]);
        let servers = [
            server(&["stun:a:3478"], None),
            server(&["turn:b:3478", "turns:b:5349"], Some("turn")),
            server(&["turn:c:3478", "stun:c:3478"], Some("absent")),
            server(&["turn:d:3478"], None),
            server(&["stun:e:3478"], Some("turn")),
        ];
        let built = serde_json::to_value(build_ice_servers(&servers, &secrets, None, 0)).unwrap();
        assert_eq!(
            built,
            json!([
                {"urls": ["stun:a:3478"]},
                {"urls": ["turn:b:3478", "turns:b:5349"], "username": "u", "credential": "p"},
                {"urls": ["stun:c:3478"]},
                {"urls": ["stun:e:3478"]},
            ])
        );
        assert!(!format!("{secrets:?}").contains("\"p\""));
    }
}

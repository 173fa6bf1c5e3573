//! The response of the join API: signaling URL, token and ICE servers.
//!
//! Pure. The public address of the router is derived from the origin of the page, otherwise from the join URL of the meeting, otherwise
//! from the requested host.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use convene_crds::names::signal_path;
use convene_join_token::MeetingKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use url::Url;
use utoipa::ToSchema;

use crate::edge::client::{ClientInfo, Scheme};
use crate::join::ice::IceServerAnswer;

/// A join request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JoinRequest {
    /// Whether to connect directly to the media pod instead of through the router.
    pub(crate) direct: bool,
}

/// Where and how to connect.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinAnswer {
    /// URL of the signaling `WebSocket`.
    pub(crate) signaling_url: String,
    /// Token to present when connecting.
    pub(crate) token: String,
    /// ICE servers for `RTCPeerConnection`.
    pub(crate) ice_servers: Vec<IceServerAnswer>,
    /// Whether the participant joins as a viewer, who only receives until a moderator brings them on stage.
    pub(crate) viewer: bool,
    /// Expiry of the token.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// Parses the body; an empty one means the defaults.
pub(crate) fn read_request(body: &[u8]) -> Result<JoinRequest, &'static str> {
    match body.trim_ascii().first() {
        None => return Ok(JoinRequest::default()),
        Some(b'{') => {}
        // serde would also accept an array.
        Some(_) => return Err("it is not a JSON object"),
    }
    // The message of serde could contain parts of the request.
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => "its only field is \"direct\", a boolean",
        _ => "it is not JSON",
    })
}

/// The signaling URL of the router for a client with these headers; `None` if it is unknown.
pub(crate) fn build_signaling_url(
    key: &MeetingKey,
    join_url: Option<&str>,
    headers: &HeaderMap,
    client: &ClientInfo,
) -> Option<String> {
    let host = client.host.as_deref();
    let base = own_page(headers, host).or_else(|| public_address(join_url)).or_else(|| {
        let scheme = if client.scheme == Scheme::Https { "wss" } else { "ws" };
        host.map(|host| format!("{scheme}://{host}"))
    });
    base.map(|base| base + &signal_path(key.namespace(), key.name()))
}

/// The origin of a page on the same host reveals the scheme of the browser, even behind a proxy that terminates TLS.
fn own_page(headers: &HeaderMap, host: Option<&str>) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
    let (scheme, authority) = origin.split_once("://")?;
    let host = host.filter(|host| host.eq_ignore_ascii_case(authority))?;
    Some(format!("{}://{host}", socket_scheme(scheme)?))
}

/// The public address, if one is configured.
fn public_address(join_url: Option<&str>) -> Option<String> {
    let url = Url::parse(join_url?).ok()?;
    let host = url.host_str().filter(|host| *host != "localhost")?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", socket_scheme(url.scheme())?))
}

fn socket_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        "https" => Some("wss"),
        "http" => Some("ws"),
        _ => None,
    }
}

/// The signaling URL of a media pod.
pub(crate) fn build_direct_url(key: &MeetingKey, pod: SocketAddr) -> String {
    format!("ws://{pod}{}", signal_path(key.namespace(), key.name()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::edge::client::TrustedProxies;
    use crate::fixtures::key;

    #[test]
    fn the_address_is_the_one_that_the_client_can_reach() {
        let public = Some("https://meet.example.org/m/team-a/board");
        let local = Some("http://localhost:8080/m/team-a/board");
        let cases = [
            (
                "the web app itself",
                public,
                Some("meet.internal"),
                Some("https://meet.internal"),
                Scheme::Http,
                "wss://meet.internal",
            ),
            (
                "the web app by port-forward",
                public,
                Some("localhost:9000"),
                Some("http://localhost:9000"),
                Scheme::Http,
                "ws://localhost:9000",
            ),
            (
                "an application's page",
                public,
                Some("meet.internal"),
                Some("https://app.example.org"),
                Scheme::Http,
                "wss://meet.example.org",
            ),
            ("an application's server", public, Some("convene-router"), None, Scheme::Http, "wss://meet.example.org"),
            (
                "public port",
                Some("https://a.example.org:8443/m/x/y"),
                None,
                None,
                Scheme::Http,
                "wss://a.example.org:8443",
            ),
            ("no public address", local, Some("10.0.0.1:30080"), None, Scheme::Http, "ws://10.0.0.1:30080"),
            ("no public address, own TLS", local, Some("a.example.org"), None, Scheme::Https, "wss://a.example.org"),
            ("no status yet", None, Some("a.example.org"), None, Scheme::Http, "ws://a.example.org"),
            ("strange origin", None, Some("a.example.org"), Some("null"), Scheme::Http, "ws://a.example.org"),
        ];
        for (name, join_url, host, origin, scheme, expected) in cases {
            let mut headers = HeaderMap::new();
            for (header, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
                if let Some(value) = value {
                    headers.insert(header, HeaderValue::from_str(value).unwrap());
                }
            }
            let client = ClientInfo::of(None, scheme, &headers, &TrustedProxies::default());
            let url = build_signaling_url(&key("team-a", "board"), join_url, &headers, &client);
            assert_eq!(url, Some(format!("{expected}/signal/team-a/board")), "{name}");
        }
        for host in ["", "a b", "user@host", "a/b"] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            let client = ClientInfo::of(None, Scheme::Http, &headers, &TrustedProxies::default());
            assert_eq!(build_signaling_url(&key("team-a", "board"), None, &headers, &client), None, "{host}");
        }
    }

    #[test]
    fn a_body_may_be_empty_and_says_nothing_unknown() {
        assert_eq!(read_request(b" \n"), Ok(JoinRequest::default()));
        assert_eq!(read_request(b"{}"), Ok(JoinRequest::default()));
        assert_eq!(read_request(br#"{"direct":true}"#), Ok(JoinRequest { direct: true }));
        for broken in [
            &b"{"[..],
            b"null",
            b"[]",
            b"[true]",
            b"\"direct\"",
            br#"{"direct":1}"#,
            br#"{"direkt":true}"#,
            br#"{"direct":true,"direct":false}"#,
            b"\xff",
        ] {
            assert!(read_request(broken).is_err(), "{broken:?}");
        }
    }
}

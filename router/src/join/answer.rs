//! The answer of the join API: where to connect, with what, and the ICE servers.
//!
//! Pure. Which address a client reaches the router by is taken from what is sure: the page it came from, else the meeting's own join URL,
//! else the host it has asked.

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

/// What a client may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JoinRequest {
    /// The media pod's own address instead of the router's.
    pub(crate) direct: bool,
}

/// Where to connect.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinAnswer {
    /// Address of the signaling `WebSocket`.
    pub(crate) signaling_url: String,
    /// What to show there.
    pub(crate) token: String,
    /// For `RTCPeerConnection`.
    pub(crate) ice_servers: Vec<IceServerAnswer>,
    /// Until when the token opens connections.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// Reads the body; an empty one asks for nothing special.
pub(crate) fn read_request(body: &[u8]) -> Result<JoinRequest, &'static str> {
    match body.trim_ascii().first() {
        None => return Ok(JoinRequest::default()),
        Some(b'{') => {}
        // A list would do for the library.
        Some(_) => return Err("it is not a JSON object"),
    }
    // The library's own words could hold what was sent.
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => "it has something else than \"direct\", which is true or false",
        _ => "it is not JSON",
    })
}

/// Where the router's signaling is for whoever sent these headers; `None` if nothing tells.
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

/// A page of this very host tells by which scheme the browser has come, whatever stands before the router.
fn own_page(headers: &HeaderMap, host: Option<&str>) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
    let (scheme, authority) = origin.split_once("://")?;
    let host = host.filter(|host| host.eq_ignore_ascii_case(authority))?;
    Some(format!("{}://{host}", socket_scheme(scheme)?))
}

/// The public address, unless nobody has set one.
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

/// Where a pod's own signaling is.
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

//! The `WebSocket` handshake: validates the request of the client and builds the request to the media pod and the response.
//!
//! Pure. After the handshake no bytes are interpreted.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use convene_crds::names::signal_path;
use http_body_util::Empty;
use hyper::body::Bytes;

use crate::edge::client::Scheme;
use crate::edge::problem::ApiError;
use crate::index::select::PodRoute;

/// The only subprotocol of signaling.
pub(crate) const SUBPROTOCOL: &str = "protoo";

/// Hop-by-hop headers (RFC 9110, 7.6.1), and headers that the router sets or withholds: a client must not be able to impersonate others,
/// and its credentials for the router must not reach the pod.
const NOT_FORWARDED: [&str; 18] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "host",
    "authorization",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
];

/// Headers that the router adds to those of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForwardedClient<'a> {
    /// Address of the client.
    pub(crate) peer: Option<IpAddr>,
    /// Host that the client requested.
    pub(crate) host: Option<&'a str>,
    /// Scheme that the client used.
    pub(crate) scheme: Scheme,
    /// Id of the request, for the logs of both sides.
    pub(crate) request_id: &'a str,
}

/// Checks that the request is a handshake that signaling supports.
pub(crate) fn check_handshake(request: &Parts) -> Result<(), ApiError> {
    let headers = &request.headers;
    let is_handshake = request.method == Method::GET
        && request.version == Version::HTTP_11
        && has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
        && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13")
        && headers.get(header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24);
    if !is_handshake {
        return Err(ApiError::UpgradeRequired);
    }
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(ApiError::SubprotocolRequired);
    }
    Ok(())
}

/// The handshake request to the pod.
pub(crate) fn build_pod_request(
    client: &Parts,
    route: &PodRoute,
    forwarded: ForwardedClient<'_>,
    admission: &str,
) -> Option<Request<Empty<Bytes>>> {
    let key = &route.meeting.key;
    let path = signal_path(key.namespace(), key.name());
    let target = client.uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut request = Request::get(target).body(Empty::new()).ok()?;
    *request.headers_mut() = forwarded_headers(&client.headers);
    write_own_headers(request.headers_mut(), route, forwarded)?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {admission}")).ok()?;
    // Keeps the token out of Debug output.
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    Some(request)
}

fn write_own_headers(headers: &mut HeaderMap, route: &PodRoute, forwarded: ForwardedClient<'_>) -> Option<()> {
    headers.insert(header::HOST, HeaderValue::try_from(route.address.to_string()).ok()?);
    mark_upgrade(headers);
    headers.insert("x-forwarded-proto", HeaderValue::from_static(forwarded.scheme.as_str()));
    headers.insert("x-request-id", HeaderValue::try_from(forwarded.request_id).ok()?);
    if let Some(peer) = forwarded.peer {
        headers.insert("x-forwarded-for", HeaderValue::try_from(peer.to_string()).ok()?);
    }
    if let Some(host) = forwarded.host {
        headers.insert("x-forwarded-host", HeaderValue::try_from(host).ok()?);
    }
    Some(())
}

/// The headers of the pod's `101` response that the client receives: only those of the handshake.
pub(crate) fn answer_headers(pod: &HeaderMap) -> HeaderMap {
    let mut headers: HeaderMap = pod
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("sec-websocket-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    mark_upgrade(&mut headers);
    headers
}

fn mark_upgrade(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 6);
    for (name, value) in headers {
        // `Connection` may name further hop-by-hop headers.
        if !NOT_FORWARDED.contains(&name.as_str()) && !has_token(headers, &header::CONNECTION, name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{meeting_record, pod_record};

    fn handshake(changes: &[(&'static str, Option<&'static str>)]) -> Parts {
        let mut request = Request::get("/signal/team-a/stand-up?peerId=abc&x=%2F").body(()).unwrap();
        let good = [
            ("host", "meet.example.org"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "other, protoo"),
        ];
        for (name, value) in good {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            match value {
                Some(value) => request.headers_mut().insert(*name, HeaderValue::from_static(value)),
                None => request.headers_mut().remove(*name),
            };
        }
        request.into_parts().0
    }

    #[test]
    fn only_a_complete_handshake_with_our_subprotocol_passes() {
        assert_eq!(check_handshake(&handshake(&[])), Ok(()));
        for broken in [
            ("connection", None),
            ("connection", Some("close")),
            ("upgrade", None),
            ("upgrade", Some("h2c")),
            ("sec-websocket-version", None),
            ("sec-websocket-version", Some("8")),
            ("sec-websocket-key", None),
            ("sec-websocket-key", Some("short")),
        ] {
            assert_eq!(check_handshake(&handshake(&[broken])), Err(ApiError::UpgradeRequired), "{broken:?}");
        }
        for other in [("sec-websocket-protocol", None), ("sec-websocket-protocol", Some("protoo2, xprotoo"))] {
            assert_eq!(check_handshake(&handshake(&[other])), Err(ApiError::SubprotocolRequired), "{other:?}");
        }
        let mut post = handshake(&[]);
        post.method = Method::POST;
        assert_eq!(check_handshake(&post), Err(ApiError::UpgradeRequired));
        let mut old = handshake(&[]);
        old.version = Version::HTTP_10;
        assert_eq!(check_handshake(&old), Err(ApiError::UpgradeRequired));
    }

    fn pod_request(changes: &[(&'static str, Option<&'static str>)]) -> Request<Empty<Bytes>> {
        let route = PodRoute {
            address: "10.1.2.3:8080".parse().unwrap(),
            pod: pod_record("media-0", "p-0", "10.1.2.3:8080").into(),
            meeting: meeting_record("team-a", "stand-up", None).into(),
        };
        let forwarded = ForwardedClient {
            peer: Some([192, 0, 2, 7].into()),
            host: Some("meet.example.org"),
            scheme: Scheme::Https,
            request_id: "r-1",
        };
        build_pod_request(&handshake(changes), &route, forwarded, "a.b.c").unwrap()
    }

    #[test]
    fn the_pod_gets_path_query_and_the_clients_headers() {
        let request = pod_request(&[("origin", Some("https://meet.example.org")), ("user-agent", Some("browser/1"))]);
        assert_eq!(request.uri(), "/signal/team-a/stand-up?peerId=abc&x=%2F");
        let expected = [
            ("origin", "https://meet.example.org"),
            ("user-agent", "browser/1"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "other, protoo"),
            ("host", "10.1.2.3:8080"),
            ("x-forwarded-host", "meet.example.org"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "r-1"),
            ("authorization", "Bearer a.b.c"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
        ];
        for (name, value) in expected {
            assert_eq!(request.headers().get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
    }

    #[test]
    fn credentials_forged_origins_and_hop_by_hop_headers_end_here() {
        let request = pod_request(&[
            ("authorization", Some("Bearer mine")),
            ("cookie", Some("session=1")),
            ("x-forwarded-for", Some("203.0.113.9")),
            ("forwarded", Some("for=203.0.113.9")),
            ("x-real-ip", Some("203.0.113.9")),
            ("te", Some("trailers")),
            ("connection", Some("Upgrade, X-Private")),
            ("x-private", Some("1")),
            ("content-length", Some("3")),
        ]);
        for name in ["cookie", "forwarded", "x-real-ip", "te", "x-private", "content-length"] {
            assert!(!request.headers().contains_key(name), "{name}");
        }
        assert_eq!(request.headers()["authorization"], "Bearer a.b.c");
        assert_eq!(request.headers()["x-forwarded-for"], "192.0.2.7");
        assert!(!format!("{request:?}").contains("a.b.c"), "the token does not show in logs");
    }

    #[test]
    fn the_client_gets_the_pods_handshake_headers_and_no_others() {
        let pod: HeaderMap = [
            ("sec-websocket-accept", "x"),
            ("sec-websocket-protocol", "protoo"),
            ("set-cookie", "a=b"),
            ("server", "pod"),
        ]
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
        let answer = answer_headers(&pod);
        assert_eq!(answer.len(), 4);
        assert_eq!(
            (&answer["sec-websocket-protocol"], &answer["upgrade"]),
            (&HeaderValue::from_static("protoo"), &HeaderValue::from_static("websocket"))
        );
    }
}

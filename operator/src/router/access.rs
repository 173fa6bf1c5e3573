//! What happens around every request: its id, the security headers, the access log and the request metrics.
//!
//! It logs the path and never the query, which may hold what is nobody's business.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{debug, info};

use super::app::App;
use super::client::ClientInfo;
use super::handshake::Scheme;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client or load balancer.
const MAX_REQUEST_ID: usize = 64;

/// The web app needs its own scripts, styles and sockets, media from memory, and nothing from elsewhere.
const WEB_APP_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; font-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Browsers that came by https come by https again. Other names of the domain are not ours to speak for.
const ONE_YEAR: &str = "max-age=31536000";

const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, WEB_APP_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), autoplay=(self), fullscreen=(self), \
         screen-wake-lock=(self), geolocation=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Id of a request, for the logs of router and pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Adds the security headers that an answer does not set itself.
pub async fn security_headers(request: Request, next: Next) -> Response {
    let is_secure = request.extensions().get::<ClientInfo>().is_some_and(|client| client.scheme == Scheme::Https);
    let mut response = next.run(request).await;
    // They are for pages, not for sockets.
    if response.status().is_informational() {
        return response;
    }
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONE_YEAR));
    }
    response
}

/// Gives the request its id, then logs and counts the answer.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let client = client_of(&app, &request);
    request.extensions_mut().insert(client.clone());

    let mut response = next.run(request).await;
    let (status, took) = (response.status(), started.elapsed());
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    app.metrics.count_request(&route, status, took);
    let (status, took_ms) = (status.as_u16(), took.as_millis());
    let client = client.address.map(tracing::field::display);
    // Probes and scrapes come every few seconds and say nothing.
    if matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics") {
        debug!(%method, path, route, status, took_ms, client, request_id = id, "request");
    } else {
        info!(%method, path, route, status, took_ms, client, request_id = id, "request");
    }
    response
}

fn client_of(app: &App, request: &Request) -> ClientInfo {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let scheme = request.extensions().get::<Scheme>().copied().unwrap_or_default();
    ClientInfo::of(peer, scheme, request.headers(), &app.surface.proxies)
}

/// The id that the request brings along if it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given.filter(|id| is_harmless(id)).map_or_else(|| format!("{:016x}", rand::random::<u64>()), ToOwned::to_owned)
}

fn is_harmless(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_request_id_is_kept_and_others_are_replaced() {
        let id = |value: &'static [u8]| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(value).unwrap())]);
            request_id(&headers)
        };
        assert_eq!(id(b"abc-1.2_3:4"), "abc-1.2_3:4");
        for hostile in [&b""[..], b"a b", b"a\tb", b"{}", b"\xff", &[b'a'; MAX_REQUEST_ID + 1]] {
            let id = id(hostile);
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
    }
}

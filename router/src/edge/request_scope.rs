//! Request id, security headers, access log and request metrics of every request.
//!
//! It logs the path and never the query, which may contain credentials.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use convene_service::http::panics;
use tracing::{debug, info};

use crate::edge::client::{ClientInfo, Scheme};
use crate::edge::policy::Edge;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Maximum length of a request id from a client or load balancer.
const MAX_REQUEST_ID: usize = 64;

/// Browsers that used HTTPS keep using it. Subdomains are not included: they may belong to others.
const ONE_YEAR: &str = "max-age=31536000";

/// Id of a request, for the logs of router and pod. Always ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id in the request headers if it is harmless, otherwise a new one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).filter(|id| is_harmless(id.as_bytes()));
        Self(given.cloned().unwrap_or_else(|| {
            let id = format!("{:016x}", rand::random::<u64>());
            HeaderValue::try_from(id).expect("hexadecimal digits are valid in a header")
        }))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("only ASCII is taken over or made")
    }
}

/// Adds the security headers that a response does not set itself.
fn harden(edge: &Edge, response: &mut Response, scheme: Scheme) {
    // They apply to pages, not to sockets.
    if response.status().is_informational() {
        return;
    }
    let headers = response.headers_mut();
    edge.headers.harden(headers);
    if scheme == Scheme::Https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONE_YEAR));
    }
}

/// What the access log and metrics need of a request until its response is ready.
#[derive(Debug)]
pub(crate) struct RequestScope {
    started: Instant,
    id: RequestId,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    scheme: Scheme,
    address: Option<IpAddr>,
}

impl RequestScope {
    /// Assigns the request its id and determines the client.
    pub(crate) fn begin(edge: &Edge, request: &mut Request) -> Self {
        let client = client_of(edge, request);
        let scope = Self {
            started: Instant::now(),
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            scheme: client.scheme,
            address: client.address,
        };
        request.extensions_mut().insert(scope.id.clone());
        request.extensions_mut().insert(client);
        scope
    }

    /// The template of the matched route; empty if no route matches.
    pub(crate) fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }

    /// Path without query.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Adds the headers of the response, logs and counts the request.
    pub(crate) fn end(self, edge: &Edge, mut response: Response) -> Response {
        harden(edge, &mut response, self.scheme);
        response.headers_mut().insert(REQUEST_ID, self.id.0.clone());
        let (status, took) = (response.status(), self.started.elapsed());
        let route = self.route.as_ref().map_or("other", MatchedPath::as_str);
        edge.metrics.count_request(route, status, took);
        let (method, path, status, took_ms) = (&self.method, self.path(), status.as_u16(), took.as_millis());
        let (client, request_id) = (self.address.map(tracing::field::display), self.id.as_str());
        // Probes and scrapes arrive every few seconds.
        if matches!(route, "/healthz" | "/readyz" | "/metrics") {
            debug!(%method, path, route, status, took_ms, client, request_id, "request");
        } else {
            info!(%method, path, route, status, took_ms, client, request_id, "request");
        }
        response
    }
}

/// Middleware for routes that check limits and origins themselves.
pub(crate) async fn observe(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let scope = RequestScope::begin(&edge, &mut request);
    let response = panics::catch(scope.path(), next.run(request)).await;
    scope.end(&edge, response)
}

fn client_of(edge: &Edge, request: &Request) -> ClientInfo {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let scheme = request.extensions().get::<Scheme>().copied().unwrap_or_default();
    ClientInfo::of(peer, scheme, request.headers(), &edge.proxies)
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_request_id_is_kept_and_others_are_replaced() {
        let id = |value: &'static [u8]| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(value).unwrap())]);
            RequestId::of(&headers).as_str().to_owned()
        };
        assert_eq!(id(b"abc-1.2_3:4"), "abc-1.2_3:4");
        for hostile in [&b""[..], b"a b", b"a\tb", b"{}", b"\xff", &[b'a'; MAX_REQUEST_ID + 1]] {
            let id = id(hostile);
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
    }
}

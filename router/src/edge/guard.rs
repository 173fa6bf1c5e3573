//! Middleware around all routes: rate limits, origins, URI length and CORS.
//!
//! It refuses a request before a handler does any work. Probes always pass. It never decides who may join a meeting.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use convene_join_token::MeetingKey;
use convene_service::http::panics;

use crate::edge::client::ClientInfo;
use crate::edge::policy::Edge;
use crate::edge::problem::ApiError;
use crate::edge::request_scope::RequestScope;
use crate::edge::requested_meeting::RequestedMeeting;

/// Maximum length of path and query. Names are short; a join token may be in the query.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;
const API: &str = "/api/";
const SIGNAL: &str = "/signal/{namespace}/{name}";
/// How long browsers may cache a preflight response, in seconds.
const CORS_MAX_AGE: &str = "600";

/// Request log, security headers, limits, origins and CORS in one layer: each further layer would clone the inner ones for each request.
pub(crate) async fn guard(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let scope = RequestScope::begin(&edge, &mut request);
    let cors = scope.path().starts_with(API).then(|| CorsHeaders::of(&edge, &request));
    let (mut parts, body) = request.into_parts();
    let mut response = match check(&edge, scope.route(), &mut parts).await {
        Ok(()) if cors.as_ref().is_some_and(|cors| cors.is_preflight) => preflight(),
        Ok(()) => panics::catch(scope.path(), next.run(Request::from_parts(parts, body))).await,
        Err(error) => refuse(&edge, error, scope.path()),
    };
    if let Some(cors) = cors {
        cors.write(response.headers_mut());
    }
    scope.end(&edge, response)
}

/// Counts a refusal and builds its response.
pub(crate) fn refuse(edge: &Edge, error: ApiError, path: &str) -> Response {
    edge.metrics.edge.count_refused(error.reason());
    error.into_problem(path)
}

async fn check(edge: &Edge, route: &str, parts: &mut Parts) -> Result<(), ApiError> {
    if matches!(route, "/healthz" | "/readyz") {
        return Ok(());
    }
    if parts.uri.path_and_query().is_some_and(|address| address.as_str().len() > MAX_ADDRESS_BYTES) {
        return Err(ApiError::AddressTooLong);
    }
    let client = client(parts);
    if route == SIGNAL && !edge.origins.admits(&parts.headers, client.host.as_deref()) {
        return Err(ApiError::OriginRefused);
    }
    if route != SIGNAL && !route.ends_with("/join") {
        return check_request(edge, &client);
    }
    let Ok(RequestedMeeting(key)) = RequestedMeeting::from_request_parts(parts, edge).await;
    check_join(edge, &client, key.ok().as_ref())
}

/// The client, as determined by [`request_scope`](crate::edge::request_scope).
pub(crate) fn client(parts: &Parts) -> ClientInfo {
    parts.extensions.get::<ClientInfo>().cloned().unwrap_or_default()
}

pub(crate) fn check_request(edge: &Edge, client: &ClientInfo) -> Result<(), ApiError> {
    client.rate_limit_key().map_or(Ok(()), |address| edge.limits.requests.check(&address)).map_err(too_often)
}

/// Unknown meetings have no rate limiter: clients could fill the memory with made-up names.
pub(crate) fn check_join(edge: &Edge, client: &ClientInfo, key: Option<&MeetingKey>) -> Result<(), ApiError> {
    let limits = &edge.limits;
    client.rate_limit_key().map_or(Ok(()), |address| limits.joins.check(&address)).map_err(too_often)?;
    let existing = key.filter(|key| edge.table.meeting(key).is_some());
    existing.map_or(Ok(()), |key| limits.meetings.check(key)).map_err(too_often)
}

fn too_often(wait: Duration) -> ApiError {
    ApiError::TooManyRequests { retry_after_seconds: wait.as_secs() + 1 }
}

/// CORS headers of API responses: pages of allowed origins may read them, without cookies or other credentials.
struct CorsHeaders {
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl CorsHeaders {
    fn of(edge: &Edge, request: &Request) -> Self {
        let headers = request.headers();
        let listed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| edge.origins.lists(origin));
        let origin = headers.get(header::ORIGIN).filter(listed).cloned();
        let is_preflight = *request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && origin.is_some();
        Self { origin, is_preflight }
    }

    fn write(self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = HeaderValue::from_static("retry-after, x-request-id");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn preflight() -> Response {
    let cors: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, CORS_MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, cors).into_response()
}

//! Stands in front of the routes: rates, origins, lengths of addresses, and what pages of other origins are told (CORS).
//!
//! It refuses before a handler does any work. Probes and scrapes always pass. It never looks at who is allowed into a meeting.

use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::{App, RequestedMeeting};
use super::client::ClientInfo;
use super::key::MeetingKey;
use super::problem::ApiError;

/// Longest path and query together. Names are short; a join token may be in the query.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;
const SIGNAL: &str = "/signal/{namespace}/{name}";
/// How long browsers may remember what they were told about an origin.
const CORS_MAX_AGE: &str = "600";

/// Refuses what is too much, too long or from elsewhere.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match check(&app, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => refuse(&app, error, parts.uri.path()),
    }
}

/// Counts and answers a refusal.
pub(super) fn refuse(app: &App, error: ApiError, path: &str) -> Response {
    app.metrics.surface.count_refused(error.reason());
    // The path of an endless address would make an endless answer.
    error.into_problem(path.get(..MAX_ADDRESS_BYTES).unwrap_or(path))
}

async fn check(app: &App, parts: &mut Parts) -> Result<(), ApiError> {
    let matched = parts.extensions.get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("", MatchedPath::as_str);
    if matches!(route, "/healthz" | "/readyz" | "/metrics") {
        return Ok(());
    }
    if parts.uri.path_and_query().is_some_and(|address| address.as_str().len() > MAX_ADDRESS_BYTES) {
        return Err(ApiError::AddressTooLong);
    }
    let client = client(parts);
    if route == SIGNAL && !app.surface.origins.admits(&parts.headers, client.host.as_deref()) {
        return Err(ApiError::OriginRefused);
    }
    if route != SIGNAL && !route.ends_with("/join") {
        return check_request(app, &client);
    }
    let Ok(RequestedMeeting(key)) = RequestedMeeting::from_request_parts(parts, app).await;
    check_join(app, &client, key.ok().as_ref())
}

/// Who asks; what [`access`](super::access) found out.
pub(super) fn client(parts: &Parts) -> ClientInfo {
    parts.extensions.get::<ClientInfo>().cloned().unwrap_or_default()
}

pub(super) fn check_request(app: &App, client: &ClientInfo) -> Result<(), ApiError> {
    client.bucket().map_or(Ok(()), |address| app.surface.limits.requests.check(&address)).map_err(too_often)
}

/// A meeting that does not exist has no bucket: strangers could fill the memory with names.
pub(super) fn check_join(app: &App, client: &ClientInfo, key: Option<&MeetingKey>) -> Result<(), ApiError> {
    let limits = &app.surface.limits;
    client.bucket().map_or(Ok(()), |address| limits.joins.check(&address)).map_err(too_often)?;
    let known = key.filter(|key| app.table.meeting(key).is_some());
    known.map_or(Ok(()), |key| limits.meetings.check(key)).map_err(too_often)
}

fn too_often(wait: Duration) -> ApiError {
    ApiError::TooManyRequests { retry_after_seconds: wait.as_secs() + 1 }
}

/// Lets pages of configured origins read the API; they get no cookies or other credentials along.
pub async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    let listed = listed_origin(&app, request.headers());
    let is_preflight = *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && listed.is_some();
    let mut response = if is_preflight { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("retry-after, x-request-id");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn listed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    app.surface.origins.lists(origin.to_str().ok()?).then(|| origin.clone())
}

fn preflight() -> Response {
    let told: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, CORS_MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, told).into_response()
}

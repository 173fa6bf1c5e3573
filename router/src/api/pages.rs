//! Pages for browsers: the web app, also for pages that do not exist, since it shows errors in the language of the user.
//!
//! It never checks access; the signaling route does.

use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use convene_join_token::MeetingKey;
use convene_service::http::page::wants_page;
use percent_encoding::percent_decode_str;
use tower::ServiceExt;

use crate::edge::problem::ApiError;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::select::RouteDecision;
use crate::state::App;

/// Asset names contain a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const HTML: (HeaderName, HeaderValue) = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
/// All other files are revalidated, so that an upgrade is visible immediately.
const REVALIDATE: &str = "no-cache";

/// `GET /`: the front page.
pub(crate) async fn front(State(app): State<App>, headers: HeaderMap) -> Response {
    web_app(&app, headers.get(header::IF_NONE_MATCH))
}

/// `GET /m/{namespace}/{name}`.
pub(crate) async fn meeting(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    match requested {
        Ok(key) if app.table.route(&key) == RouteDecision::Unknown => {
            missing(&app, &headers, ApiError::MeetingNotFound(key), uri.path())
        }
        Ok(_) => web_app(&app, headers.get(header::IF_NONE_MATCH)),
        Err(_) => elsewhere(&app, &headers, &uri),
    }
}

/// Fallback route: files of the web app, otherwise "not found" as a page or a problem document.
pub(crate) async fn other(State(app): State<App>, request: Request) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let path = uri.path();
    let is_for_programs =
        ["/api/", "/signal/"].iter().any(|prefix| path.starts_with(prefix)) || path == "/api" || path == "/signal";
    if is_for_programs {
        return ApiError::RouteNotFound.into_problem(path);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_problem(path);
    }
    match file(&app, request, path).await {
        Some(file) => file,
        None => elsewhere(&app, &headers, &uri),
    }
}

/// Redirects other spellings of a meeting path to the meeting, so that there is one room.
fn elsewhere(app: &App, headers: &HeaderMap, uri: &Uri) -> Response {
    match canonical_path(uri.path()) {
        Some(path) => {
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            Redirect::permanent(&format!("{path}{query}")).into_response()
        }
        None => missing(app, headers, ApiError::RouteNotFound, uri.path()),
    }
}

/// The canonical path of a meeting for `path`: users add slashes, and keyboards capitalize first letters.
fn canonical_path(path: &str) -> Option<String> {
    let plain = percent_decode_str(path).decode_utf8().ok()?.to_lowercase();
    let mut parts = plain.split('/').filter(|part| !part.is_empty());
    let (Some("m"), Some(namespace), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let key = MeetingKey::parse(namespace, name).ok()?;
    let canonical = convene_crds::names::join_path(key.namespace(), key.name());
    (canonical != path).then_some(canonical)
}

/// "Not found": the web app for browsers, a problem document for programs.
fn missing(app: &App, headers: &HeaderMap, error: ApiError, path: &str) -> Response {
    if !wants_page(headers) {
        return error.into_problem(path);
    }
    let caching = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::NOT_FOUND, [HTML, caching], app.web.index.clone()).into_response()
}

async fn file(app: &App, request: Request, path: &str) -> Option<Response> {
    let Ok(response) = app.web.files.clone().oneshot(request).await;
    let mut response = response.map(Body::new);
    if !(response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED) {
        return None;
    }
    let caching = if path.starts_with("/assets/") { IMMUTABLE } else { REVALIDATE };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    Some(response)
}

fn web_app(app: &App, known: Option<&HeaderValue>) -> Response {
    let tag = (header::ETAG, app.web.tag.clone());
    let caching = (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    if known == Some(&app.web.tag) {
        return (StatusCode::NOT_MODIFIED, [tag, caching]).into_response();
    }
    ([HTML, caching, tag], app.web.index.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_an_address_lead_to_the_meeting() {
        let cases = [
            ("/m/team-a/stand-up", None),
            ("/m/team-a/stand-up/", Some("/m/team-a/stand-up")),
            ("/m/team-a/stand-up//", Some("/m/team-a/stand-up")),
            ("//m//team-a/stand-up", Some("/m/team-a/stand-up")),
            ("/M/Team-A/Stand-Up", Some("/m/team-a/stand-up")),
            ("/m/team%2Da/stand-up", Some("/m/team-a/stand-up")),
            ("/m/hello", None),
            ("/m/", None),
            ("/m/a/b/c", None),
            ("/m/..%2f/x", None),
            ("/m/a/%ff", None),
            ("/m/team-a/caf%C3%A9", None),
            ("/x/team-a/stand-up", None),
        ];
        for (path, canonical) in cases {
            assert_eq!(canonical_path(path).as_deref(), canonical, "{path}");
        }
    }
}

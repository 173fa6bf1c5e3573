//! What browsers get: the web app for a meeting that exists, a page a person understands for everything else.
//!
//! It never looks at who asks; the signaling route decides who comes in.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use hyper::body::Bytes;
use thiserror::Error;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use super::app::{App, RequestedMeeting};
use super::key::MeetingKey;
use super::problem::ApiError;
use super::select::RouteDecision;

const NOT_FOUND_PAGE: &str = include_str!("pages/not_found.html");
const LANDING_PAGE: &str = include_str!("pages/landing.html");
const STYLE: &str = include_str!("pages/style.css");

/// The router's own pages have no script and nothing from elsewhere, only the style they carry.
const OWN_PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Asset names hold a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again, so that an upgrade shows at once.
const REVALIDATE: &str = "no-cache";

/// The folder cannot be the web app.
#[derive(Debug, Error)]
#[error("could not read the web app's {path:?}; --web-dir must name the folder that the web app was built into")]
pub struct WebFilesError {
    path: PathBuf,
    source: io::Error,
}

/// The built web app.
#[derive(Clone, Debug)]
pub struct WebFiles {
    index: Bytes,
    /// Changes with the page.
    tag: HeaderValue,
    files: ServeDir,
}

impl WebFiles {
    /// Reads the app's page; the other files are read when they are asked for.
    pub fn load(folder: &Path) -> Result<Self, WebFilesError> {
        let path = folder.join("index.html");
        let index = std::fs::read(&path).map_err(|source| WebFilesError { path, source })?;
        let tag = HeaderValue::try_from(format!("\"{:08x}-{:x}\"", crc32fast::hash(&index), index.len()))
            .expect("quotes and hexadecimal digits can stand in a header");
        Ok(Self { index: index.into(), tag, files: ServeDir::new(folder).append_index_html_on_directories(false) })
    }
}

/// `GET /`.
pub async fn landing() -> Response {
    own_page(StatusCode::OK, LANDING_PAGE.replace("{style}", STYLE))
}

/// `GET /m/{namespace}/{name}`.
pub async fn meeting(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    headers: HeaderMap,
) -> Response {
    match requested {
        Ok(key) if app.table.route(&key) == RouteDecision::Unknown => no_such_meeting(&key),
        Ok(_) => web_app(&app, headers.get(header::IF_NONE_MATCH)),
        Err(_) => nothing_here(),
    }
}

/// `GET /m/{namespace}/{name}/`: people add slashes, and copy addresses from programs that do.
pub async fn meeting_with_slash(
    RequestedMeeting(requested): RequestedMeeting,
    OriginalUri(uri): OriginalUri,
) -> Response {
    let Ok(key) = requested else { return nothing_here() };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = convene_crds::names::join_path(key.namespace(), key.name());
    Redirect::permanent(&format!("{path}{query}")).into_response()
}

/// Everything that has no route of its own: the web app's files, else "not found" in the language of whoever asks.
pub async fn other(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let is_for_programs =
        ["/api/", "/signal/"].iter().any(|prefix| path.starts_with(prefix)) || path == "/api" || path == "/signal";
    if is_for_programs {
        return ApiError::RouteNotFound.into_problem(&path);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_problem(&path);
    }
    file(&app, request, &path).await.unwrap_or_else(nothing_here)
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
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    ([kind, caching, tag], app.web.index.clone()).into_response()
}

fn no_such_meeting(key: &MeetingKey) -> Response {
    let text = format!(
        "There is no meeting <strong>{}</strong> in <strong>{}</strong>. It may have ended, or it has not been created yet. \
         Check the address for a slip, or ask whoever invited you.",
        escape(key.name()),
        escape(key.namespace())
    );
    not_found("No such meeting", &text, "<a class=\"button\" href=\"\">Try again</a>\n")
}

fn nothing_here() -> Response {
    let text = "This address leads nowhere. The address of a meeting looks like <code>/m/team-a/stand-up</code>. \
                Check it for a slip, or ask whoever invited you.";
    not_found("Nothing here", text, "")
}

fn not_found(title: &str, text: &str, action: &str) -> Response {
    let page = NOT_FOUND_PAGE
        .replace("{style}", STYLE)
        .replace("{title}", title)
        .replace("{text}", text)
        .replace("{action}", action);
    own_page(StatusCode::NOT_FOUND, page)
}

fn own_page(status: StatusCode, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, OWN_PAGE_POLICY),
    ];
    (status, headers, page).into_response()
}

/// Names are plain letters already; what is put into a page is escaped all the same.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_a_page_is_escaped() {
        assert_eq!(escape(r#"<a href="x">'&'"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
    }

    #[test]
    fn a_folder_without_the_app_is_refused_by_name() {
        let error = WebFiles::load(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/index.html"), "{error}");
        assert!(error.to_string().contains("--web-dir"), "{error}");
    }
}

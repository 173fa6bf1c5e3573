//! Error responses as `application/problem+json` (RFC 9457): their form, and the kinds that every program has.
//!
//! A program adds kinds of its own. The texts say what to do; they reveal no secrets. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Longest path in a response: a very long path would make a very long response.
const MAX_INSTANCE_BYTES: usize = 8 * 1024;

/// The type of a problem, with its title and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Reason code for logs and metrics; the problem type is its kebab-case.
    pub name: &'static str,
    /// Short summary.
    pub title: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
}

impl Kind {
    /// A kind of problem.
    pub const fn new(name: &'static str, title: &'static str, status: StatusCode) -> Self {
        Self { name, title, status }
    }

    /// The path does not exist.
    pub const ROUTE_NOT_FOUND: Self = Self::new("RouteNotFound", "Not found", StatusCode::NOT_FOUND);
    /// The path exists, the method does not.
    pub const METHOD_NOT_ALLOWED: Self =
        Self::new("MethodNotAllowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED);
    /// The body is too long or incomplete.
    pub const BODY_TOO_LARGE: Self = Self::new("BodyTooLarge", "Request body too large", StatusCode::PAYLOAD_TOO_LARGE);
    /// The body did not arrive in time.
    pub const BODY_TOO_SLOW: Self = Self::new("BodyTooSlow", "Request timeout", StatusCode::REQUEST_TIMEOUT);
    /// The body is not what the route expects.
    pub const BODY_INVALID: Self = Self::new("BodyInvalid", "Invalid request body", StatusCode::BAD_REQUEST);
    /// The handshake does not offer the WebSocket subprotocol of signaling.
    pub const SUBPROTOCOL_REQUIRED: Self =
        Self::new("SubprotocolRequired", "Subprotocol required", StatusCode::FORBIDDEN);
    /// A mistake of the program; the log has the details.
    pub const INTERNAL: Self = Self::new("Internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR);

    /// Access is denied for this reason.
    pub const fn access_denied(name: &'static str, status: StatusCode) -> Self {
        Self::new(name, "Access denied", status)
    }
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// URI that identifies the problem type.
    r#type: String,
    /// Short summary of the problem type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Explanation of the problem and its remedy.
    detail: String,
    /// Path of the request.
    instance: String,
    /// Reason code, if the meeting is not ready or the client may not join.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Problem {
    /// A problem of this kind. The path of the request is added by [`at`](Self::at), or else by the listener.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("https://convene.dev/problems/{}", kebab_case(kind.name)),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            reason: None,
        }
    }

    /// The same with a reason code for programs.
    #[must_use]
    pub fn with_reason(self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self }
    }

    /// The same for a request of this path, without the query.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self { instance: path.get(..MAX_INSTANCE_BYTES).unwrap_or(path).to_owned(), ..self }
    }

    /// Explanation of the problem and its remedy.
    pub fn into_detail(self) -> String {
        self.detail
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.instance.is_empty() {
            response.extensions_mut().insert(self);
        }
        response
    }
}

/// Completes the response to a request of this path: a problem gets the path, and a method that the router of axum does not
/// know a problem.
pub(crate) fn complete(path: &str, mut response: Response) -> Response {
    let is_bare =
        response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(header::CONTENT_TYPE);
    let found = if is_bare { Some(method_not_allowed(&response)) } else { response.extensions_mut().remove() };
    match found {
        Some(problem) => replaced(&response, problem.at(path)),
        None => response,
    }
}

fn method_not_allowed(response: &Response) -> Problem {
    let allowed = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let methods: Vec<_> = allowed.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    let detail = match methods.split_last() {
        None => "this route does not support the method".to_owned(),
        Some((only, [])) => format!("this route supports only {only}"),
        Some((last, others)) => format!("this route supports only {} and {last}", others.join(", ")),
    };
    Problem::new(Kind::METHOD_NOT_ALLOWED, detail)
}

/// The response with another body, and the headers that its handler has set.
fn replaced(response: &Response, problem: Problem) -> Response {
    let mut replacement = problem.into_response();
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CACHE_CONTROL].contains(name) {
            replacement.headers_mut().append(name.clone(), value.clone());
        }
    }
    replacement
}

fn kebab_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (position, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && position > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn body(response: Response) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_rfc_9457() {
        let response = Problem::new(Kind::ROUTE_NOT_FOUND, "no such route").at("/here").into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let expected = json!({
            "type": "https://convene.dev/problems/route-not-found",
            "title": "Not found",
            "status": 404,
            "detail": "no such route",
            "instance": "/here"
        });
        assert_eq!(body(response).await, expected);
    }

    #[tokio::test]
    async fn the_path_is_added_to_a_problem_without_one_and_headers_stay() {
        let problem = Problem::new(Kind::access_denied("TokenExpired", StatusCode::UNAUTHORIZED), "expired");
        let mut response = problem.with_reason(Some("TokenExpired")).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        let response = complete("/there", response);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(response.headers().get_all(header::CONTENT_TYPE).iter().count(), 1);
        let body = body(response).await;
        assert_eq!((&body["instance"], &body["reason"]), (&json!("/there"), &json!("TokenExpired")));
    }

    #[tokio::test]
    async fn a_method_that_is_not_supported_is_a_problem_that_names_the_others() {
        let cases = [("", "does not support the method"), ("POST", "only POST"), ("GET,HEAD", "only GET and HEAD")];
        for (allowed, expected) in cases {
            let response = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)]).into_response();
            let response = complete("/", response);
            assert_eq!(response.headers()[header::ALLOW], allowed);
            let body = body(response).await;
            assert_eq!(body["type"], "https://convene.dev/problems/method-not-allowed");
            assert!(body["detail"].as_str().unwrap().ends_with(expected), "{body}");
        }
        let own = (StatusCode::METHOD_NOT_ALLOWED, "only POST\n").into_response();
        assert_eq!(to_bytes(complete("/", own).into_body(), 100).await.unwrap(), "only POST\n");
    }

    #[test]
    fn a_very_long_path_is_cut() {
        assert_eq!(Problem::new(Kind::INTERNAL, "").at(&"/".repeat(100_000)).instance.len(), MAX_INSTANCE_BYTES);
    }
}

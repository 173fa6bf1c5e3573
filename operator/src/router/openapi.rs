//! The OpenAPI 3.1 description of the router's API, made from the handlers and their types.
//!
//! It is served at `/api/v1/openapi.json` and committed as `docs/openapi.json`; a test keeps both the same. It serves nothing else.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{api, events, health, problem};

/// Everything that programs may call.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Convene router",
        version = "v1",
        description = "What programs may ask about meetings. Refusals are problem documents (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(api::meeting, events::events, join, document, health::healthz, health::readyz),
    components(schemas(api::MeetingInfo, events::Gone, problem::Problem, JoinRequest, JoinAnswer, IceServer)),
    tags((name = "meetings", description = "Meetings and how to get into them"), (name = "router", description = "The router itself"))
)]
pub struct Document;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Document::openapi().to_pretty_json().expect("a document of constants can be written");
    text.push('\n');
    text
});

/// The document as text.
pub fn text() -> &'static str {
    &TEXT
}

/// `GET /api/v1/openapi.json`.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "router",
    summary = "This document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"))
)]
pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text()).into_response()
}

/// What somebody who joins may ask for.
#[derive(Serialize, ToSchema)]
struct JoinRequest {
    /// Whether signaling may go straight to the media pod.
    #[schema(required = false)]
    direct: bool,
}

/// The way into a meeting.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JoinAnswer {
    /// Address of the WebSocket.
    signaling_url: String,
    /// Goes along as a second subprotocol, `convene.token.TOKEN`.
    token: String,
    /// STUN and TURN servers for the browser.
    ice_servers: Vec<IceServer>,
    /// When the token ends (RFC 3339).
    expires_at: String,
}

/// As in WebRTC's `RTCIceServer`.
#[derive(Serialize, ToSchema)]
struct IceServer {
    /// Addresses.
    urls: Vec<String>,
    #[schema(required = false)]
    username: Option<String>,
    #[schema(required = false)]
    credential: Option<String>,
}

// JOIN: the handler of this route is to carry this description itself, with its own types in place of the three above.
/// `POST /api/v1/meetings/{namespace}/{name}/join`.
#[allow(dead_code, reason = "the description of the route; its handler is elsewhere")]
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{namespace}/{name}/join",
    tag = "meetings",
    summary = "Asks to be let into a meeting",
    description = "With `Authorization: Bearer` and a join token; guests come without.",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    request_body = JoinRequest,
    responses(
        (status = 200, description = "The way in", body = JoinAnswer),
        (status = 400, description = "Not the name of a meeting, or a body that cannot be read", body = problem::Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed, or it cannot be used", body = problem::Problem, content_type = "application/problem+json"),
        (status = 403, description = "The token is for something else", body = problem::Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such meeting", body = problem::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many joins of this address or at this meeting", body = problem::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not ready yet", body = problem::Problem, content_type = "application/problem+json"),
    )
)]
fn join() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        if committed != text() {
            std::fs::write(path, text()).unwrap();
            panic!("docs/openapi.json was not what the code says; it is written anew: look at the difference and commit it");
        }
    }

    #[test]
    fn it_is_version_3_1() {
        let document: serde_json::Value = serde_json::from_str(text()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    }
}

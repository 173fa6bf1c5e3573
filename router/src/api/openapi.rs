//! The `OpenAPI` 3.1 document of the API, generated from the handlers and their types.
//!
//! It is served at `/api/v1/openapi.json` and committed as `docs/openapi.json`; a test keeps both in sync.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::api::{events, join, meetings, probes};
use crate::edge::problem;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Convene router",
        version = "v1",
        description = "State of meetings and access to them. Errors are problem documents (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(meetings::meeting, events::events, join::join, document, probes::healthz, probes::readyz),
    components(schemas(meetings::MeetingInfo, events::GoneEvent, problem::Problem)),
    modifiers(&JoinToken),
    tags((name = "meetings", description = "State of meetings and access to them"), (name = "router", description = "The router itself"))
)]
pub(crate) struct Document;

/// The security scheme of join tokens.
struct JoinToken;

impl Modify for JoinToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A join token"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("joinToken", SecurityScheme::Http(token));
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Document::openapi().to_pretty_json().expect("a document of constants can be written");
    text.push('\n');
    text
});

/// The document as text.
pub(crate) fn text() -> &'static str {
    &TEXT
}

/// `GET /api/v1/openapi.json`.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "router",
    summary = "Get this document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"))
)]
pub(crate) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        if committed != text() {
            std::fs::write(path, text()).unwrap();
            panic!("docs/openapi.json was out of date and has been regenerated: review and commit the difference");
        }
    }

    #[test]
    fn it_is_version_3_1() {
        let document: serde_json::Value = serde_json::from_str(text()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    }
}

//! `GET /healthz` and `GET /readyz`: whether this process is alive, and whether it is ready for traffic.
//!
//! What readiness means is decided in [`health`](crate::health).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::state::App;

/// `GET /healthz`.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "router",
    summary = "Whether this process turns",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`; the body says what is missing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "router",
    summary = "Whether this replica may take traffic",
    responses(
        (status = 200, description = "It may", body = String, content_type = "text/plain"),
        (status = 503, description = "What is missing", body = String, content_type = "text/plain"),
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    if let Some(problem) = app.readiness.log_problem() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response();
    }
    let missing = app.readiness.missing();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", missing.join(", "))).into_response()
}

//! `GET /healthz` and `GET /readyz`: whether this process is alive, and whether it is ready for traffic.
//!
//! What readiness means is decided in [`health`](crate::health).

use axum::extract::State;
use axum::response::Response;
use convene_service::http::health::{ALIVE, readiness};

use crate::state::App;

/// `GET /healthz`.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "router",
    summary = "Liveness probe",
    responses((status = 200, description = "The process is alive", body = String, content_type = "text/plain"))
)]
pub(crate) async fn healthz() -> &'static str {
    ALIVE
}

/// `GET /readyz`; the body says why the replica is not ready.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "router",
    summary = "Readiness probe",
    responses(
        (status = 200, description = "The replica is ready for traffic", body = String, content_type = "text/plain"),
        (status = 503, description = "The replica is not ready; the body says why", body = String, content_type = "text/plain"),
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    readiness(app.readiness.problem().as_deref())
}

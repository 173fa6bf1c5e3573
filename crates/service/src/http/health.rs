//! The responses of `/healthz` and `/readyz`. What readiness means is decided in each program.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The response of `/healthz`: the process responds.
pub const ALIVE: &str = "ok\n";

/// `/readyz`: whether the program may have traffic; if not, the body says what is missing.
pub fn readiness(missing: Option<&str>) -> Response {
    match missing {
        None => ALIVE.into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")).into_response(),
    }
}

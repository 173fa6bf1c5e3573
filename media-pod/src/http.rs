//! What the HTTP handlers share: the state, tokens, problems. No routes.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use convene_protocol::admission::KeySet;
use serde_json::json;

use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::sfu::workers::Workers;
use crate::signaling::ClientLimits;

/// What every handler may use.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The rooms.
    pub rooms: Arc<Rooms>,
    /// The workers under them.
    pub workers: Arc<Workers>,
    /// Who is trusted; `None` trusts everybody (--dev).
    pub keys: Option<Arc<KeySet>>,
    /// What one client may send.
    pub client_limits: ClientLimits,
    /// The metrics.
    pub metrics: Metrics,
    /// When the process was ready.
    pub started: Instant,
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An `application/problem+json` answer (RFC 9457).
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here")
}

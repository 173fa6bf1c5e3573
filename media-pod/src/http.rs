//! What the HTTP handlers share: the state, admissions, problems. No routes.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use convene_protocol::admission::{KeySet, MeetingGrant};
use serde_json::json;

use crate::dev;
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

/// Why somebody is not let in.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
}

impl Denied {
    /// As those are told who read JSON.
    pub(crate) fn to_problem(&self) -> Response {
        problem(self.status, &self.detail)
    }
}

/// The grant for a meeting, by the token that a request shows. Where everybody is trusted none is needed.
pub(crate) fn admission(
    state: &AppState,
    headers: &HeaderMap,
    namespace: &str,
    name: &str,
) -> Result<MeetingGrant, Denied> {
    let Some(keys) = &state.keys else { return dev::grant(&state.rooms.settings().limits, namespace, name) };
    match keys.verify_admission(bearer(headers), unix_now()) {
        Ok(grant) if grant.namespace == namespace && grant.name == name => Ok(grant),
        Ok(_) => Err(Denied { status: StatusCode::FORBIDDEN, detail: "the admission is for another meeting".into() }),
        Err(error) => {
            state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
            tracing::warn!(reason = error.reason(), namespace, name, "admission refused");
            Err(Denied { status: StatusCode::UNAUTHORIZED, detail: error.to_string() })
        }
    }
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

//! What the HTTP handlers share: the state and problems. No routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use convene_service::log::LogHealth;

use crate::admin::probe::ProbePlaces;
use crate::guest::GuestKey;
use crate::keys::TrustedKeys;
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::sfu::workers::Workers;
use crate::signaling::ClientLimits;
use crate::signaling::sessions::Sessions;
use crate::spent::SpentAdmissions;

/// Time for the body of a request to come.
pub(crate) const BODY_LIMIT: Duration = Duration::from_secs(10);

/// What the edge of the process goes by.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The log, which readiness and metrics tell of.
    pub log: LogHealth,
    /// Signs the cookies of guests where there are no admissions.
    pub guests: GuestKey,
    /// Whether moderators may use the switches that are for tests: `consumerReplicas`, `usePipeTransports`.
    pub allow_test_switches: bool,
}

impl Default for Edge {
    fn default() -> Self {
        Self { log: LogHealth::default(), guests: GuestKey::random(), allow_test_switches: false }
    }
}

/// What every handler may use.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The rooms.
    pub rooms: Arc<Rooms>,
    /// The workers under them.
    pub workers: Arc<Workers>,
    /// Who is trusted; `None` trusts everybody (--dev).
    pub keys: Option<TrustedKeys>,
    /// Admissions that have opened their socket.
    pub spent: Arc<SpentAdmissions>,
    /// Sessions of signaling that outlive their sockets.
    pub sessions: Arc<Sessions>,
    /// Places for probes of whether the pod is reached.
    pub probes: ProbePlaces,
    /// What one client may send.
    pub client_limits: ClientLimits,
    /// The metrics.
    pub metrics: Metrics,
    /// What the edge goes by.
    pub edge: Edge,
    /// When the process was ready.
    pub started: Instant,
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

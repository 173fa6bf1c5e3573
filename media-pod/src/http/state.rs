//! The state that handlers share. No logic.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use convene_service::log::LogHealth;

use super::probe_limiter::ProbeLimiter;
use crate::access::guest::{GuestKey, Visitor};
use crate::access::keys::TrustedKeys;
use crate::access::replay::ReplayGuard;
use crate::lent::Lent;
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::sfu::workers::Workers;
use crate::signaling::limits::ClientLimits;
use crate::signaling::sessions::Sessions;

/// Options that only handlers use.
#[derive(Clone, Debug)]
pub struct HandlerOptions {
    /// The state of the log, for readiness.
    pub log: LogHealth,
    /// Signs the cookies of guests without admissions.
    pub guests: GuestKey,
    /// Whether moderators may use the test switches `consumerReplicas` and `usePipeTransports`.
    pub allow_test_switches: bool,
    /// The uid of the Pod object, to which the tokens of moves are bound.
    pub pod_uid: Option<String>,
}

impl Default for HandlerOptions {
    fn default() -> Self {
        Self { log: LogHealth::default(), guests: GuestKey::random(), allow_test_switches: false, pod_uid: None }
    }
}

/// The state that handlers share.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The rooms.
    pub rooms: Arc<Rooms>,
    /// The media workers.
    pub workers: Arc<Workers>,
    /// Keys of trusted token issuers; `None` trusts everyone (--dev).
    pub keys: Option<TrustedKeys>,
    /// Admissions already used.
    pub replay: Arc<ReplayGuard>,
    /// Signaling sessions that survive their sockets.
    pub sessions: Arc<Sessions>,
    /// The lender of media workers to rooms of other pods; `None` if the pod lends none.
    pub lent: Option<Arc<Lent>>,
    /// Limits probes of the announced addresses.
    pub probes: ProbeLimiter,
    /// Limits on what one client may send.
    pub client_limits: ClientLimits,
    /// The metrics.
    pub metrics: Metrics,
    /// Options that only handlers use.
    pub options: HandlerOptions,
    /// When the pod became ready.
    pub started: Instant,
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(&state.options.guests, &parts.headers, &parts.extensions))
    }
}

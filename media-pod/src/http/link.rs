//! The listener for links of other media pods: a ticket of the operator opens one WebSocket. It runs no operation.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use convene_protocol::admission::LinkGrant;
use convene_service::clock::unix_now;
use convene_service::http::health::ALIVE;
use convene_service::http::problem::{Kind, Problem};

use super::admission::bearer;
use super::problem::not_found;
use super::state::AppState;
use crate::lent::{Borrower, Lease, serve};
use crate::link::frames::{LINK_PATH, MAX_FRAME_BYTES};

/// The routes of the listener for links.
pub fn link_router(state: AppState) -> Router {
    Router::new().route("/healthz", get(ALIVE)).route(LINK_PATH, get(open)).fallback(not_found).with_state(state)
}

async fn open(State(state): State<AppState>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let lease = match admit(&state, &headers) {
        Ok(lease) => lease,
        Err(problem) => return problem.into_response(),
    };
    let borrower = Borrower {
        workers: Arc::clone(&state.workers),
        rooms: Arc::clone(&state.rooms),
        settings: state.rooms.defaults().media,
        metrics: state.metrics.clone(),
    };
    let upgrade = upgrade.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES);
    upgrade.on_upgrade(move |socket| serve(socket, lease, borrower))
}

fn admit(state: &AppState, headers: &HeaderMap) -> Result<Lease, Problem> {
    let (Some(keys), Some(pod), Some(lent)) = (&state.keys, &state.options.pod_uid, &state.lent) else {
        return Err(refused(state, "NotLent", StatusCode::FORBIDDEN, "this pod lends nothing".into()));
    };
    let now = unix_now();
    let (grant, end): (LinkGrant, u64) = keys
        .get()
        .verify_link(bearer(headers), pod, now)
        .map_err(|error| refused(state, error.reason(), StatusCode::UNAUTHORIZED, error.to_string()))?;
    if state.rooms.is_draining() {
        let detail = "this pod is draining".into();
        return Err(refused(state, "Draining", StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    lent.lend(&grant, end, now).map_err(|error| refused(state, error.reason(), StatusCode::CONFLICT, error.to_string()))
}

fn refused(state: &AppState, reason: &'static str, status: StatusCode, detail: String) -> Problem {
    tracing::warn!(reason, "a link of another media pod was refused");
    state.metrics.links.with_label_values(&["in", reason]).inc();
    Problem::new(Kind::access_denied(reason, status), detail)
}

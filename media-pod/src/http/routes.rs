//! Assembles the routes of each listener from the endpoints. It handles no request beyond that.

use std::path::Path as FilePath;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use convene_service::http::health::ALIVE;

use super::admission::admission;
use super::health::{metrics, readyz};
use super::problem::not_found;
use super::signal::open;
use super::state::AppState;
use super::{admin, broadcast, standalone};
use crate::access::guest::Visitor;
use crate::signaling::query::SignalQuery;

/// The routes for clients and the operator. `web_dir` is served by a standalone pod (--dev).
pub fn router(state: AppState, web_dir: Option<&FilePath>) -> Router {
    let common = Router::new()
        .route("/healthz", get(ALIVE))
        .route("/readyz", get(readyz))
        .route("/signal/{namespace}/{name}", get(signal_in_namespace));
    let common = broadcast::add_routes(admin::add_routes(common, &state));
    match web_dir {
        Some(web_dir) => standalone::add_routes(common, &state, web_dir).with_state(state),
        None => common.fallback(not_found).with_state(state),
    }
}

/// The routes of the metrics listener.
pub fn metrics_router(state: AppState) -> Router {
    Router::new().route("/healthz", get(ALIVE)).route("/metrics", get(metrics)).fallback(not_found).with_state(state)
}

async fn signal_in_namespace(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<SignalQuery>,
    headers: HeaderMap,
    visitor: Visitor,
    upgrade: WebSocketUpgrade,
) -> Response {
    match admission(&state, &headers, &visitor, &namespace, &name) {
        Ok(admitted) => open(state, admitted, query, upgrade).await,
        Err(error) => error.into_response(),
    }
}

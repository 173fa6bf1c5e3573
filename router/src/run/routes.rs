//! The routing tables of the public listeners and of the metrics listener.
//!
//! They can be called without sockets, which tests do. The demo listener has its own table, in [`demo`](crate::signal::demo).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use convene_service::metrics;
use tower_http::compression::CompressionLayer;

use crate::api::{events, join, meetings, openapi, pages, probes};
use crate::edge::problem::ApiError;
use crate::edge::{guard, request_scope};
use crate::signal::proxy;
use crate::state::App;

/// The table of routes.
pub(crate) fn public(app: App) -> Router {
    // Only long responses without secrets are compressed: compressing credentials together with attacker-chosen text can leak them.
    let compressed = Router::new()
        .route("/", get(pages::front))
        .route("/m/{namespace}/{name}", get(pages::meeting))
        .route("/api/v1/openapi.json", get(openapi::document).options(method_not_allowed))
        .fallback(pages::other)
        .layer(CompressionLayer::new());
    let join = post(join::join).options(method_not_allowed).fallback(join::only_post);
    Router::new()
        .route("/api/v1/meetings/{namespace}/{name}", get(meetings::meeting).options(method_not_allowed))
        .route("/api/v1/meetings/{namespace}/{name}/events", get(events::events).options(method_not_allowed))
        .route("/api/v1/meetings/{namespace}/{name}/join", join)
        .route("/signal/{namespace}/{name}", get(proxy::signal))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .merge(compressed)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app.edge), guard::guard))
        .with_state(app)
}

async fn method_not_allowed(request: Request) -> Response {
    ApiError::MethodNotAllowed.into_problem(request.uri().path())
}

/// The routes of the metrics listener.
pub(crate) fn metrics(app: App) -> Router {
    Router::new()
        .route("/metrics", get(serve_metrics).layer(CompressionLayer::new()))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .fallback(nothing)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app.edge), request_scope::observe))
        .with_state(app)
}

/// `GET /metrics`.
async fn serve_metrics(State(app): State<App>) -> Response {
    metrics::response(app.metrics.render())
}

async fn nothing(request: Request) -> Response {
    ApiError::RouteNotFound.into_problem(request.uri().path())
}

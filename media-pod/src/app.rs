//! The pod's HTTP side: signaling, health, statistics, the admin API, and with --dev the web app. Metrics have a listener of their own.
//!
//! [`router`] builds it from its state; nothing here decides about rooms.

use std::path::Path as FilePath;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::Service;

use crate::admin;
use crate::admission::admission;
use crate::broadcast;
use crate::dev;
use crate::guest::Visitor;
use crate::http::{AppState, not_found};
use crate::signaling::enter::{SignalQuery, open};

/// Every route of the pod. `web_dir` is served with --dev only.
pub fn router(state: AppState, web_dir: Option<&FilePath>) -> Router {
    let common = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/signal/{namespace}/{name}", get(signal_in_namespace));
    let common = broadcast::add_routes(admin::add_routes(common, &state));
    match web_dir {
        Some(web_dir) => dev::add_routes(common, &state, web_dir).with_state(state),
        None => common.fallback(not_found).with_state(state),
    }
}

/// The routes of the listener for metrics, which only those reach who may read them.
pub fn metrics_router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .with_state(state)
}

/// What is served from the first moment on: alive, not ready, until [`Door::open`] gives the real routes.
#[derive(Clone, Debug, Default)]
pub struct Door(Arc<OnceLock<Router>>);

impl Door {
    /// The routes, whatever they are at the time of a request. `missing` is what the pod waits for.
    pub fn router(&self, missing: &'static str) -> Router {
        let door = self.clone();
        Router::new().fallback(move |request: Request| {
            let routes = door.0.get().cloned();
            async move {
                match routes {
                    // Routers are always ready and never fail.
                    Some(mut routes) => routes.call(request).await.into_response(),
                    None => waiting(request.uri().path(), missing),
                }
            }
        })
    }

    /// From now on these are the routes.
    pub fn open(&self, router: Router) {
        let _ = self.0.set(router);
    }
}

fn waiting(path: &str, missing: &str) -> Response {
    match path {
        "/healthz" => "ok\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")).into_response(),
    }
}

async fn ready(State(state): State<AppState>) -> Response {
    let missing = if state.rooms.is_ending() {
        Some("shutting down")
    } else if state.rooms.is_draining() {
        Some("draining")
    } else if state.workers.alive() == 0 {
        Some("no media worker is running")
    } else {
        state.edge.log.problem()
    };
    match missing {
        None => "ok\n".into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")).into_response(),
    }
}

pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    for (index, worker) in state.workers.report().into_iter().enumerate() {
        state.metrics.worker_cpu(index, worker.cpu_seconds.unwrap_or_default());
    }
    state.metrics.queued_bytes.set(i64::try_from(state.rooms.budget().used()).unwrap_or(i64::MAX));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.metrics.render()).into_response()
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
        Err(denied) => denied.to_problem(),
    }
}

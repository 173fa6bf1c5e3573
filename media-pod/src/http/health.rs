//! Health checks and metrics. They change nothing but sampled gauges.

use axum::extract::State;
use axum::response::Response;
use convene_service::http::health::readiness;
use convene_service::metrics::response;

use super::state::AppState;

/// `/readyz`: whether the pod accepts participants; the body says what is missing.
pub(super) async fn readyz(State(state): State<AppState>) -> Response {
    let missing = if state.rooms.is_ending() {
        Some("shutting down")
    } else if state.rooms.is_draining() {
        Some("draining")
    } else if state.workers.alive() == 0 {
        Some("no media worker is running")
    } else {
        state.options.log.problem()
    };
    readiness(missing)
}

/// `/metrics`, in Prometheus' text exposition format.
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    for (index, worker) in state.workers.report().into_iter().enumerate() {
        state.metrics.worker_cpu(index, worker.cpu_seconds.unwrap_or_default());
    }
    state.workers.count_drops();
    state.metrics.queued_bytes.set(i64::try_from(state.rooms.quota().used()).unwrap_or(i64::MAX));
    response(state.metrics.render())
}

//! The HTTP endpoints for health and metrics.
//!
//! Liveness means that this process runs: no remote service is queried. Readiness names what is missing.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use convene_service::{
    http::{
        health::{ALIVE, readiness},
        limiter::ConnectionLimiter,
        listener::{self, Server, Settings},
        problem::{Kind, Problem},
    },
    log::LogHealth,
    metrics,
};
use prometheus::Registry;

/// Connections of probes and scrapes.
const MAX_CONNECTIONS: usize = 64;
/// Time for running requests to end at shutdown.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// The steps that must be complete before the operator is ready. A standby is ready too: it has nothing to do.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    is_standby: AtomicBool,
    leads: AtomicBool,
    keys: AtomicBool,
    caches: AtomicBool,
}

impl Readiness {
    /// Another replica is the leader.
    pub(crate) fn stands_by(&self) {
        self.is_standby.store(true, Ordering::Relaxed);
    }

    /// This replica is the leader.
    pub(crate) fn leads(&self) {
        self.leads.store(true, Ordering::Relaxed);
        self.is_standby.store(false, Ordering::Relaxed);
    }

    /// The admission keys are in place.
    pub(crate) fn keys_are_ready(&self) {
        self.keys.store(true, Ordering::Relaxed);
    }

    /// Every kind was listed once.
    pub(crate) fn caches_are_ready(&self) {
        self.caches.store(true, Ordering::Relaxed);
    }

    /// Whether another replica is the leader.
    pub(crate) fn is_standby(&self) -> bool {
        self.is_standby.load(Ordering::Relaxed)
    }

    /// The step that is missing before this replica acts as the leader.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let parts = [
            (&self.leads, "the lease"),
            (&self.keys, "the admission keys"),
            (&self.caches, "the first full list of meetings, pools and pods"),
        ];
        parts.into_iter().filter(|(flag, _)| !flag.load(Ordering::Relaxed)).map(|(_, name)| name).collect()
    }
}

#[derive(Clone)]
struct Health {
    readiness: Arc<Readiness>,
    log: LogHealth,
    registry: Registry,
}

/// The routes `/healthz`, `/readyz` and `/metrics`.
pub(crate) fn build_health_app(readiness: Arc<Readiness>, log: LogHealth, registry: Registry) -> Router {
    Router::new()
        .route("/healthz", get(ALIVE))
        .route("/readyz", get(answer_readiness))
        .route("/metrics", get(answer_metrics))
        .fallback(async || Problem::new(Kind::ROUTE_NOT_FOUND, "no such route"))
        .with_state(Health { readiness, log, registry })
}

/// Serves `app` until `stop` completes.
pub(crate) async fn serve(listen: SocketAddr, app: Router, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let listener = listener::bind(listen)?;
    let server = Server::new(Arc::new(ConnectionLimiter::in_total(MAX_CONNECTIONS)), Settings::default());
    // A replica whose run is aborted must not report any longer that it leads.
    let _guard = server.stop_on_drop();
    server.serve(listener, app);
    stop.await;
    server.shut_down(LAST_REQUESTS).await;
    Ok(())
}

async fn answer_readiness(State(health): State<Health>) -> Response {
    if let Some(problem) = health.log.problem() {
        return readiness(Some(problem));
    }
    if health.readiness.is_standby() {
        return "standby\n".into_response();
    }
    let missing = health.readiness.missing();
    let text = (!missing.is_empty()).then(|| format!("waiting for {}", missing.join(" and ")));
    readiness(text.as_deref())
}

async fn answer_metrics(State(health): State<Health>) -> Response {
    metrics::response(metrics::render(&health.registry))
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::StatusCode};

    use super::*;

    async fn ask(readiness: &Arc<Readiness>) -> (StatusCode, String) {
        let log = LogHealth::default();
        let health = Health { readiness: Arc::clone(readiness), log, registry: Registry::new() };
        let response = answer_readiness(State(health)).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_says_what_is_missing() {
        let readiness = Arc::new(Readiness::default());
        assert_eq!(readiness.missing().len(), 3);
        readiness.leads();
        readiness.keys_are_ready();
        let (status, body) = ask(&readiness).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "not ready: waiting for the first full list of meetings, pools and pods\n");
        readiness.caches_are_ready();
        assert_eq!(ask(&readiness).await, (StatusCode::OK, "ok\n".to_owned()));
    }

    #[tokio::test]
    async fn one_that_stands_by_is_ready_until_it_has_to_act() {
        let readiness = Arc::new(Readiness::default());
        readiness.stands_by();
        assert_eq!(ask(&readiness).await, (StatusCode::OK, "standby\n".to_owned()));
        readiness.leads();
        assert_eq!(ask(&readiness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}

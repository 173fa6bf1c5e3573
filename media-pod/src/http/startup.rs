//! What a listener serves while the pod starts: alive, but not ready. It knows no route except health checks.
//!
//! Only media pods need it: the other programs serve their routes from the start, and readiness says what they wait for.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use convene_service::http::health::{ALIVE, readiness};
use tower::Service;

/// Answers from the start; passes requests to the actual routes once [`StartupGate::open`] was called.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartupGate(Arc<OnceLock<Router>>);

impl StartupGate {
    /// The routes to serve. `missing` is what the pod is waiting for, reported by `/readyz`.
    pub(crate) fn router(&self, missing: &'static str) -> Router {
        let gate = self.clone();
        Router::new().fallback(move |request: Request| {
            let routes = gate.0.get().cloned();
            async move {
                match routes {
                    // Routers are always ready and never fail.
                    Some(mut routes) => routes.call(request).await.into_response(),
                    None => not_ready(request.uri().path(), missing),
                }
            }
        })
    }

    /// Sets the real routes.
    pub(crate) fn open(&self, router: Router) {
        let _ = self.0.set(router);
    }
}

fn not_ready(path: &str, missing: &str) -> Response {
    match path {
        "/healthz" => ALIVE.into_response(),
        _ => readiness(Some(missing)),
    }
}

//! Opening probes for one who asks, and closing them when their time is up. What a probe is, [`crate::sfu::probe`] knows.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use convene_protocol::admin::ProbeTargets;
use tokio::sync::Semaphore;

use crate::http::{AppState, problem};
use crate::sfu::probe::Probe;

/// How long a probe is open.
const OPEN_SECONDS: u64 = 20;
/// Probes that are open at the same time.
const MOST: usize = 2;

/// The places for open probes; clones share them.
#[derive(Clone, Debug)]
pub struct ProbePlaces(Arc<Semaphore>);

impl Default for ProbePlaces {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

pub(super) async fn open(State(state): State<AppState>) -> Response {
    let Ok(place) = Arc::clone(&state.probes.0).try_acquire_owned() else {
        return problem(StatusCode::TOO_MANY_REQUESTS, "2 probes are open already: come back in 20 seconds");
    };
    match Probe::open(&state.workers).await {
        Ok(probe) => {
            let targets = ProbeTargets { seconds: OPEN_SECONDS, targets: probe.targets.clone() };
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(OPEN_SECONDS)).await;
                drop((probe, place));
            });
            Json(targets).into_response()
        }
        Err(error) => {
            tracing::warn!(reason = error.reason(), %error, "cannot open a probe");
            problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

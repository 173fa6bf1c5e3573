//! Opens probes on request and closes them when they expire. [`crate::sfu::probe`] implements the probe itself.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use convene_protocol::admin::ProbeTargets;
use convene_service::http::problem::{Kind, Problem};

use crate::http::problem::TOO_MANY_PROBES;
use crate::http::state::AppState;
use crate::sfu::probe::Probe;

/// How long a probe is open.
const OPEN_SECONDS: u64 = 20;

pub(super) async fn open(State(state): State<AppState>) -> Response {
    let Some(permit) = state.probes.acquire() else {
        return Problem::new(TOO_MANY_PROBES, "2 probes are already open: try again in 20 seconds").into_response();
    };
    match Probe::open(&state.workers).await {
        Ok(probe) => {
            let targets = ProbeTargets { seconds: OPEN_SECONDS, targets: probe.targets.clone() };
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(OPEN_SECONDS)).await;
                drop((probe, permit));
            });
            Json(targets).into_response()
        }
        Err(error) => {
            tracing::warn!(reason = error.reason(), %error, "could not open a probe");
            let kind = Kind::new(error.reason(), "Could not open a probe", StatusCode::SERVICE_UNAVAILABLE);
            Problem::new(kind, error.to_string()).into_response()
        }
    }
}

//! The pod's HTTP side: signaling, health, metrics, statistics, the admin API, and with --dev the web app.
//!
//! [`router`] builds it from its state; nothing here decides about rooms.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use convene_protocol::admission::{KeySet, MeetingGrant};
use convene_protocol::frame::SUBPROTOCOL;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin;
use crate::dev;
use crate::metrics::Metrics;
use crate::rooms::{EnterError, Rooms};
use crate::sfu::workers::{MEDIASOUP_VERSION, Workers};
use crate::shell::RoomHandle;
use crate::signaling::{self, HARD_LIMIT_BYTES};

/// What every handler may use.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The rooms.
    pub rooms: Arc<Rooms>,
    /// The workers under them.
    pub workers: Arc<Workers>,
    /// Who is trusted; `None` trusts everybody (--dev).
    pub keys: Option<Arc<KeySet>>,
    /// The metrics.
    pub metrics: Metrics,
    /// When the process was ready.
    pub started: Instant,
}

/// Every route of the pod. `web_dir` is served with --dev only.
pub fn router(state: AppState, web_dir: Option<&std::path::Path>) -> Router {
    let common = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats))
        .route("/signal/{namespace}/{name}", get(signal_in_namespace))
        .route("/admin/v1/rooms", get(admin::list_rooms))
        .route("/admin/v1/rooms/{namespace}/{name}", delete(admin::end_room));
    match web_dir {
        Some(web_dir) => dev::add_routes(common, web_dir).with_state(state),
        None => common.fallback(not_found).with_state(state),
    }
}

/// The routes of a pod that still waits for `missing`: alive, not ready.
pub fn waiting(missing: &'static str) -> Router {
    let not_ready = move || async move { (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")) };
    Router::new().route("/healthz", get(|| async { "ok\n" })).fallback(not_ready)
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An `application/problem+json` answer (RFC 9457).
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here")
}

async fn ready(State(state): State<AppState>) -> Response {
    let missing = if state.rooms.is_draining() {
        Some("shutting down")
    } else if state.workers.alive() == 0 {
        Some("no media worker is running")
    } else {
        None
    };
    match missing {
        None => "ok\n".into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")).into_response(),
    }
}

async fn metrics(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.metrics.render()).into_response()
}

async fn stats(State(state): State<AppState>) -> Json<Value> {
    let list = state.rooms.list().await;
    let report = state.workers.report();
    let metrics = &state.metrics;
    Json(json!({
        "mediasoupVersion": MEDIASOUP_VERSION,
        "uptimeSeconds": state.started.elapsed().as_secs(),
        "draining": list.draining,
        "workers": state.workers.alive(),
        "routers": metrics.rooms.get(),
        "rooms": list.rooms.len(),
        "connections": metrics.connections.get(),
        "participants": metrics.participants.get(),
        "transports": metrics.count("transport"),
        "producers": metrics.count("producer"),
        "consumers": metrics.count("consumer"),
        "workerList": report,
        "roomList": list.rooms,
    }))
}

/// Query of the signaling address, as the mediasoup demo has it. More keys are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct SignalQuery {
    #[serde(rename = "peerId", default)]
    peer_id: String,
}

async fn signal_in_namespace(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<SignalQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let grant = match &state.keys {
        None => dev::grant(&namespace, &name),
        Some(keys) => match keys.verify_admission(bearer(&headers), unix_now()) {
            Ok(grant) if grant.namespace == namespace && grant.name == name => Ok(grant),
            Ok(_) => Err(Box::new(problem(StatusCode::FORBIDDEN, "the admission is for another meeting"))),
            Err(error) => {
                state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
                tracing::warn!(reason = error.reason(), namespace, name, "admission refused");
                Err(Box::new(problem(StatusCode::UNAUTHORIZED, &error.to_string())))
            }
        },
    };
    match grant {
        Ok(grant) => open(state, grant, query, upgrade).await,
        Err(refusal) => *refusal,
    }
}

/// Upgrades the request and serves the client in its room.
pub(crate) async fn open(
    state: AppState,
    grant: MeetingGrant,
    query: SignalQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(peer) = signaling::peer_id(&query.peer_id) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "peerId is missing or not 1 to 64 letters, digits, '-', '_', '.', '@' or ':'",
        );
    };
    let upgrade = upgrade.max_message_size(HARD_LIMIT_BYTES).max_frame_size(HARD_LIMIT_BYTES).protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return problem(StatusCode::FORBIDDEN, "the WebSocket subprotocol must be protoo");
    }
    let entered = state.rooms.enter(&grant).await;
    let outcome = entered.as_ref().map_or_else(EnterError::reason, |_| "Opened");
    state.metrics.connection_attempts.with_label_values(&[outcome]).inc();
    match entered {
        Ok(room) => upgrade.on_upgrade(move |socket| serve(state, socket, room, peer)),
        Err(error) => {
            tracing::warn!(reason = error.reason(), %error, "cannot let a client in");
            upgrade.on_upgrade(|socket| {
                signaling::refuse(socket, true, "this media pod takes nobody now: please come back")
            })
        }
    }
}

async fn serve(state: AppState, socket: axum::extract::ws::WebSocket, room: RoomHandle, peer: crate::room::PeerId) {
    let connection = state.rooms.connection_id();
    tracing::info!(connection = connection.0, "client connected");
    signaling::serve(socket, room, connection, peer, state.metrics).await;
    tracing::info!(connection = connection.0, "client gone");
}

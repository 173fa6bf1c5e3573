//! The admin API, for the operator: which rooms there are, changing and ending them, removing people, draining,
//! probes, and the statistics. Everything needs an admin token, or without keys (--dev) has to come from this machine.

pub mod probe;
mod update;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use convene_protocol::admin::{
    DRAIN_PATH, EndReason, EndRoomQuery, PROBE_PATH, ROOMS_PATH, RemoveQuery, RoomListQuery,
};
use tokio::time::timeout;

use crate::admission::{bearer, unix_now};
use crate::guard::is_from_here;
use crate::http::{AppState, BODY_LIMIT, Denied, problem};
use crate::room::{End, PeerId};
use crate::rooms::RoomKey;
use crate::shell::Input;
use crate::stats::stats;

/// Longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 96 * 1024;

/// Adds the routes, behind their token.
pub(crate) fn add_routes(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let admin = Router::new()
        .route(ROOMS_PATH, get(list_rooms))
        .route("/admin/v1/rooms/{namespace}/{name}", patch(update_room).delete(end_room))
        .route("/admin/v1/rooms/{namespace}/{name}/participants/{id}", delete(remove_participant))
        .route("/admin/v1/rooms/{namespace}/{name}/panic", post(panic_room))
        .route(DRAIN_PATH, put(drain).delete(stop_draining))
        .route(PROBE_PATH, post(probe::open))
        .route("/stats", get(stats));
    router.merge(protected(admin, state))
}

/// These routes, for the operator alone.
pub(crate) fn protected(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    routes.route_layer(from_fn_with_state(state.clone(), check))
}

/// Before anything else of the request is read.
async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match may_administer(&state, &request) {
        Ok(()) => next.run(request).await,
        Err(denied) => denied.to_problem(),
    }
}

fn may_administer(state: &AppState, request: &Request) -> Result<(), Denied> {
    let Some(keys) = &state.keys else {
        let detail = "without admission keys this is for the pod's own machine: ask localhost".to_owned();
        let is_near = is_from_here(request.headers(), request.extensions());
        return if is_near { Ok(()) } else { Err(Denied { status: StatusCode::FORBIDDEN, detail }) };
    };
    keys.get().verify_admin(bearer(request.headers()), unix_now()).map_err(|error| {
        tracing::warn!(reason = error.reason(), "admin request refused");
        Denied { status: StatusCode::UNAUTHORIZED, detail: error.to_string() }
    })
}

/// At once, or when there is news for who knows a version already.
async fn list_rooms(State(state): State<AppState>, Query(query): Query<RoomListQuery>) -> Response {
    state.rooms.wait_for_news(query).await;
    Json(state.rooms.list().await).into_response()
}

async fn update_room(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    body: Body,
) -> Response {
    let update = match read(body).await.and_then(|body| Ok(update::read(&body)?)) {
        Ok(update) => update,
        Err(denied) => return denied.to_problem(),
    };
    let key = RoomKey { namespace, name };
    let is_found = state.rooms.update(&key, update).await;
    answer(is_found, "there is no such room", || {
        tracing::info!(namespace = key.namespace, name = key.name, "room changed by request");
    })
}

async fn read(body: Body) -> Result<Vec<u8>, Denied> {
    let denied = |status, detail: &str| Denied { status, detail: detail.to_owned() };
    match timeout(BODY_LIMIT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => {
            Err(denied(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 98304 bytes, or it broke off"))
        }
        Err(_) => Err(denied(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

async fn end_room(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<EndRoomQuery>,
) -> Response {
    let end = match query.reason {
        EndReason::Ended => End::Over,
        EndReason::Moved => End::Moved,
    };
    let key = RoomKey { namespace, name };
    let is_found = state.rooms.end(&key, query.uid.as_deref(), end).await;
    answer(is_found, "there is no such room", || {
        tracing::info!(namespace = key.namespace, name = key.name, reason = ?query.reason, "room ended by request");
    })
}

async fn remove_participant(
    State(state): State<AppState>,
    Path((namespace, name, id)): Path<(String, String, String)>,
    Query(query): Query<RemoveQuery>,
) -> Response {
    let key = RoomKey { namespace, name };
    let is_found = state.rooms.remove(&key, query.uid.as_deref(), PeerId(id)).await;
    answer(is_found, "there is no such participant in such a room", || {
        tracing::info!(namespace = key.namespace, name = key.name, "participant removed by request");
    })
}

/// For tests of what a panic does, where the pod allows its test switches.
async fn panic_room(State(state): State<AppState>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let room = state.rooms.find(&RoomKey { namespace, name }).await.filter(|_| state.edge.allow_test_switches);
    let is_found = match room {
        Some(room) => room.send(Input::Panic).await,
        None => false,
    };
    answer(is_found, "there is no such room, or the pod is not for tests", || {})
}

async fn drain(State(state): State<AppState>) -> StatusCode {
    state.rooms.set_draining(true);
    StatusCode::NO_CONTENT
}

async fn stop_draining(State(state): State<AppState>) -> StatusCode {
    state.rooms.set_draining(false);
    StatusCode::NO_CONTENT
}

fn answer(is_found: bool, missing: &str, note: impl FnOnce()) -> Response {
    if is_found {
        note();
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(StatusCode::NOT_FOUND, missing)
    }
}

//! The admin API, for the operator: listing, updating, moving and ending rooms, removing participants, draining, probes, and statistics. Every
//! request needs an admin token, or without keys (--dev) must come from this machine.

mod moves;
mod probe;
mod sites;
mod update;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use convene_protocol::admin::{
    DRAIN_PATH, EndReason, EndRoomQuery, PROBE_PATH, ROOMS_PATH, RemoveQuery, RoomList, RoomListQuery, RoomUpdate,
};
use convene_service::clock::unix_now;
use convene_service::http::body;
use convene_service::http::problem::{Kind, Problem};

use super::admission::bearer;
use super::problem::ROOM_NOT_FOUND;
use super::state::AppState;
use super::stats::stats;
use crate::access::edge::is_local_request;
use crate::actor::input::Input;
use crate::room::{End, PeerId};
use crate::rooms::key::RoomKey;

/// Longest request body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 96 * 1024;

/// Adds the routes, protected by the admin token.
pub(crate) fn add_routes(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let admin = Router::new()
        .route(ROOMS_PATH, get(list_rooms))
        .route("/admin/v1/rooms/{namespace}/{name}", patch(update_room).delete(end_room))
        .route("/admin/v1/rooms/{namespace}/{name}/participants/{id}", delete(remove_participant))
        .route("/admin/v1/rooms/{namespace}/{name}/panic", post(panic_room))
        .route(DRAIN_PATH, put(drain).delete(stop_draining))
        .route(PROBE_PATH, post(probe::open))
        .route("/stats", get(stats));
    moves::add_routes(router.merge(protected(admin, state)), state)
}

/// Protects routes by the admin token.
pub(crate) fn protected(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    routes.route_layer(from_fn_with_state(state.clone(), check))
}

/// Checks the token before anything else of the request is read.
async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match may_administer(&state, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn may_administer(state: &AppState, request: &Request) -> Result<(), Problem> {
    let Some(keys) = &state.keys else {
        let detail = "without admission keys only requests to localhost from this machine are allowed";
        let is_local = is_local_request(request.headers(), request.extensions());
        let kind = Kind::access_denied("RequestNotLocal", StatusCode::FORBIDDEN);
        return if is_local { Ok(()) } else { Err(Problem::new(kind, detail)) };
    };
    keys.get().verify_admin(bearer(request.headers()), unix_now()).map_err(|error| {
        tracing::warn!(reason = error.reason(), "admin request refused");
        Problem::new(Kind::access_denied(error.reason(), StatusCode::UNAUTHORIZED), error.to_string())
    })
}

/// Responds immediately, or when the list differs from the version that the caller knows.
async fn list_rooms(State(state): State<AppState>, Query(query): Query<RoomListQuery>) -> Response {
    state.rooms.wait_for_change(query).await;
    let link = state.lent.as_ref().map(|lent| lent.point.clone());
    Json(RoomList { link, ..state.rooms.list().await }).into_response()
}

async fn update_room(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    body: Body,
) -> Response {
    let update = match read_update(body).await {
        Ok(update) => update,
        Err(problem) => return problem.into_response(),
    };
    let key = RoomKey { namespace, name };
    let is_found = state.rooms.update(&key, update).await;
    answer(is_found, "there is no such room", || {
        tracing::info!(namespace = key.namespace, name = key.name, "room updated by the operator");
    })
}

async fn read_update(body: Body) -> Result<RoomUpdate, Problem> {
    let body = body::read(body, MAX_BODY_BYTES, body::TIMEOUT).await?;
    Ok(update::read(&body)?)
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
        tracing::info!(namespace = key.namespace, name = key.name, reason = ?query.reason, "room ended by the operator");
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
        tracing::info!(namespace = key.namespace, name = key.name, "participant removed by the operator");
    })
}

/// Makes a room panic, for tests, if the pod allows test switches.
async fn panic_room(State(state): State<AppState>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let room = state.rooms.find(&RoomKey { namespace, name }).await.filter(|_| state.options.allow_test_switches);
    let is_found = match room {
        Some(room) => room.send(Input::Panic).await,
        None => false,
    };
    answer(is_found, "there is no such room, or test switches are not allowed", || {})
}

async fn drain(State(state): State<AppState>) -> StatusCode {
    state.rooms.set_draining(true).await;
    StatusCode::NO_CONTENT
}

async fn stop_draining(State(state): State<AppState>) -> StatusCode {
    state.rooms.set_draining(false).await;
    StatusCode::NO_CONTENT
}

fn answer(is_found: bool, missing: &str, note: impl FnOnce()) -> Response {
    if is_found {
        note();
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::new(ROOM_NOT_FOUND, missing).into_response()
    }
}

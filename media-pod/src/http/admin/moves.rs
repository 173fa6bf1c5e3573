//! The admin API for moving meetings between pods: handover, its cancellation, restore and leave; and for backups of rooms. Each request
//! needs a token for this pod and this room. Snapshots and tickets are never logged.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use convene_protocol::admin::{LeaveRequest, MoveQuery};
use convene_protocol::admission::MAX_TOKEN_BYTES;
use convene_protocol::handover::{MAX_SNAPSHOT_BYTES, RoomSnapshot, SnapshotError};
use convene_service::clock::unix_now;
use convene_service::http::body;
use convene_service::http::problem::{Kind, Problem};

use crate::access::edge::is_local_request;
use crate::http::admission::bearer;
use crate::http::problem::ROOM_NOT_FOUND;
use crate::http::state::AppState;
use crate::rooms::key::RoomKey;
use crate::rooms::moves::MoveError;

/// Time that a room waits for `leave`, and that its people have to return, unless the request has another.
const DEFAULT_SECONDS: u64 = 60;
/// Longest time in a request.
const MAX_SECONDS: u64 = 600;
/// Longest name of a move.
const MAX_MOVE: usize = 64;
/// Maximum number of tickets.
const MAX_TICKETS: usize = 25_000;
/// Longest body of `POST …/leave`, in bytes: a ticket has about 800.
const MAX_LEAVE_BYTES: usize = 2 * MAX_SNAPSHOT_BYTES;

/// Adds the routes, protected by their tokens.
pub(super) fn add_routes(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let moves = Router::new()
        .route("/admin/v1/rooms/{namespace}/{name}/handover", post(freeze).delete(cancel))
        .route("/admin/v1/rooms/{namespace}/{name}/backup", get(backup))
        .route("/admin/v1/rooms/{namespace}/{name}/restore", put(restore))
        .route("/admin/v1/rooms/{namespace}/{name}/leave", post(leave))
        .route("/admin/v1/rooms/{namespace}/{name}/sites", put(set_sites));
    router.merge(moves.route_layer(from_fn_with_state(state.clone(), check)))
}

/// Checks the token before the body is read.
async fn check(State(state): State<AppState>, query: Query<MoveQuery>, request: Request, next: Next) -> Response {
    let checked = may_move(&state, &query, &request).and_then(|()| check_query(&query));
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn may_move(state: &AppState, query: &MoveQuery, request: &Request) -> Result<(), Problem> {
    let denied = |reason, status, detail: String| Problem::new(Kind::access_denied(reason, status), detail);
    let Some(keys) = &state.keys else {
        let detail = "without admission keys only requests to localhost from this machine are allowed";
        let is_local = is_local_request(request.headers(), request.extensions());
        return if is_local { Ok(()) } else { Err(denied("RequestNotLocal", StatusCode::FORBIDDEN, detail.into())) };
    };
    let Some(pod) = &state.options.pod_uid else {
        let detail = "this pod does not know its uid (--pod-uid), so no token is for it";
        return Err(denied("PodUidUnknown", StatusCode::FORBIDDEN, detail.into()));
    };
    let verified = keys.get().verify_handover(bearer(request.headers()), pod, &query.uid, unix_now());
    verified.map_err(|error| {
        tracing::warn!(reason = error.reason(), "request of a move refused");
        denied(error.reason(), StatusCode::UNAUTHORIZED, error.to_string())
    })
}

fn check_query(query: &MoveQuery) -> Result<(), Problem> {
    let is_name = query.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name || !(1..=MAX_MOVE).contains(&query.id.len()) {
        return Err(Problem::new(INVALID_QUERY, "move must have 1 to 64 letters, digits and -"));
    }
    if query.seconds.is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds)) {
        return Err(Problem::new(INVALID_QUERY, "seconds must be between 1 and 600"));
    }
    Ok(())
}

const INVALID_QUERY: Kind = Kind::new("InvalidQuery", "Invalid query", StatusCode::BAD_REQUEST);

fn time_of(query: &MoveQuery) -> Duration {
    Duration::from_secs(query.seconds.unwrap_or(DEFAULT_SECONDS))
}

async fn freeze(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
) -> Response {
    let (key, hold) = (RoomKey { namespace, name }, time_of(&query));
    let snapshot = match state.rooms.freeze(&key, &query.uid, query.id.clone(), hold).await {
        Ok(snapshot) => snapshot,
        Err(error) => return refused(&key, &query, &error).into_response(),
    };
    match snapshot.write() {
        Ok(json) => {
            let (people, bytes) = (snapshot.room.people.len(), json.len());
            count_bytes(&state, "sent", bytes);
            tracing::info!(
                namespace = key.namespace,
                name = key.name,
                id = query.id,
                people,
                bytes,
                "room frozen for a move"
            );
            ([(header::CONTENT_TYPE, "application/json")], json).into_response()
        }
        Err(error) => {
            // The room must not wait for a move that cannot continue.
            let _ = state.rooms.cancel_move(&key, &query.uid, query.id).await;
            unusable(&error).into_response()
        }
    }
}

/// The other pods that serve a room from now on.
async fn set_sites(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
    body: Body,
) -> Response {
    let body = match body::read(body, super::MAX_BODY_BYTES, body::TIMEOUT).await {
        Ok(body) => body,
        Err(problem) => return Problem::from(problem).into_response(),
    };
    let sites = match super::sites::read(&body) {
        Ok(sites) if sites.uid == query.uid => sites,
        Ok(_) => return Problem::new(INVALID_QUERY, "uid differs in query and body").into_response(),
        Err(error) => return Problem::from(error).into_response(),
    };
    let key = RoomKey { namespace, name };
    if state.rooms.set_sites(&key, sites).await {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::new(ROOM_NOT_FOUND, "there is no such room, or this pod opens no links").into_response()
    }
}

async fn backup(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
) -> Response {
    let key = RoomKey { namespace, name };
    let (version, snapshot) = match state.rooms.backup(&key, &query.uid).await {
        Ok(backup) => backup,
        Err(error) => return refused(&key, &query, &error).into_response(),
    };
    snapshot.into_backup(version).map_or_else(
        |error| {
            tracing::warn!(namespace = key.namespace, name = key.name, reason = error.reason(), "no backup");
            unusable(&error).into_response()
        },
        |backup| Json(backup).into_response(),
    )
}

async fn cancel(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
) -> Response {
    let key = RoomKey { namespace, name };
    let outcome = state.rooms.cancel_move(&key, &query.uid, query.id.clone()).await;
    done(outcome, &key, &query, "move canceled")
}

async fn restore(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
    body: Body,
) -> Response {
    let json = match body::read(body, MAX_SNAPSHOT_BYTES, body::TIMEOUT).await {
        Ok(json) => json,
        Err(error) => return Problem::from(error).into_response(),
    };
    let key = RoomKey { namespace, name };
    let snapshot = match RoomSnapshot::read(&json, &key.namespace, &key.name, &query.uid) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            tracing::warn!(namespace = key.namespace, name = key.name, reason = error.reason(), "snapshot refused");
            return unusable(&error).into_response();
        }
    };
    count_bytes(&state, "received", json.len());
    let outcome = state.rooms.restore(query.id.clone(), snapshot, time_of(&query)).await;
    done(outcome, &key, &query, "room restored")
}

async fn leave(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<MoveQuery>,
    body: Body,
) -> Response {
    let LeaveRequest { tickets, deadline_seconds } = match read_leave(body).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let (key, time) = (RoomKey { namespace, name }, Duration::from_secs(deadline_seconds));
    let outcome = state.rooms.leave(&key, &query.uid, query.id.clone(), tickets, time).await;
    done(outcome, &key, &query, "clients of the room are moving")
}

async fn read_leave(body: Body) -> Result<LeaveRequest, Problem> {
    let body = body::read(body, MAX_LEAVE_BYTES, body::TIMEOUT).await?;
    let invalid = |detail: &str| Problem::new(Kind::BODY_INVALID, detail);
    let request: LeaveRequest =
        serde_json::from_slice(&body).map_err(|_| invalid("the body must have tickets and deadlineSeconds"))?;
    if request.deadline_seconds > MAX_SECONDS {
        return Err(invalid("deadlineSeconds must be at most 600"));
    }
    if request.tickets.len() > MAX_TICKETS || request.tickets.values().any(|ticket| ticket.len() > MAX_TOKEN_BYTES) {
        return Err(invalid("there are more than 25000 tickets, or one has more than 8192 bytes"));
    }
    Ok(request)
}

fn done(outcome: Result<(), MoveError>, key: &RoomKey, query: &MoveQuery, done: &str) -> Response {
    match outcome {
        Ok(()) => {
            tracing::info!(namespace = key.namespace, name = key.name, id = query.id, "{done}");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refused(key, query, &error).into_response(),
    }
}

fn refused(key: &RoomKey, query: &MoveQuery, error: &MoveError) -> Problem {
    let reason = error.reason();
    tracing::warn!(namespace = key.namespace, name = key.name, id = query.id, reason, "request of a move refused");
    let kind = match error {
        MoveError::NoRoom => ROOM_NOT_FOUND,
        MoveError::Refused(_) => Kind::new(reason, "Not possible now", StatusCode::CONFLICT),
        MoveError::Enter(_) => Kind::new(reason, "Could not open the room", StatusCode::SERVICE_UNAVAILABLE),
    };
    Problem::new(kind, error.to_string())
}

fn unusable(error: &SnapshotError) -> Problem {
    Problem::new(Kind::new(error.reason(), "Unusable snapshot", StatusCode::UNPROCESSABLE_ENTITY), error.to_string())
}

fn count_bytes(state: &AppState, direction: &str, bytes: usize) {
    state.metrics.moves.snapshot_bytes.with_label_values(&[direction]).inc_by(bytes as u64);
}

//! The admin API, for the operator: which rooms there are, and ending one. Everything needs an admin token, but for --dev,
//! where everybody is trusted.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use convene_protocol::admin::{EndReason, EndRoomQuery};

use crate::admission::{bearer, unix_now};
use crate::http::{AppState, problem};
use crate::room::End;
use crate::rooms::RoomKey;

pub(crate) async fn list_rooms(State(state): State<AppState>, headers: HeaderMap) -> Response {
    match check(&state, &headers) {
        Ok(()) => Json(state.rooms.list().await).into_response(),
        Err(refusal) => *refusal,
    }
}

pub(crate) async fn end_room(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<EndRoomQuery>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = check(&state, &headers) {
        return *refusal;
    }
    let end = match query.reason {
        EndReason::Ended => End::Over,
        EndReason::Moved => End::Moved,
    };
    let key = RoomKey { namespace, name };
    if state.rooms.end(&key, query.uid.as_deref(), end).await {
        tracing::info!(namespace = key.namespace, name = key.name, reason = ?query.reason, "room ended by request");
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(StatusCode::NOT_FOUND, "there is no such room")
    }
}

fn check(state: &AppState, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(keys) = &state.keys else { return Ok(()) };
    keys.verify_admin(bearer(headers), unix_now()).map_err(|error| {
        tracing::warn!(reason = error.reason(), "admin request refused");
        Box::new(problem(StatusCode::UNAUTHORIZED, &error.to_string()))
    })
}

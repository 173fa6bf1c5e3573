//! Moves of meetings between the processes in the media pods: what the operator requests of them, and what participants do.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{post, put},
};
use convene_protocol::admin::{LeaveRequest, MovePhase, MoveQuery, MoveReport, RoomReport, RoomSettings};
use serde_json::{Value, json};

use super::pods::{Desk, MeetingKey, Process, Processes};

/// A state of the room that differs from the one that the request needs.
const REFUSED: StatusCode = StatusCode::CONFLICT;

pub(super) fn add_routes(router: Router<Desk>) -> Router<Desk> {
    router
        .route("/admin/v1/rooms/{namespace}/{name}/handover", post(freeze).delete(cancel))
        .route("/admin/v1/rooms/{namespace}/{name}/restore", put(restore))
        .route("/admin/v1/rooms/{namespace}/{name}/leave", post(leave))
}

impl Processes {
    /// Media pods do not support moves from now on.
    pub(crate) fn age(&self) {
        self.lock().is_old = true;
    }

    /// Rooms whose participants were notified that their meeting moves, with the UIDs of their pods.
    pub(crate) fn leaving(&self) -> Vec<(String, MeetingKey)> {
        let inner = self.lock();
        let rooms = inner.processes.iter().flat_map(|(uid, process)| process.rooms.iter().map(move |room| (uid, room)));
        let leaving = rooms.filter(|(_, (_, room))| phase_of(room) == Some(MovePhase::Leaving));
        leaving.map(|(uid, (key, _))| (uid.clone(), key.clone())).collect()
    }

    /// All participants have moved, and the old room ends by itself.
    pub(crate) fn swap(&self, from: &str, to: &str, meeting_uid: &str, key: &MeetingKey) {
        self.join(to, meeting_uid, key);
        // The process may have ended.
        let _ = self.change(from, |process| process.rooms.remove(key));
    }
}

fn phase_of(room: &RoomReport) -> Option<MovePhase> {
    room.moving.as_ref().map(|moving| moving.phase)
}

fn report(id: &str, phase: MovePhase) -> MoveReport {
    MoveReport { id: id.to_owned(), phase, left: 0 }
}

/// Changes the room of a request.
fn change_room(
    desk: &Desk,
    key: &MeetingKey,
    query: &MoveQuery,
    change: impl FnOnce(&mut RoomReport) -> Result<(), StatusCode>,
) -> Result<(), StatusCode> {
    if desk.processes.lock().is_old {
        return Err(StatusCode::NOT_FOUND);
    }
    desk.processes.change(&desk.uid, |process: &mut Process| {
        let room = process.rooms.get_mut(key).filter(|room| room.uid == query.uid)?;
        Some(change(room))
    })?
}

/// The snapshot names one client, whose ticket the operator signs.
async fn freeze(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
) -> Result<Json<Value>, StatusCode> {
    change_room(&desk, &key, &query, |room| {
        match room.moving.as_ref().map(|moving| (moving.phase, moving.id == query.id)) {
            None | Some((MovePhase::Frozen, true)) => room.moving = Some(report(&query.id, MovePhase::Frozen)),
            Some(_) => return Err(REFUSED),
        }
        Ok(())
    })?;
    let grant = convene_protocol::admission::ParticipantGrant::default();
    Ok(Json(json!({"v": 1, "clients": [{"peerId": "ada", "grant": grant}]})))
}

async fn cancel(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
) -> Result<StatusCode, StatusCode> {
    change_room(&desk, &key, &query, |room| {
        let is_other =
            room.moving.as_ref().is_some_and(|moving| (moving.phase, &moving.id) != (MovePhase::Frozen, &query.id));
        if is_other {
            return Err(REFUSED);
        }
        room.moving = None;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
    Json(snapshot): Json<Value>,
) -> Result<StatusCode, StatusCode> {
    if desk.processes.lock().is_old || snapshot["clients"][0]["peerId"] != "ada" {
        return Err(StatusCode::NOT_FOUND);
    }
    desk.processes.change(&desk.uid, |process| {
        let (namespace, name) = key.clone();
        let room = process.rooms.entry(key).or_insert_with(|| RoomReport {
            namespace,
            name,
            uid: query.uid.clone(),
            settings: Some(RoomSettings::default()),
            ..RoomReport::default()
        });
        let is_in_use = room.participants > 0 && room.restored.as_ref() != Some(&query.id);
        room.restored = if is_in_use { room.restored.take() } else { Some(query.id) };
        Some(if is_in_use { Err(REFUSED) } else { Ok(StatusCode::NO_CONTENT) })
    })?
}

async fn leave(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
    Json(request): Json<LeaveRequest>,
) -> Result<StatusCode, StatusCode> {
    if !request.tickets.contains_key("ada") {
        return Err(StatusCode::BAD_REQUEST);
    }
    change_room(&desk, &key, &query, |room| match &room.moving {
        Some(moving) if moving.id == query.id => {
            room.moving = Some(report(&query.id, MovePhase::Leaving));
            Ok(())
        }
        _ => Err(REFUSED),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

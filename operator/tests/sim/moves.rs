//! Moves of meetings between the processes in the media pods: what the operator requests of them, and what participants do.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post, put},
};
use convene_protocol::admin::{BACKUP_MOVE, LeaveRequest, MovePhase, MoveQuery, MoveReport, RoomReport, RoomSettings};
use serde_json::{Value, json};

use super::pods::{Desk, MeetingKey, Process, Processes};

/// A state of the room that differs from the one that the request needs.
const REFUSED: StatusCode = StatusCode::CONFLICT;

pub(super) fn add_routes(router: Router<Desk>) -> Router<Desk> {
    router
        .route("/admin/v1/rooms/{namespace}/{name}/handover", post(freeze).delete(cancel))
        .route("/admin/v1/rooms/{namespace}/{name}/backup", get(backup))
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
        self.join(to, meeting_uid, key, false);
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
fn change_room<T>(
    desk: &Desk,
    key: &MeetingKey,
    query: &MoveQuery,
    change: impl FnOnce(&mut RoomReport) -> Result<T, StatusCode>,
) -> Result<T, StatusCode> {
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
    let backup = change_room(&desk, &key, &query, |room| {
        match room.moving.as_ref().map(|moving| (moving.phase, moving.id == query.id)) {
            None | Some((MovePhase::Frozen, true)) => room.moving = Some(report(&query.id, MovePhase::Frozen)),
            Some(_) => return Err(REFUSED),
        }
        Ok(room.backup)
    })?;
    tokio::spawn(unfreeze(desk, key, query));
    let grant = convene_protocol::admission::ParticipantGrant::default();
    let mut snapshot = decided(backup);
    snapshot["clients"] = json!([{"peerId": "ada", "grant": grant}]);
    Ok(Json(snapshot))
}

/// A room that nothing is done about accepts changes again by itself.
async fn unfreeze(desk: Desk, key: MeetingKey, query: MoveQuery) {
    tokio::time::sleep(Duration::from_secs(query.seconds.unwrap_or(60))).await;
    let _ = change_room(&desk, &key, &query, |room| {
        let is_frozen = report(&query.id, MovePhase::Frozen);
        room.moving.take_if(|moving| *moving == is_frozen);
        Ok(())
    });
}

/// What was decided in a room, as the operator keeps it.
async fn backup(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
) -> Result<Json<Value>, StatusCode> {
    let inner = desk.processes.lock();
    let process = inner.processes.get(&desk.uid).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let room = process.rooms.get(&key).filter(|room| room.uid == query.uid).ok_or(StatusCode::NOT_FOUND)?;
    if room.awaits_backup {
        return Err(REFUSED);
    }
    Ok(Json(json!({"version": room.backup.unwrap_or_default(), "snapshot": decided(room.backup)})))
}

fn decided(decision: Option<u64>) -> Value {
    json!({"v": 1, "room": {"moderation": {"decided": decision}}})
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
    let is_backup = query.id == BACKUP_MOVE;
    if desk.processes.lock().is_old || !is_backup && snapshot["clients"][0]["peerId"] != "ada" {
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
        let is_outdated = is_backup && room.restored.is_some() && !room.awaits_backup;
        if !is_in_use && !is_outdated {
            room.restored = Some(query.id);
            room.backup = snapshot["room"]["moderation"]["decided"].as_u64().or(room.backup);
            room.awaits_backup = false;
        }
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

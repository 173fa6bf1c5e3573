//! The admin API of a media pod: the operator's requests and the pod's answers.
//!
//! Types only: the pod serves the API, and the operator's pod link calls it. Every request carries an admin token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod sites;

pub use sites::{LinkPoint, RoomSites, SiteReport, SiteState, SiteTarget};

/// Path of the room list on a media pod.
pub const ROOMS_PATH: &str = "/admin/v1/rooms";
/// Path of draining: with `PUT` the pod refuses new participants and becomes unready, `DELETE` reverts that.
pub const DRAIN_PATH: &str = "/admin/v1/drain";
/// Path of the reachability probe: `POST` opens transports that answer STUN binding requests.
pub const PROBE_PATH: &str = "/admin/v1/probe";
/// `move` in [`MoveQuery`] of requests that concern a backup. It is restored only to a room that waits for it, or that never had any state.
pub const BACKUP_MOVE: &str = "backup";
/// Maximum time, in seconds, for which a request for changes is held.
pub const LONGEST_WAIT_SECONDS: u64 = 30;

/// Query of `GET /admin/v1/rooms`. Without it the list is returned immediately. With both parameters, the answer is held until the
/// version of the list differs from `after`, for at most `wait` seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoomListQuery {
    /// Version of the list that the caller already has.
    pub after: u64,
    /// Seconds to wait for another version, at most [`LONGEST_WAIT_SECONDS`].
    pub wait: u64,
}

/// Answer to `GET /admin/v1/rooms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomList {
    /// Grows with every change of this list. Never 0, and never the same for two processes.
    #[serde(default)]
    pub version: u64,
    /// Identifies the process of the pod: after a restart it is another one. 0 from pods of versions that do not report it.
    #[serde(default)]
    pub process: u64,
    /// Rooms that exist on the pod now, sorted by namespace and name.
    pub rooms: Vec<RoomReport>,
    /// Whether the pod refuses new participants: it is draining or shutting down.
    pub draining: bool,
    /// Whether the process is shutting down: its rooms end, although their meetings do not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ending: bool,
    /// Where other pods link to this one, to use its media workers for their rooms. Absent from pods that lend nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkPoint>,
}

/// One room of a media pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomReport {
    /// Namespace of the Meeting; empty for rooms of a standalone pod.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting that the room was opened for.
    pub uid: String,
    /// Participants who have joined and are connected.
    pub participants: u32,
    /// Whether a recorder is in the room. Absent from pods of versions that do not report it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recording: bool,
    /// The settings of the Meeting that currently apply. Absent from pods of versions that cannot change them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RoomSettings>,
    /// The people who are in a locked room or have just left it, as hashes
    /// ([`ParticipantGrant::person`](crate::admission::ParticipantGrant::person)), sorted; empty if the meeting itself is not
    /// locked. They may rejoin after the meeting has moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Whether the room waits for the list of people who were in it before it moved here (`returning` of [`RoomUpdate`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_returning: bool,
    /// Set while the meeting moves from this pod to another one: the room must not be ended, and refuses changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<MoveReport>,
    /// The move with which the room's state came to this pod (`move` of [`MoveQuery`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// Version of the room's [`RoomBackup`](crate::handover::RoomBackup), never the same for two rooms. 0: nothing in the room has to
    /// survive its pod so far. Absent from pods of versions without backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<u64>,
    /// Whether the room admits no client until the backup of the meeting's earlier room has come (`PUT …/restore`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_backup: bool,
    /// The other pods that serve the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SiteReport>,
}

/// The state of a move, as the pod that the meeting leaves reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveReport {
    /// The move (`move` of [`MoveQuery`]).
    pub id: String,
    /// How far it is.
    pub phase: MovePhase,
    /// Clients that are still to move, or that move now. 0 before they are notified.
    pub left: u32,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MovePhase {
    /// The snapshot was taken; no client knows of the move. It can be canceled.
    Frozen,
    /// Clients move. It cannot be canceled.
    Leaving,
    /// All have moved or the deadline has passed: the room ends within seconds.
    Over,
}

/// Query of the requests of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveQuery {
    /// Uid of the Meeting.
    pub uid: String,
    /// Names the move, in the caller's words: 1 to 64 letters, digits and `-`. Repeated requests of one move do nothing more.
    #[serde(rename = "move")]
    pub id: String,
    /// For `POST …/handover`: seconds after which the room stops waiting for `leave` and accepts changes again, 1 to 600. Absent: 60. For
    /// `PUT …/restore`: seconds for which the people of the snapshot may return, in addition to the usual minute, 1 to 600. Absent: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// Body of `POST …/leave`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveRequest {
    /// For each client of the snapshot the ticket with which it connects to the other pod, by peerId. Clients without one use their own.
    #[serde(default)]
    pub tickets: BTreeMap<String, String>,
    /// Seconds until the clients that are left are closed, 0 to 600. 0: all are closed at once.
    pub deadline_seconds: u64,
}

/// The settings of a Meeting that can be changed while its room is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// Title that participants see.
    pub title: String,
    /// Maximum number of participants at the same time. Lowering it removes no one from the room.
    pub max_participants: u32,
    /// Seconds after which an empty room is closed.
    pub empty_timeout_seconds: u64,
    /// Whether the meeting is locked for new participants.
    #[serde(default)]
    pub locked: bool,
}

/// Body of `PATCH /admin/v1/rooms/{namespace}/{name}`: the new settings of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomUpdate {
    /// Uid of the Meeting: a room of an older Meeting with the same name is not changed, and the answer is 404.
    pub uid: String,
    /// The settings, all of them.
    pub settings: RoomSettings,
    /// The people who were in the meeting before it moved to this pod: they may rejoin although it is locked. Absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning: Option<Vec<String>>,
}

/// The reason for ending a room, in the query of `DELETE /admin/v1/rooms/{namespace}/{name}?uid=…&reason=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// The meeting is over: sockets close with 4000 and clients do not reconnect.
    Ended,
    /// The meeting continues on another pod: sockets close with 1012 and clients reconnect to the same URL.
    Moved,
}

/// Query of the request that ends a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndRoomQuery {
    /// Ends the room only if it was opened for the Meeting with this uid; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The reason.
    pub reason: EndReason,
}

/// Query of `DELETE /admin/v1/rooms/{namespace}/{name}/participants/{id}?uid=…`, which closes the participant's socket with 4000.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveQuery {
    /// Only in the room of the Meeting with this uid; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Answer to `POST /admin/v1/probe`: one transport on each media worker. mediasoup answers only STUN requests that carry the
/// credentials of a transport, so the pod opens transports for the caller and closes them automatically.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeTargets {
    /// Seconds until they are closed.
    pub seconds: u64,
    /// One for each worker.
    pub targets: Vec<ProbeTarget>,
}

/// A transport that answers STUN binding requests (RFC 8489) at the pod's announced addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeTarget {
    /// First half of the request's USERNAME (RFC 8445 section 7.2.2).
    pub username_fragment: String,
    /// Key of the request's MESSAGE-INTEGRITY.
    pub password: String,
    /// ICE candidates exactly as participants receive them, with announced addresses and ports.
    pub candidates: Vec<ProbeCandidate>,
}

/// A candidate of a [`ProbeTarget`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeCandidate {
    /// Announced address.
    pub address: String,
    /// Announced port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub protocol: String,
}

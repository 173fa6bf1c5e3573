//! The admin API of a media pod: what the operator asks and what the pod answers.
//!
//! Only the shapes live here; the pod serves them (`/admin/v1/rooms`), the operator's pod link calls them.

use serde::{Deserialize, Serialize};

/// Path of the room list on a media pod.
pub const ROOMS_PATH: &str = "/admin/v1/rooms";

/// Answer to `GET /admin/v1/rooms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomList {
    /// Rooms that exist on the pod now, sorted by namespace and name.
    pub rooms: Vec<RoomReport>,
    /// True once the pod refuses new rooms because it is shutting down.
    pub draining: bool,
}

/// One room of a media pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomReport {
    /// Namespace of the Meeting; empty for rooms of a pod that stands alone.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting that the room was opened for.
    pub uid: String,
    /// People who have joined and are connected.
    pub participants: u32,
}

/// Why a room is ended, in the query of `DELETE /admin/v1/rooms/{namespace}/{name}?uid=…&reason=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// The meeting is over: sockets close with 4000 and clients stay away.
    Ended,
    /// The meeting lives on elsewhere: sockets close with 1012 and clients come back to the same URL.
    Moved,
}

/// Query of the request that ends a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndRoomQuery {
    /// Ends the room only if it was opened for the Meeting with this uid; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Why.
    pub reason: EndReason,
}

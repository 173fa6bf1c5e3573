//! The snapshot of a room, which the pod that a meeting leaves sends, through the operator, to the pod that the meeting moves to.
//!
//! It contains the state that concerns people: chat, decisions of moderators, present and recent participants, the lobby. It never contains media,
//! connections or session secrets, and it is neither logged nor stored, except for the part in a [`RoomBackup`]. Its reader checks it like any other untrusted input:
//! [`RoomSnapshot::read`].

mod check;
mod error;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::admission::{MeetingGrant, ParticipantGrant};
use crate::message::{ChatMessage, PublishChange};

pub use error::SnapshotError;

/// The version that this crate writes. It reads this one only: there is no earlier one.
pub const SNAPSHOT_VERSION: u32 = 1;
/// Maximum length of a snapshot, in bytes.
pub const MAX_SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;

/// Maximum length of the snapshot in a backup, in bytes: it is stored in an object, and etcd accepts requests of up to 1.5 MiB.
pub const MAX_BACKUP_BYTES: usize = 1024 * 1024;

/// A room's snapshot, the answer to `POST …/handover` and the body of `PUT …/restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSnapshot {
    /// The version, [`SNAPSHOT_VERSION`].
    pub v: u32,
    /// The meeting, with the settings that currently apply.
    pub meeting: MeetingGrant,
    /// The connected clients that understand `moving`: those that a ticket can reach. For the operator; the other pod does not read it.
    #[serde(default)]
    pub clients: Vec<SnapshotClient>,
    /// For the other pod.
    pub room: RoomMemory,
}

/// The part of a room's memory that must survive a crash of its pod: the answer to `GET …/backup`. Its snapshot can be restored like that of
/// a move. It contains the decisions of moderators and, while the room is locked or has a lobby, the people who may return: as hashes of
/// proven identities, or else peerIds. It contains neither chat nor names nor network addresses, because it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomBackup {
    /// The version, as in [`RoomReport::backup`](crate::admin::RoomReport::backup). The snapshot may be newer, never older.
    pub version: u64,
    /// A [`RoomSnapshot`], which the operator does not read.
    pub snapshot: serde_json::Value,
}

/// A client that needs a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotClient {
    /// The client.
    pub peer_id: String,
    /// The grant with which it was admitted, without the changes of moderators: those are in [`SnapshotModeration::changes`].
    pub grant: ParticipantGrant,
}

/// The state of a room that concerns people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomMemory {
    /// The participants who are in the room or have just left it: neither a lock nor the lobby applies to them when they return.
    pub people: Vec<SnapshotPerson>,
    /// The clients in the lobby, longest waiting first.
    pub lobby: Vec<SnapshotWaiting>,
    /// The decisions of moderators.
    pub moderation: SnapshotModeration,
    /// The chat.
    pub chat: SnapshotChat,
    /// The peers that were the dominant speaker, the last one first.
    pub speakers: Vec<String>,
}

/// A participant who may return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPerson {
    /// The peerId.
    pub peer_id: String,
    /// The proven identity ([`ParticipantGrant::person`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The network address, as in the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the hand is raised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hand_raised: bool,
}

/// A client in the lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotWaiting {
    /// The peerId.
    pub peer_id: String,
    /// The proven identity ([`ParticipantGrant::person`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The network address, as in the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The name from its last knock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// How often it has knocked.
    #[serde(default)]
    pub knocks: u8,
}

/// How a participant is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RememberedPerson {
    /// By a proven identity ([`ParticipantGrant::person`]).
    Proven(String),
    /// By the peerId, for lack of one.
    Unproven(String),
}

/// The decisions of moderators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotModeration {
    /// The moderators' lock, in addition to the meeting's own.
    pub locked: bool,
    /// Whether newcomers wait in the lobby, whatever their grants say.
    pub lobby: bool,
    /// Removed participants, the oldest first.
    pub bans: Vec<RememberedPerson>,
    /// Addresses of removed guests, the oldest first. Their time starts again with the restored room.
    pub addresses: Vec<String>,
    /// Participants admitted from the lobby.
    pub admitted: Vec<RememberedPerson>,
    /// Changed permissions.
    pub changes: Vec<SnapshotChange>,
    /// Used personal invitations.
    pub invitations: Vec<SnapshotInvitation>,
}

/// Permissions that moderators have changed. Absent ones are as granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotChange {
    /// The participant.
    pub person: RememberedPerson,
    /// The sources that the participant may send.
    #[serde(default)]
    pub publish: PublishChange,
    /// Whether the participant may send messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_data: Option<bool>,
    /// Whether the participant moderates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderator: Option<bool>,
    /// Whether the participant is a viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<bool>,
}

/// A used personal invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInvitation {
    /// 16 hexadecimal digits of a hash of the invitation.
    pub hash: String,
    /// Its user.
    pub person: RememberedPerson,
}

/// The chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotChat {
    /// The number of the next message.
    pub next_id: u64,
    /// The messages that are kept, oldest first.
    pub messages: Vec<ChatMessage>,
}

impl RoomSnapshot {
    /// Reads and checks a snapshot of this meeting.
    pub fn read(json: &[u8], namespace: &str, name: &str, uid: &str) -> Result<Self, SnapshotError> {
        if json.len() > MAX_SNAPSHOT_BYTES {
            return Err(SnapshotError::TooLarge);
        }
        let Version { v } = serde_json::from_slice(json).map_err(|error| SnapshotError::malformed(&error))?;
        if v != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version(v));
        }
        let snapshot: Self = serde_json::from_slice(json).map_err(|error| SnapshotError::malformed(&error))?;
        let meeting = &snapshot.meeting;
        if (meeting.namespace.as_str(), meeting.name.as_str(), meeting.uid.as_str()) != (namespace, name, uid) {
            return Err(SnapshotError::OtherMeeting);
        }
        check::snapshot(&snapshot)?;
        Ok(snapshot)
    }

    /// The snapshot for a backup. If it is too large, people are left out: moderators can admit them again. An error if it still is.
    pub fn into_backup(mut self, version: u64) -> Result<RoomBackup, SnapshotError> {
        if measure(&self)? > MAX_BACKUP_BYTES {
            self.room.people.clear();
        }
        if measure(&self)? > MAX_BACKUP_BYTES {
            return Err(SnapshotError::TooLarge);
        }
        let snapshot = serde_json::to_value(&self).map_err(|error| SnapshotError::malformed(&error))?;
        Ok(RoomBackup { version, snapshot })
    }

    /// The snapshot as JSON; an error if it is too large to be read.
    pub fn write(&self) -> Result<Vec<u8>, SnapshotError> {
        let json = serde_json::to_vec(self).map_err(|error| SnapshotError::malformed(&error))?;
        if json.len() > MAX_SNAPSHOT_BYTES { Err(SnapshotError::TooLarge) } else { Ok(json) }
    }
}

fn measure(snapshot: &RoomSnapshot) -> Result<usize, SnapshotError> {
    serde_json::to_vec(snapshot).map(|json| json.len()).map_err(|error| SnapshotError::malformed(&error))
}

/// Read before anything else: another version may have other fields.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

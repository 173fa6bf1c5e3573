//! Participants as the others see them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::yes;
use super::device::Device;
use super::people::Sends;
use crate::admission::PublishGrant;

#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
/// A participant. `id` is the older spelling of `peerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerInfo {
    /// Chosen by the client, unique in the room.
    pub peer_id: String,
    /// Same as `peerId`.
    pub id: String,
    /// The name that others see.
    pub display_name: String,
    /// The client's program.
    pub device: Device,
    /// Empty: addresses of participants are not disclosed to others.
    pub remote_address: String,
    /// Not part of the demo, like all fields below: whether the participant is a moderator.
    pub moderator: bool,
    /// Whether no application vouches for the identity.
    pub guest: bool,
    /// Whether it is a recorder.
    pub recorder: bool,
    /// Whether the hand is raised.
    pub hand_raised: bool,
    /// What the participant may send.
    pub publish: PublishGrant,
    /// What the participant currently sends.
    #[serde(default)]
    pub sends: Sends,
    /// Whether the connection is alive; becomes false soon after the page is closed or the network is lost.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// Payload of `newPeer`: flat for the older dialect, nested for the newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct NewPeer {
    /// The newcomer.
    pub peer: PeerInfo,
    /// The same again at top level.
    #[serde(flatten)]
    #[ts(skip)]
    pub flat: PeerInfo,
}

impl From<PeerInfo> for NewPeer {
    fn from(peer: PeerInfo) -> Self {
        Self { flat: peer.clone(), peer }
    }
}

/// Payload of `peerClosed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct PeerClosed {
    /// The participant that left.
    pub peer_id: String,
    /// Whether it is still in the meeting, as a viewer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>")]
    pub viewer: bool,
}

/// Payload of `peerDisplayNameChanged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DisplayNameChanged {
    /// The participant.
    pub peer_id: String,
    /// The name now.
    pub display_name: String,
    /// The name before.
    pub old_display_name: String,
}

/// Payload of `activeSpeaker`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ActiveSpeaker {
    /// The speaker.
    pub peer_id: Option<String>,
    /// In dBvo, -127 to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<i8>,
}

/// Payload of `speakingPeers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct SpeakingPeers {
    /// The loudest first; empty when all are silent.
    pub peer_volumes: Vec<PeerVolume>,
}

/// The volume of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerVolume {
    /// The participant.
    pub peer_id: String,
    /// In dBvo, -127 to 0.
    pub volume: i8,
}

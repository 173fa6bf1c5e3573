//! Participants as the others see them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::yes;
use super::device::Device;
use super::people::Sends;
use crate::admission::PublishGrant;

#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
/// A person in the room. `id` is the older spelling of `peerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerInfo {
    /// The peer's own choice, unique in the room.
    pub peer_id: String,
    /// Same as `peerId`.
    pub id: String,
    /// Name for people.
    pub display_name: String,
    /// The client's program.
    pub device: Device,
    /// Left empty for others: addresses of people are nobody else's business.
    pub remote_address: String,
    /// Our own, as all that follow: whether they moderate.
    pub moderator: bool,
    /// Whether nobody has vouched for who they are.
    pub guest: bool,
    /// Whether it is a recorder.
    pub recorder: bool,
    /// Whether their hand is up.
    pub hand_raised: bool,
    /// What they may send.
    pub publish: PublishGrant,
    /// What they send now.
    #[serde(default)]
    pub sends: Sends,
    /// Whether the media pod hears of them; false soon after their page or their network is gone.
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
#[ts(export, export_to = "messages.ts")]
pub struct PeerClosed {
    /// Who left.
    pub peer_id: String,
}

/// Payload of `peerDisplayNameChanged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DisplayNameChanged {
    /// Who.
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
    /// Who speaks.
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

/// How loud somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerVolume {
    /// Who.
    pub peer_id: String,
    /// In dBvo, -127 to 0.
    pub volume: i8,
}

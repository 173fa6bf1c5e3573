//! Notifications about participants: permissions, the lobby, raised hands, and what moderators did. Not part of the mediasoup demo;
//! its clients ignore them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::yes;
use super::moderation::{PublishSource, Reaction};
use crate::admission::PublishGrant;

/// Payload of `permissions`: what the receiver may do, and as whom.
#[allow(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Permissions {
    /// Whether the receiver may admit, mute, remove and end.
    pub moderator: bool,
    /// What it may send.
    pub publish: PublishGrant,
    /// Whether it may write in the chat and open data channels of its own.
    pub publish_data: bool,
    /// Whether it may receive what others send.
    pub subscribe: bool,
    /// Whether nobody is told that it is there.
    pub hidden: bool,
    /// Whether people may write to each other in this meeting.
    pub chat: bool,
    /// Whether people may show their screen in this meeting.
    pub screen_share: bool,
    /// Who it is, where an application has vouched for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name that others see, where it cannot be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How it stands with somebody in the lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum LobbyState {
    /// A moderator has to admit it.
    Waiting,
    /// A moderator has; it goes on as if it had just connected.
    Admitted,
}

/// Payload of `lobby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct Lobby {
    /// How it stands with the receiver.
    pub state: LobbyState,
}

/// Somebody who waits in the lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct LobbyPeer {
    /// Who.
    pub peer_id: String,
    /// The name it has knocked with or that its token fixes; empty before.
    pub display_name: String,
}

/// Payload of `lobbyPeers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct LobbyPeers {
    /// Everybody who waits; who waits longest is first.
    pub peers: Vec<LobbyPeer>,
}

/// Payload of `roomState`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct RoomState {
    /// The meeting's title.
    pub title: String,
    /// Whether nobody new is let in.
    pub locked: bool,
    /// Whether newcomers wait until a moderator admits them, because a moderator wants it so.
    #[serde(default)]
    pub lobby: bool,
}

/// Payload of `peerChanged`: what of somebody has changed, told to all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerChanged {
    /// Who.
    pub peer_id: String,
    /// Whether they moderate.
    pub moderator: bool,
    /// Whether nobody has vouched for who they are.
    pub guest: bool,
    /// What they may send.
    pub publish: PublishGrant,
    /// Whether the media pod hears of them; false soon after their page or their network is gone.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// What somebody sends now: streams that are there and not paused. Others may receive fewer, where the room is large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct Sends {
    /// Sound of a microphone.
    pub audio: bool,
    /// The picture of a camera.
    pub video: bool,
    /// A screen.
    pub share: bool,
}

/// Payload of `peerSends`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerSends {
    /// Who.
    pub peer_id: String,
    /// What.
    pub sends: Sends,
}

/// Payload of `mutedByModerator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct MutedByModerator {
    /// What of the receiver's was paused or closed.
    pub source: PublishSource,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
}

/// Payload of `handRaised`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct HandRaised {
    /// Whose.
    pub peer_id: String,
    /// Whether it is up.
    pub raised: bool,
}

/// Payload of `reaction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerReaction {
    /// Whose.
    pub peer_id: String,
    /// Which one.
    pub reaction: Reaction,
}

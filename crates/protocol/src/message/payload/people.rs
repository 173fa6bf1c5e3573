//! Notifications about participants: permissions, the lobby, raised hands, and what moderators did. Not part of the mediasoup demo;
//! its clients ignore them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::yes;
use super::moderation::{PublishSource, Reaction};
use crate::admission::PublishGrant;

/// Payload of `permissions`: what the receiver may do, and its identity.
#[allow(clippy::struct_excessive_bools, reason = "each is a separate permission")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Permissions {
    /// Whether the receiver may admit, mute, remove and end.
    pub moderator: bool,
    /// What the receiver may send.
    pub publish: PublishGrant,
    /// Whether the receiver may send chat messages and open data channels.
    pub publish_data: bool,
    /// Whether the receiver may receive what others send.
    pub subscribe: bool,
    /// Whether the receiver is hidden from the others.
    pub hidden: bool,
    /// Whether the receiver is a viewer: it only receives, until a moderator brings it on stage.
    #[serde(default)]
    #[ts(as = "Option<bool>")]
    pub viewer: bool,
    /// Whether the chat is on in this meeting.
    pub chat: bool,
    /// Whether screen sharing is on in this meeting.
    pub screen_share: bool,
    /// The identity for which an application vouches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name that others see, if the client cannot change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The state of a client in the lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum LobbyState {
    /// A moderator has to admit the client.
    Waiting,
    /// A moderator has admitted the client; it continues as if it had just connected.
    Admitted,
}

/// Payload of `lobby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct Lobby {
    /// The state of the receiver.
    pub state: LobbyState,
}

/// A client in the lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct LobbyPeer {
    /// The client.
    pub peer_id: String,
    /// The name from its knock or its token; empty until then.
    pub display_name: String,
}

/// Payload of `lobbyPeers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct LobbyPeers {
    /// All clients in the lobby, longest waiting first.
    pub peers: Vec<LobbyPeer>,
}

/// Payload of `roomState`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct RoomState {
    /// The meeting's title.
    pub title: String,
    /// Whether the room is locked for new participants.
    pub locked: bool,
    /// Whether newcomers wait until a moderator admits them, because a moderator turned this on.
    #[serde(default)]
    pub lobby: bool,
}

/// Payload of `peerChanged`, sent to all: changes of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerChanged {
    /// The participant.
    pub peer_id: String,
    /// Whether the participant moderates.
    pub moderator: bool,
    /// Whether no application vouches for the identity.
    pub guest: bool,
    /// What the participant may send.
    pub publish: PublishGrant,
    /// Whether the connection is alive; becomes false soon after the page is closed or the network is lost.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// What a participant currently sends: streams that exist and are not paused. Others may receive fewer in a large room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct Sends {
    /// Audio of a microphone.
    pub audio: bool,
    /// Video of a camera.
    pub video: bool,
    /// A screen.
    pub share: bool,
}

/// Payload of `peerSends`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerSends {
    /// The participant.
    pub peer_id: String,
    /// What the participant sends.
    pub sends: Sends,
}

/// Payload of `mutedByModerator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct MutedByModerator {
    /// The source that was paused or closed.
    pub source: PublishSource,
    /// The moderator; absent if hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
}

/// Payload of `handRaised`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct HandRaised {
    /// The participant.
    pub peer_id: String,
    /// Whether it is raised.
    pub raised: bool,
}

/// Payload of `viewers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct Viewers {
    /// The number of viewers in the meeting.
    pub count: u32,
}

/// A viewer who has raised a hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ViewerHand {
    /// The viewer.
    pub peer_id: String,
    /// The name of the viewer.
    pub display_name: String,
}

/// Payload of `viewerHands`: it replaces the previous list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ViewerHands {
    /// The number of viewers who have raised a hand.
    pub count: u32,
    /// Those who have waited longest, at most 50, in order.
    pub hands: Vec<ViewerHand>,
}

/// Payload of `reaction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct PeerReaction {
    /// The participant; absent: a viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// The reaction.
    pub reaction: Reaction,
}

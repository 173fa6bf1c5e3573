//! Requests about participants: raised hands, reactions, the lobby, and moderation. Not part of the mediasoup demo. Which client may
//! send them is in [`crate::message::request`].

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::null_is_default;
use super::device::Device;

/// Payload of `raiseHand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct RaiseHand {
    /// Whether the hand is raised.
    pub raised: bool,
}

/// A reaction, which the others see briefly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum Reaction {
    /// A thumb up.
    Like,
    /// Clapping hands.
    Clap,
    /// A heart.
    Heart,
    /// A laughing face.
    Laugh,
    /// A surprised face.
    Surprised,
    /// A party popper.
    Party,
}

/// Payload of `sendReaction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct SendReaction {
    /// The reaction.
    pub reaction: Reaction,
}

/// Payload of `setWatchedPeers`: it replaces the previous list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct WatchedPeers {
    /// At most 100 peers, in order of preference. If a room has more streams than the client can receive, theirs come first; peers that
    /// are not in the room are ignored.
    pub peer_ids: Vec<String>,
}

/// Payload of `knock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Knock {
    /// 1 to 64 characters.
    pub display_name: String,
    /// The client's program.
    #[serde(default, deserialize_with = "null_is_default")]
    #[ts(as = "Option<Device>")]
    pub device: Device,
}

/// Names a client in the room or in its lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct PeerRef {
    /// The client.
    pub peer_id: String,
}

/// Payload of `setRoomLock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct RoomLock {
    /// Whether the room is locked for new participants.
    pub locked: bool,
}

/// Payload of `setRoomLobby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct RoomLobby {
    /// Whether newcomers wait until a moderator admits them.
    pub enabled: bool,
}

/// The kinds of media that are granted, muted and stopped separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum PublishSource {
    /// Audio of a microphone.
    Audio,
    /// Video of a camera.
    Video,
    /// A screen, with its audio.
    Share,
}

/// Payload of `muteParticipant`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct MuteParticipant {
    /// The participant; absent: all participants except moderators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// The source: audio and video are paused, a screen is closed.
    pub source: PublishSource,
}

/// Changes of what a participant may send; absent fields stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct PublishChange {
    /// Audio of a microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// Video of a camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<bool>,
    /// A screen, with its audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<bool>,
}

/// Payload of `setPermissions`. Absent fields stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct SetPermissions {
    /// The participant.
    pub peer_id: String,
    /// What the participant may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<PublishChange>,
    /// Whether the participant may send chat messages and open data channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_data: Option<bool>,
    /// Whether the participant is a viewer. One who becomes a viewer is no longer a moderator; `false` brings a viewer on stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<bool>,
}

/// Payload of `setModerator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct SetModerator {
    /// The participant.
    pub peer_id: String,
    /// Whether the participant becomes a moderator.
    pub moderator: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::message::ClientRequest;

    #[test]
    fn reactions_and_sources_are_of_a_fixed_list() {
        let is_fit = |method: &str, data| ClientRequest::parse(method, data).is_ok();
        for reaction in ["like", "clap", "heart", "laugh", "surprised", "party"] {
            assert!(is_fit("sendReaction", json!({ "reaction": reaction })), "{reaction}");
        }
        for reaction in [json!("❤️"), json!("Like"), json!(""), json!(null), json!(1)] {
            assert!(!is_fit("sendReaction", json!({ "reaction": reaction })), "{reaction}");
        }
        for source in ["audio", "video", "share"] {
            assert!(is_fit("muteParticipant", json!({ "source": source, "peerId": null })), "{source}");
        }
        assert!(!is_fit("muteParticipant", json!({ "source": "screensharing" })));
    }

    #[test]
    fn knock_has_the_bounds_of_join() {
        for data in [
            json!({ "displayName": " " }),
            json!({ "displayName": "x".repeat(65) }),
            json!({ "displayName": "Ada", "device": { "name": "x".repeat(129) } }),
            json!({}),
        ] {
            let (knock, join) = (ClientRequest::parse("knock", data.clone()), ClientRequest::parse("join", data));
            let problem = |read: Result<_, crate::message::RequestError>| read.unwrap_err().to_string();
            assert_eq!(problem(knock), problem(join).replace("\"join\"", "\"knock\""));
        }
    }

    #[test]
    fn absent_fields_of_a_change_change_nothing() {
        let read = ClientRequest::parse(
            "setPermissions",
            json!({ "peerId": "p", "publish": { "audio": false, "video": null } }),
        );
        let Ok(ClientRequest::SetPermissions(change)) = read else { panic!("{read:?}") };
        let publish = change.publish.unwrap();
        assert_eq!((publish.audio, publish.video, publish.share, change.publish_data), (Some(false), None, None, None));
    }
}

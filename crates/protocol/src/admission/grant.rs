//! The content of an admission: the meeting to open a room for, and what the participant may do there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ts_rs::TS;

use crate::admin::RoomSettings;
use crate::id::format_id;

/// The facts about a meeting that the pod needs to open its room: the pod keeps no list of meetings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingGrant {
    /// Namespace of the Meeting.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting: a room never outlives the object it was opened for.
    pub uid: String,
    /// The settings that the operator can change while participants are in the room. A new field of this kind is added only there.
    #[serde(flatten)]
    pub settings: RoomSettings,
    /// Bitrate limits for its media.
    #[serde(default)]
    pub media: MediaGrant,
    /// Codecs to offer, by the subtype of their media type: `opus`, `VP8`, `VP9`, `H264`, `AV1`, `PCMU`, `PCMA`. Empty: all codecs
    /// of the pod. Unknown ones are ignored, and Opus is always offered.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Whether the chat is on.
    #[serde(default = "yes")]
    pub chat: bool,
    /// Whether screen sharing is on.
    #[serde(default = "yes")]
    pub screen_share: bool,
    /// Deadline (Unix seconds) until which a locked room waits for the list of people who were in it before it moved here; they may rejoin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning_until: Option<u64>,
    /// Whether the operator has a backup of the meeting's last room: a room that opens without it waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_backup: bool,
}

impl Default for MeetingGrant {
    /// Allows everything, for a meeting without a name.
    fn default() -> Self {
        Self {
            namespace: String::new(),
            name: String::new(),
            uid: String::new(),
            settings: RoomSettings::default(),
            media: MediaGrant::default(),
            codecs: Vec::new(),
            chat: true,
            screen_share: true,
            returning_until: None,
            has_backup: false,
        }
    }
}

/// Bitrate limits of a meeting. Absent fields are decided by the pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaGrant {
    /// Maximum bits per second that one participant may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_incoming_bitrate: Option<u32>,
    /// Maximum bits per second to one participant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outgoing_bitrate: Option<u32>,
    /// Bits per second to one participant until the bandwidth has been estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_outgoing_bitrate: Option<u32>,
}

/// The default of permissions that a meeting does not mention.
fn yes() -> bool {
    true
}

/// Identity and permissions of one participant.
#[allow(clippy::struct_excessive_bools, reason = "each is a separate permission")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParticipantGrant {
    /// The identity for which an application vouches with a join token. Absent: a guest, who may claim any name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name that others see, if the token sets it. Absent: the client chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the participant may admit, mute, remove and end.
    pub moderator: bool,
    /// Whether the participant waits until a moderator admits it.
    pub lobby: bool,
    /// What the participant may send.
    pub publish: PublishGrant,
    /// Whether the participant may receive what others send.
    pub subscribe: bool,
    /// Whether the participant may send chat messages and open data channels.
    pub publish_data: bool,
    /// Whether the participant is hidden from the others; a hidden participant sends nothing.
    pub hidden: bool,
    /// Whether it is a recorder: it is shown as such and does not count as a participant. It is never `hidden`: such an admission is
    /// refused.
    pub recorder: bool,
    /// Whether it is a viewer: it only receives, and the others see only how many viewers there are, until a moderator brings it on stage.
    /// `publish` is what it may send then. It is neither a moderator nor `hidden` nor a `recorder`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub viewer: bool,
    /// Set if the join token is valid for one person only: the first peer with this id is admitted, all others are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// The guest's id, which the router created for one browser in one meeting and keeps in a signed cookie and in tickets. It proves that
    /// the same guest returns, and other participants never learn it. Absent: nothing proves the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The client's network address as the router sees it: an IPv4 address, or the /64 of an IPv6 address. A hint, never a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the participant may receive plain RTP, that is, at an address of its choice.
    pub receive_plain: bool,
}

impl ParticipantGrant {
    /// The proven identity of the person: the same for all connections of one person, different for everyone else. `None` if nothing proves
    /// it. 32 hexadecimal digits of a hash (SHA-256), so that lists of people contain no names.
    pub fn person(&self) -> Option<String> {
        let (kind, id) = match (&self.identity, &self.guest) {
            (Some(identity), _) => ("identity", identity),
            (None, Some(guest)) => ("guest", guest),
            (None, None) => return None,
        };
        Some(short_digest(&format!("{kind}:{id}")))
    }
}

impl Default for ParticipantGrant {
    /// A guest in a meeting that is open to all.
    fn default() -> Self {
        Self {
            identity: None,
            name: None,
            moderator: false,
            lobby: false,
            publish: PublishGrant::default(),
            subscribe: true,
            publish_data: true,
            hidden: false,
            recorder: false,
            viewer: false,
            once: None,
            guest: None,
            address: None,
            receive_plain: false,
        }
    }
}

/// The kinds of media that a participant may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export, export_to = "messages.ts")]
pub struct PublishGrant {
    /// Audio of a microphone.
    pub audio: bool,
    /// Video of a camera.
    pub video: bool,
    /// A screen, with its audio.
    pub share: bool,
}

impl Default for PublishGrant {
    fn default() -> Self {
        Self { audio: true, video: true, share: true }
    }
}

/// The content of the router's token: the meeting and the participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// The meeting.
    pub meeting: MeetingGrant,
    /// The participant.
    #[serde(default)]
    pub participant: ParticipantGrant,
    /// Identifies the admission: each opens one socket.
    #[serde(default)]
    pub jti: String,
}

impl Admission {
    /// For a guest without additional permissions.
    pub fn guest(meeting: MeetingGrant) -> Self {
        Self { meeting, participant: ParticipantGrant::default(), jti: String::new() }
    }
}

/// The first 16 bytes of the text's SHA-256, as 32 hexadecimal digits.
pub(super) fn short_digest(text: &str) -> String {
    let first = Sha256::digest(text).iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
    format_id(first)
}

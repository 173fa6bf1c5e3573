//! What an admission says: the meeting to open a room for, and what the participant may do there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ts_rs::TS;

/// What the pod must know about a meeting to open its room: the pod keeps no list of meetings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingGrant {
    /// Namespace of the Meeting.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting: a room never outlives the object it was opened for.
    pub uid: String,
    /// Title that people see.
    pub title: String,
    /// People allowed at the same time.
    pub max_participants: u32,
    /// Seconds after which an empty room is closed.
    pub empty_timeout_seconds: u64,
    /// How much of the network its media may use.
    #[serde(default)]
    pub media: MediaGrant,
    /// Whether nobody new is let in.
    #[serde(default)]
    pub locked: bool,
    /// Codecs to offer, by the subtype of their media type: `opus`, `VP8`, `VP9`, `H264`, `AV1`, `PCMU`, `PCMA`. Empty: all that the
    /// pod has. Unknown ones are passed over, and Opus is always there.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Whether people may write to each other.
    #[serde(default = "yes")]
    pub chat: bool,
    /// Whether people may show their screen.
    #[serde(default = "yes")]
    pub screen_share: bool,
    /// Until when (Unix seconds) a locked room waits to learn who was in it before it moved here; those people may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning_until: Option<u64>,
}

/// What a meeting says about its media. What it does not say, the pod decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaGrant {
    /// Bits per second that one participant may send at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_incoming_bitrate: Option<u32>,
    /// Bits per second that one participant is sent at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outgoing_bitrate: Option<u32>,
    /// Bits per second that one participant is sent until the way has been measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_outgoing_bitrate: Option<u32>,
}

/// What a meeting allows that says nothing about it.
fn yes() -> bool {
    true
}

/// What one participant may do, and as whom.
#[allow(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParticipantGrant {
    /// Who it is, as an application has vouched for with a join token. Absent: a guest, who is whoever they say they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name that others see, where the token fixes it. Absent: the client chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether they may admit, mute, remove and end.
    pub moderator: bool,
    /// Whether they wait until a moderator admits them.
    pub lobby: bool,
    /// What they may send.
    pub publish: PublishGrant,
    /// Whether they may receive what others send.
    pub subscribe: bool,
    /// Whether they may write in the chat and open data channels of their own.
    pub publish_data: bool,
    /// Whether nobody is told that they are there. They send nothing then.
    pub hidden: bool,
    /// Whether it is a recorder: it is shown as such, and counts as nobody. It is never `hidden`: such an admission is refused.
    pub recorder: bool,
    /// Set where the join token is good for one person only: the first peer to come with this id; others with the same are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// Which guest it is: an id that the router made for one browser in one meeting and keeps in a signed cookie and in tickets. It proves
    /// that the same guest returns, and other participants never learn it. Absent: nothing proves who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The client's network address as the router sees it: an IPv4 address, or the /64 of an IPv6 address. A hint, never a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether they may receive by plain RTP, that is, have the pod send to an address of their choice.
    pub receive_plain: bool,
}

impl ParticipantGrant {
    /// Who this provably is: the same for every connection of one person, and different for everybody else. `None` if nothing proves it.
    /// 32 hexadecimal digits of a hash (SHA-256), so that lists of people hold no names.
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
    /// A guest in a meeting that is open to everybody.
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
            once: None,
            guest: None,
            address: None,
            receive_plain: false,
        }
    }
}

/// The kinds of media that somebody may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export, export_to = "messages.ts")]
pub struct PublishGrant {
    /// Sound of a microphone.
    pub audio: bool,
    /// Pictures of a camera.
    pub video: bool,
    /// A screen, with its sound.
    pub share: bool,
}

impl Default for PublishGrant {
    fn default() -> Self {
        Self { audio: true, video: true, share: true }
    }
}

/// What the router's token says: into which meeting, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// The meeting.
    pub meeting: MeetingGrant,
    /// The participant.
    #[serde(default)]
    pub participant: ParticipantGrant,
    /// Tells one admission from another: each opens one socket.
    #[serde(default)]
    pub jti: String,
}

impl Admission {
    /// For somebody of whom nothing is known.
    pub fn guest(meeting: MeetingGrant) -> Self {
        Self { meeting, participant: ParticipantGrant::default(), jti: String::new() }
    }
}

/// The first 16 bytes of the text's SHA-256, as 32 hexadecimal digits.
pub(super) fn short_digest(text: &str) -> String {
    let first = Sha256::digest(text).iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
    format!("{first:032x}")
}

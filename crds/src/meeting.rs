//! The `Meeting` kind: what teams apply.
//!
//! The doc comments of the fields are what `kubectl explain meeting.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::struct_excessive_bools, reason = "each is a separate switch, as in YAML")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::names::DEFAULT_POOL;

mod media;
mod moves;
mod spread;

pub use media::{Codec, MeetingMedia};
pub use moves::{MeetingMove, MeetingMovePhase, MovePod};
pub use spread::{MeetingSite, Spread};

/// Refuses control characters, line ends, and characters that are invisible or change the direction of the text around them. Joiners are
/// allowed: emoji and some scripts need them.
const TITLE_RULE: &str = r"self.matches('^[^\\p{Cc}\\p{Zl}\\p{Zp}\\x{AD}\\x{61C}\\x{200B}\\x{200E}\\x{200F}\\x{202A}-\\x{202E}\\x{2060}-\\x{206F}\\x{FEFF}]*$')";

/// Desired state of the meeting. Every field has a default: `spec: {}` is valid.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "convene.dev",
    version = "v1alpha1",
    kind = "Meeting",
    plural = "meetings",
    shortname = "mtg",
    category = "convene",
    namespaced,
    status = "MeetingStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "A video meeting with a stable URL. Apply it, wait for the condition Ready, and share status.joinUrl with the participants. \
           Deleting it ends the call for all participants.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "Phase of the meeting"),
    printcolumn(
        name = "Participants",
        type_ = "integer",
        json_path = ".status.participants",
        description = "Participants in the call, as of a few seconds ago"
    ),
    printcolumn(
        name = "Join URL",
        type_ = "string",
        json_path = ".status.joinUrl",
        description = "URL that participants open in a browser"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1,
        description = "Reason of the condition Ready"
    ),
    printcolumn(
        name = "Pod",
        type_ = "string",
        json_path = ".status.pod.name",
        priority = 1,
        description = "Media pod that carries the call"
    ),
    printcolumn(
        name = "Node",
        type_ = "string",
        json_path = ".status.pod.node",
        priority = 1,
        description = "Node of the media pod"
    ),
    printcolumn(
        name = "Recording",
        type_ = "boolean",
        json_path = ".status.recording",
        priority = 1,
        description = "Whether the call is being recorded"
    )
)]
#[x_kube(
    validation = Rule::new("!has(self.startsAt) || !has(self.endsAt) || timestamp(self.endsAt) > timestamp(self.startsAt)")
        .message("endsAt must be after startsAt"),
    validation = Rule::new("!has(self.spread) || self.spread.maxPods == 1 || self.placement != 'Dedicated'")
        .message("spread.maxPods must be 1 with placement Dedicated: use placement Shared, and a MediaPool of its own if the meeting must be isolated")
)]
#[serde(rename_all = "camelCase")]
pub struct MeetingSpec {
    /// Title shown to participants, for example "Weekly planning". At most 200 characters. Defaults to the name of the meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    #[x_kube(validation = Rule::new(TITLE_RULE).message("title must be a single line without invisible characters or characters that change the direction of the text"))]
    pub title: Option<String>,

    /// Name of the MediaPool that carries the call. Pools are in the namespace that Convene is installed in; `kubectl get mediapools -A`
    /// lists them. Defaults to "default". Immutable: to use another pool, delete the meeting and create it again.
    #[serde(default = "default_pool")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("pool is immutable: delete the meeting and create it again in the other pool"),
        validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("pool must be the name of a MediaPool: lowercase letters, digits and '-', starting and ending with a letter or digit")
    )]
    pub pool: String,

    /// Whether the meeting shares its media pod with other meetings (Shared) or has a pod to itself (Dedicated), for example because it
    /// is large or must be isolated from the load of others. A Dedicated meeting takes one of the pool's spare pods if there is one. The
    /// pool limits the number of Dedicated meetings per namespace (`namespaceLimits.dedicated`); meetings above the limit wait. Defaults
    /// to Shared. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("placement is immutable: delete the meeting and create it again"))]
    pub placement: MeetingPlacement,

    /// Maximum number of participants in the call at the same time, viewers included, 1 to 10000. Defaults to 50. Lowering it during a
    /// call disconnects no one; new participants are refused while the meeting is full. It must not exceed `capacity.participants` of the
    /// MediaPool, times `spread.maxPods`: such a meeting fails with the reason MeetingTooLarge.
    #[serde(default = "default_max_participants")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_participants: u32,

    /// Spread of the meeting over several media pods, for more participants than one pod can serve.
    #[serde(default, skip_serializing_if = "Spread::is_default")]
    pub spread: Spread,

    /// Whether the meeting is locked. A locked meeting admits no new participants; those in the call stay, and may rejoin after a lost
    /// connection. Can be changed at any time. Defaults to false.
    #[serde(default)]
    pub locked: bool,

    /// Who may join, and who moderates.
    #[serde(default)]
    pub access: Access,

    /// Codecs and bitrates that participants may use.
    #[serde(default)]
    pub media: MeetingMedia,

    /// Features besides audio and video. Media pods enforce `chat` and `screenShare`, the router enforces `recording` and `demoClients`.
    #[serde(default)]
    pub features: Features,

    /// Time from which participants can join, for example "2026-12-01T09:00:00Z". Until then the meeting is Pending with the reason
    /// Scheduled. If not set, participants can join immediately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,

    /// Time at which the meeting ends: all participants are disconnected, and the phase becomes Ended. Must be after `startsAt`. Moving
    /// it into the future reopens an ended meeting. If not set, the meeting does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,

    /// Seconds from the end of the meeting until its Meeting object is deleted, 0 to 31536000 (one year). A meeting that is created with
    /// an end in the past is deleted after five minutes at the earliest. If not set, the object is not deleted automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_after_ended: Option<u32>,

    /// Seconds for which the media pod keeps an empty room, including its chat, after the last participant has left, 0 to 86400. Defaults
    /// to 300. The meeting itself remains: its URL stays valid, and the next participant opens a new room.
    #[serde(default = "default_empty_timeout")]
    #[schemars(range(min = 0, max = 86_400))]
    pub empty_timeout: u32,
}

/// Whether a meeting shares its media pod with others or has one to itself.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeetingPlacement {
    /// Shares a pod with other meetings.
    #[default]
    Shared,
    /// Has a pod to itself.
    Dedicated,
}

/// Who may join, and who moderates.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Who may join. Open: any client that knows the URL. Token: clients with a join token, which an application signs. Lobby: clients
    /// with a join token, and clients that a moderator admits from the lobby. A join token is always verified, also in an Open meeting.
    /// Can be changed at any time; participants in the call stay. Defaults to Open. How to issue tokens: docs/access.md.
    #[serde(default)]
    pub policy: AccessPolicy,

    /// Identities (the claim `sub` of join tokens) that are moderators of this meeting, in addition to participants whose token says so.
    /// At most 50, compared exactly. Identities are checked when a participant joins, so a change affects only those who join later.
    /// Guests have no identity, whatever display name they choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 200)))]
    pub moderators: Vec<String>,

    /// Role in which participants join, unless their join token sets the claim `viewer`. Participant: they are seen, and may send.
    /// Viewer: they only receive, and the others see how many viewers there are, but not who; a moderator can bring them on stage.
    /// Moderators are never viewers. A meeting with more than a few hundred participants needs viewers, because all others are announced
    /// to each other. A change affects those who join later. Defaults to Participant.
    #[serde(default, skip_serializing_if = "JoinAs::is_default")]
    pub join_as: JoinAs,
}

/// Role in which participants join.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JoinAs {
    /// Seen by the others, and may send.
    #[default]
    Participant,
    /// Only receives, and is counted instead of announced.
    Viewer,
}

impl JoinAs {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who may join a meeting.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessPolicy {
    /// Any client that knows the URL.
    #[default]
    Open,
    /// Clients with a join token.
    Token,
    /// Clients with a join token, and clients that a moderator admits.
    Lobby,
}

/// Features besides audio and video.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Whether participants may use the chat. Defaults to true.
    #[serde(default = "yes")]
    pub chat: bool,
    /// Whether participants may share their screen. Defaults to true.
    #[serde(default = "yes")]
    pub screen_share: bool,
    /// Whether recorders may join: participants whose join token has the claim `recorder`. Defaults to false.
    #[serde(default)]
    pub recording: bool,
    /// Whether clients of mediasoup-demo may join, at the URLs that they use themselves. Defaults to false.
    #[serde(default)]
    pub demo_clients: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { chat: true, screen_share: true, recording: false, demo_clients: false }
    }
}

/// Observed state of the meeting. Written only by the operator.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingStatus {
    /// Phase of the meeting: Pending (waits; the conditions say for what), Starting (assigned to a media pod that is not ready yet),
    /// Ready (participants can join), Draining (participants are in the call and will be moved to another pod), Ended, or Failed (cannot
    /// work until the spec is corrected).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MeetingPhase>,

    /// Conditions of the meeting. Accepted: its pool exists and its spec can be served. Assigned: it is assigned to a media pod, which
    /// `status.pod` names. MediaReachable: a probe got a response from the pod's media ports at the announced address. Ready:
    /// participants can join now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// URL to open in a browser. It stays the same for the lifetime of the meeting, whatever pod carries it, and can be shared before the
    /// meeting is ready: participants who arrive early wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_url: Option<String>,

    /// Media pod that carries the meeting. It is recorded here before any client is directed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<AssignedPod>,

    /// Media pods that serve participants besides `pod`, which has the room: at most `spec.spread.maxPods` - 1, and those that participants
    /// have yet to leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<MeetingSite>,

    /// Move between media pods that is under way or was the last one.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub last_move: Option<MeetingMove>,

    /// Time at which the meeting ended. `spec.ttlAfterEnded` counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,

    /// Number of participants in the call, as reported by the media pod a few seconds ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<u32>,

    /// Whether the call is being recorded, as last reported by the media pod: a recorder is in the room. Participants are informed before
    /// they join. If absent, the call is not being recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recording: bool,

    /// Whether a MeetingBackup of the same name holds what moderators decided in the call: if the media pod crashes, the next room continues
    /// with it before it admits participants.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backup: bool,

    /// Generation of the spec that this status describes. If it is older than `metadata.generation`, the latest change has not been
    /// reconciled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Phase of the meeting: Pending (waits; the conditions say for what), Starting (assigned to a media pod that is not ready yet), Ready
/// (participants can join), Draining (participants are in the call and will be moved to another pod), Ended, or Failed (cannot work until
/// the spec is corrected).
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingPhase {
    /// Waits; the conditions say for what.
    Pending,
    /// Assigned to a media pod that is not ready yet.
    Starting,
    /// Participants can join.
    Ready,
    /// Participants are in the call and will be moved to another pod.
    Draining,
    /// The meeting is over.
    Ended,
    /// Cannot work until the spec is corrected.
    Failed,
}

/// The media pod that carries a meeting.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AssignedPod {
    /// Name of the pod, in the namespace that Convene is installed in.
    pub name: String,
    /// UID of the pod. It distinguishes the pod from a later one of the same name.
    pub uid: String,
    /// Node the pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// IP address of the pod in the cluster, at which the router reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Port for signaling at that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Announced addresses: those that browsers send media to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Port block for media at those addresses, UDP and TCP, first and last port: `40000-40003`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtc_ports: Option<String>,
    /// Ports that browsers use instead, if they differ: `40000/udp=31001,40000/tcp=31002`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_ports: Option<String>,
    /// Time at which the meeting moved to this pod with participants in the call. For one minute after that they may rejoin even if the
    /// meeting is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Time>,
    /// UID of the pod that the meeting was on before, if that pod was lost. The router closes the connections to it, so that clients
    /// connect to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

fn default_pool() -> String {
    DEFAULT_POOL.to_owned()
}

const fn yes() -> bool {
    true
}

const fn default_max_participants() -> u32 {
    50
}

const fn default_empty_timeout() -> u32 {
    300
}

#[cfg(test)]
mod tests;

//! The `Meeting` kind: the team's side.
//!
//! The doc comments of the fields are what `kubectl explain meeting.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::struct_excessive_bools, reason = "each is a switch of its own, and reads so in YAML")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::names::DEFAULT_POOL;

/// No control characters, no line ends, and nothing that hides or turns the text around it. Joiners may stand in a title: emoji and some
/// scripts need them.
const TITLE_RULE: &str = r"self.matches('^[^\\p{Cc}\\p{Zl}\\p{Zp}\\x{AD}\\x{61C}\\x{200B}\\x{200E}\\x{200F}\\x{202A}-\\x{202E}\\x{2060}-\\x{206F}\\x{FEFF}]*$')";

/// What the meeting is to be. Everything has a default: `spec: {}` is a complete meeting.
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
    doc = "A video meeting with a stable URL. Apply it, wait for the condition Ready, and give people the address in status.joinUrl. \
           Deleting it ends the call for everybody in it.",
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "Where the meeting is in its life"
    ),
    printcolumn(
        name = "Participants",
        type_ = "integer",
        json_path = ".status.participants",
        description = "People in the call, a few seconds old"
    ),
    printcolumn(
        name = "Join URL",
        type_ = "string",
        json_path = ".status.joinUrl",
        description = "Address for the browser"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1,
        description = "Why it is ready or waits"
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
        description = "Node of that pod"
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
        .message("endsAt is not after startsAt: a meeting must begin before it ends")
)]
#[serde(rename_all = "camelCase")]
pub struct MeetingSpec {
    /// Title shown to participants, for example "Weekly planning". Without one they see the meeting's name. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    #[x_kube(validation = Rule::new(TITLE_RULE).message("title must be one line without characters that cannot be seen or that change the direction of writing"))]
    pub title: Option<String>,

    /// Name of the MediaPool that carries the call. Pools live in the namespace Convene is installed in; `kubectl get mediapools -A`
    /// lists them. Cannot be changed later: to use another pool, delete the meeting and create it again.
    #[serde(default = "default_pool")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("pool cannot be changed: delete the meeting and create it again in the other pool"),
        validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("pool must be the name of a MediaPool: lower-case letters, digits and '-', beginning and ending with a letter or digit")
    )]
    pub pool: String,

    /// Whether the meeting shares its media pod with others (Shared) or has one to itself (Dedicated), for example because it is large or
    /// must not feel its neighbours. A dedicated pod is taken from the pool's spare ones when there is one. How many a namespace may have is a
    /// limit of the pool (`namespaceLimits.dedicated`); a meeting above it waits. Cannot be changed later.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("placement cannot be changed: delete the meeting and create it again"))]
    pub placement: MeetingPlacement,

    /// How many people may be in the call at once, 1 to 1000. Can be changed while people are in the call: those who are in stay. Whoever comes after that is told that the meeting is full. It cannot be
    /// larger than `capacity.participants` of the MediaPool: such a meeting fails with the reason MeetingTooLarge.
    #[serde(default = "default_max_participants")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_participants: u32,

    /// Nobody new is let in while this is true; who is in stays, and may come back after a lost connection. Can be changed at any time.
    #[serde(default)]
    pub locked: bool,

    /// Who may come in.
    #[serde(default)]
    pub access: Access,

    /// What people may send, and how much of the network it may take.
    #[serde(default)]
    pub media: MeetingMedia,

    /// What there is besides sound and pictures. Media pods enforce `chat` and `screenShare`, the router `recording` and `demoClients`.
    #[serde(default)]
    pub features: Features,

    /// When people can come in, for example "2026-12-01T09:00:00Z". Until then the meeting is Pending with the reason Scheduled. Without
    /// it: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,

    /// When the meeting is over: everybody is sent away, and its phase is Ended. Moving it into the future opens an ended meeting again.
    /// Without it the meeting is never over by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,

    /// Seconds after its end until the Meeting object is deleted, 0 to 31536000 (a year). Without it the object stays until somebody
    /// deletes it. A meeting whose end is past when it is created is deleted five minutes later at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_after_ended: Option<u32>,

    /// Seconds the media pod keeps the empty room (its chat, for example) after the last person left, 0 to 86400. The meeting itself
    /// stays: its URL goes on working, and the next person who opens it finds a fresh room.
    #[serde(default = "default_empty_timeout")]
    #[schemars(range(min = 0, max = 86_400))]
    pub empty_timeout: u32,
}

/// Whether a meeting shares its media pod with others or has one to itself.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeetingPlacement {
    /// With other meetings, as long as there is room.
    #[default]
    Shared,
    /// Alone on its pod.
    Dedicated,
}

/// Who may come in.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Open: whoever knows the address. Token: whoever brings a join token that an application has signed. Lobby: whoever a moderator
    /// admits, or who brings a token. Can be changed at any time; who is in stays. Whoever shows a token has it checked, in an Open meeting too.
    /// How to make tokens: docs/access.md.
    #[serde(default)]
    pub policy: AccessPolicy,

    /// Identities (of join tokens) that are moderators of this meeting, besides those whose token says so. At most 50. They are compared
    /// letter by letter when somebody comes in, so a change is for those who come after it. Guests have no identity, whatever name they choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 200)))]
    pub moderators: Vec<String>,
}

/// Who may come into a meeting.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessPolicy {
    /// Whoever knows the address.
    #[default]
    Open,
    /// Whoever brings a join token.
    Token,
    /// Whoever is admitted by a moderator, or brings a join token.
    Lobby,
}

/// What people may send, and how much of the network it may take.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingMedia {
    /// Codecs that may be used. Empty: those the media pod offers, which are all but AV1. Opus is there in any case, because every browser
    /// needs it. AV1 is forwarded with temporal layers only; clients that send it with spatial layers are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub codecs: Vec<Codec>,

    /// Kilobits per second that one participant may send at most, 50 to 100000. Without it: the media pod's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 100_000))]
    pub max_send_kbps: Option<u32>,

    /// Kilobits per second that one participant is sent at most, 50 to 100000. Without it: the media pod's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 100_000))]
    pub max_receive_kbps: Option<u32>,
}

/// A codec by its name in SDP.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "these are names of codecs")]
pub enum Codec {
    #[serde(rename = "opus")]
    Opus,
    #[serde(rename = "PCMU")]
    Pcmu,
    #[serde(rename = "PCMA")]
    Pcma,
    #[serde(rename = "VP8")]
    Vp8,
    #[serde(rename = "VP9")]
    Vp9,
    #[serde(rename = "H264")]
    H264,
    #[serde(rename = "AV1")]
    Av1,
}

impl Codec {
    /// Its name in SDP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        }
    }
}

/// What there is besides sound and pictures.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Whether people may write to each other.
    #[serde(default = "yes")]
    pub chat: bool,
    /// Whether people may show their screen.
    #[serde(default = "yes")]
    pub screen_share: bool,
    /// Whether a recorder, a participant with a token that says so, may come in.
    #[serde(default)]
    pub recording: bool,
    /// Whether clients of the mediasoup demo may come in by the demo's own form of address.
    #[serde(default)]
    pub demo_clients: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { chat: true, screen_share: true, recording: false, demo_clients: false }
    }
}

/// What Convene has made of the meeting. Written by the operator alone.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingStatus {
    /// Where the meeting is in its life, in one word: Pending (waits, the conditions say for what), Starting (has a media pod that is
    /// not ready yet), Ready (people can join), Draining (people are in, and are about to be moved to another pod), Ended (over) or Failed
    /// (cannot work until the spec is mended).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MeetingPhase>,

    /// What is true of the meeting, by type. Accepted: its pool exists and its spec can be served. Assigned: it is bound to a media
    /// pod, which `status.pod` names. MediaReachable: a probe got an answer from the pod's media ports at the address that browsers are told.
    /// Ready: people can join now. Each has a reason for programs and a message for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Address to open in a browser. It never changes while the meeting exists, whatever pod carries it, and may be given out before
    /// the meeting is ready: who comes early waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_url: Option<String>,

    /// The media pod that carries the meeting. Recorded before anybody is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<AssignedPod>,

    /// When the meeting was over, if it is. `spec.ttlAfterEnded` counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,

    /// How many people are in the call, as the media pod told a few seconds ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<u32>,

    /// Whether the call is being recorded, as last reported by the media pod: a recorder is in the room. Participants are told before they
    /// join. Absent: it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recording: bool,

    /// The generation of the spec that this status describes. Older than `metadata.generation`: a change was not looked at yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Where the meeting is in its life, in one word: Pending (waits, the conditions say for what), Starting (has a media pod that is not
/// ready yet), Ready (people can join), Draining (people are in, and are about to be moved to another pod), Ended (over) or Failed (cannot
/// work until the spec is mended).
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingPhase {
    /// Waits for something; the conditions say for what.
    Pending,
    /// Bound to a media pod that is not ready yet.
    Starting,
    /// People can join.
    Ready,
    /// People are in, and are about to be moved to another pod.
    Draining,
    /// Over.
    Ended,
    /// Cannot work until the spec is mended.
    Failed,
}

/// The media pod that carries a meeting.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AssignedPod {
    /// Name of the pod, in the namespace Convene is installed in.
    pub name: String,
    /// UID of the pod: a later pod of the same name is another pod.
    pub uid: String,
    /// Node the pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Address of the pod inside the cluster, where the router reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Port of the pod's signaling at that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Addresses that browsers send their media to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Ports for media at those addresses, UDP and TCP, first and last: `40000-40003`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtc_ports: Option<String>,
    /// Ports that browsers use instead, where they differ: `40000/udp=31001,40000/tcp=31002`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_ports: Option<String>,
    /// When the meeting came to this pod with people in it. For a minute after that they may come back, also if the meeting is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Time>,
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

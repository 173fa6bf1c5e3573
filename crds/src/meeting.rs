//! The `Meeting` kind: the team's side.
//!
//! The doc comments of the fields are what `kubectl explain meeting.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::names::DEFAULT_POOL;

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
    )
)]
#[serde(rename_all = "camelCase")]
pub struct MeetingSpec {
    /// Title shown to participants, for example "Weekly planning". Without one they see the meeting's name. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
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

    /// How many people may be in the call at once, 1 to 1000. Whoever comes after that is told that the meeting is full. It cannot be
    /// larger than `capacity.participants` of the MediaPool: such a meeting fails with the reason MeetingTooLarge.
    #[serde(default = "default_max_participants")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_participants: u32,

    /// Seconds the media pod keeps the empty room (its chat, for example) after the last person left, 0 to 86400. The meeting itself
    /// stays: its URL goes on working, and the next person who opens it finds a fresh room.
    #[serde(default = "default_empty_timeout")]
    #[schemars(range(min = 0, max = 86_400))]
    pub empty_timeout: u32,
}

/// What Convene has made of the meeting. Written by the operator alone.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingStatus {
    /// Where the meeting is in its life, in one word: Pending (waits, the conditions say for what), Starting (has a media pod that is
    /// not ready yet), Ready (people can join), Ended (over for good) or Failed (cannot work until the spec is mended).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MeetingPhase>,

    /// What is true of the meeting, by type. Accepted: its pool exists and its spec can be served. Assigned: it is bound to a media
    /// pod, which `status.pod` names. Ready: people can join now. Each has a reason for programs and a message for people.
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

    /// How many people are in the call. Taken from the media pod every few seconds; for the live number ask the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<u32>,

    /// The generation of the spec that this status describes. Older than `metadata.generation`: a change was not looked at yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Where the meeting is in its life, in one word: Pending (waits, the conditions say for what), Starting (has a media pod that is not
/// ready yet), Ready (people can join), Ended (over for good) or Failed (cannot work until the spec is mended).
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingPhase {
    /// Waits for something; the conditions say for what.
    Pending,
    /// Bound to a media pod that is not ready yet.
    Starting,
    /// People can join.
    Ready,
    /// Over for good.
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
}

fn default_pool() -> String {
    DEFAULT_POOL.to_owned()
}

const fn default_max_participants() -> u32 {
    50
}

const fn default_empty_timeout() -> u32 {
    300
}

#[cfg(test)]
mod tests;

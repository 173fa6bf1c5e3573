//! What a `MediaPool`'s status says.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the pool has. Written by the operator alone.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolStatus {
    /// The generation of the spec that this status describes. Older than `metadata.generation`: a change was not looked at yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The pool's pods, counted.
    #[serde(default)]
    pub pods: PodCounts,
    /// The pool's ports, counted.
    #[serde(default)]
    pub ports: PortCounts,
    /// Meetings bound to the pool's pods.
    #[serde(default)]
    pub meetings: u32,
    /// Hash of the template that new pods are made from. Pods with another one are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Selects the pool's pods, for tools that read the scale of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Blocks of ports that are given to a pod, or rest after one. Written before the pod is made, so that no block is given out again too
    /// early, whatever happens to the operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["ports".into()]))]
    pub blocks: Vec<PortBlock>,
    /// What is true of the pool, by type. Ready: it has a pod that can take people now. PodsAvailable: every pod it wants could be created
    /// and started; if not, the message says which pod, and why. Updated: all its pods are made from the current template.
    /// MediaReachable: a probe got an answer from the media ports of its pods at the addresses that browsers are told. PortsExclusive: no
    /// other pool draws from the same ports of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The pods of a pool, counted.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PodCounts {
    /// Pods that can take people now.
    #[serde(default)]
    pub ready: u32,
    /// Pods that are not ready yet.
    #[serde(default)]
    pub starting: u32,
    /// Ready pods without a meeting.
    #[serde(default)]
    pub warm: u32,
    /// Pods that are being drained: no new meeting comes to them, and theirs are moved away.
    #[serde(default)]
    pub draining: u32,
    /// Pods made from an older template.
    #[serde(default)]
    pub outdated: u32,
    /// All pods, those that are going away included.
    #[serde(default)]
    pub total: u32,
}

/// A block of ports that is given to a pod, or rests after one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PortBlock {
    /// First and last port: `40000-40003`.
    pub ports: String,
    /// Until when it rests: packets of the calls it carried may still be under way. Absent while it is given to a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Time>,
}

/// The ports of a pool, counted.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PortCounts {
    /// Ports in `spec.rtcPorts`.
    #[serde(default)]
    pub total: u32,
    /// Ports in the block of a pod.
    #[serde(default)]
    pub used: u32,
    /// Ports that rest after use, and are free in half a minute.
    #[serde(default)]
    pub resting: u32,
    /// The others.
    #[serde(default)]
    pub free: u32,
}

//! The status of a `MediaPool`.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Observed state of the pool. Written only by the operator.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolStatus {
    /// Generation of the spec that this status describes. If it is older than `metadata.generation`, the latest change has not been
    /// reconciled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number of pods, by state.
    #[serde(default)]
    pub pods: PodCounts,
    /// Number of ports in `spec.rtcPorts`, by state.
    #[serde(default)]
    pub ports: PortCounts,
    /// Number of meetings assigned to the pool's pods.
    #[serde(default)]
    pub meetings: u32,
    /// Hash of the template that new pods are created from. Pods with another hash are outdated and are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Label selector of the pool's pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Port blocks that are allocated to a pod or resting. Written before the pod is created, so that no block is reallocated too early,
    /// even if the operator restarts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["ports".into()]))]
    pub blocks: Vec<PortBlock>,
    /// Conditions of the pool. Ready: at least one pod accepts participants. PodsAvailable: all required pods could be created and
    /// started; if not, the message names the pod and the cause. Updated: all pods are created from the current template. MediaReachable:
    /// a probe got a response from the pods' media ports at their announced addresses. PortsExclusive: no other pool uses the same ports
    /// of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Number of pods of a pool, by state.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PodCounts {
    /// Pods that accept participants.
    #[serde(default)]
    pub ready: u32,
    /// Pods that are not ready yet.
    #[serde(default)]
    pub starting: u32,
    /// Ready pods without a meeting.
    #[serde(default)]
    pub warm: u32,
    /// Pods that are being drained: they are assigned no new meetings, and their meetings are moved away.
    #[serde(default)]
    pub draining: u32,
    /// Pods created from an older template.
    #[serde(default)]
    pub outdated: u32,
    /// All pods, including those that are being deleted.
    #[serde(default)]
    pub total: u32,
}

/// A block of ports that is allocated to a pod or resting.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PortBlock {
    /// First and last port: `40000-40003`.
    pub ports: String,
    /// Time until which the block rests after its release: packets of earlier calls may still arrive. Absent while the block is allocated
    /// to a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Time>,
}

/// Number of ports of a pool, by state.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PortCounts {
    /// Ports in `spec.rtcPorts`.
    #[serde(default)]
    pub total: u32,
    /// Ports in blocks that are allocated to pods.
    #[serde(default)]
    pub used: u32,
    /// Ports that were released less than 30 seconds ago and are not allocated yet.
    #[serde(default)]
    pub resting: u32,
    /// Ports that are neither used nor resting.
    #[serde(default)]
    pub free: u32,
}

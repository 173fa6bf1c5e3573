//! The `MediaPool` kind: the platform's side.
//!
//! The doc comments of the fields are what `kubectl explain mediapool.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::Toleration,
    apimachinery::pkg::{apis::meta::v1::Condition, util::intstr::IntOrString},
};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// How the media pods of this pool look, where their ports are, and how many there are.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "convene.dev",
    version = "v1alpha1",
    kind = "MediaPool",
    plural = "mediapools",
    shortname = "mpool",
    category = "convene",
    namespaced,
    status = "MediaPoolStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be at most 40 lower-case letters, digits and '-', because the media pods are named after their pool"),
    doc = "A set of media pods of one kind. The operator keeps some of them ready, makes more when meetings need them, and gives each its own \
           block of ports for media. It belongs in the namespace Convene is installed in; meetings name it in spec.pool.",
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.pods.ready",
        description = "Pods that can take people now"
    ),
    printcolumn(
        name = "Pods",
        type_ = "integer",
        json_path = ".status.pods.total",
        description = "All pods of the pool"
    ),
    printcolumn(name = "Max", type_ = "integer", json_path = ".spec.max", description = "Most pods the pool may have"),
    printcolumn(
        name = "Meetings",
        type_ = "integer",
        json_path = ".status.meetings",
        description = "Meetings bound to its pods"
    ),
    printcolumn(
        name = "Free ports",
        type_ = "integer",
        json_path = ".status.ports.free",
        description = "Ports no pod uses"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Exposure",
        type_ = "string",
        json_path = ".spec.exposure",
        priority = 1,
        description = "How media reaches the pods"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1,
        description = "Why it is ready or waits"
    )
)]
#[x_kube(
    validation = Rule::new("self.rtcPorts.max - self.rtcPorts.min + 1 >= self.workersPerPod + self.plainPorts")
        .message("rtcPorts has no room for a single pod: a pod takes workersPerPod + plainPorts ports, so widen rtcPorts or lower those two"),
    validation = Rule::new("self.exposure != 'HostNetwork' || self.rtcPorts.max - self.rtcPorts.min + 1 >= self.workersPerPod + self.plainPorts + 1")
        .message("rtcPorts has no room for a single pod: with exposure HostNetwork a pod takes one port more, for signaling, so widen rtcPorts"),
    validation = Rule::new("self.warm <= self.max")
        .message("warm is larger than max: raise max, or keep fewer spare pods")
)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolSpec {
    /// Container image of the media pods. Without it: the image the operator was installed with, which is the one tested with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,

    /// When the node fetches the image: Always, IfNotPresent or Never. Without it: Kubernetes' own rule (Always for the tag `latest`,
    /// else IfNotPresent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// CPU and memory of each media pod, as in a Pod. One worker uses at most one CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ContainerResources>,

    /// Labels a node must have to get media pods of this pool, as in a Pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of nodes that media pods of this pool put up with, as in a Pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,

    /// Media workers in each pod, 1 to 64. A worker is one thread with one port for media, UDP and TCP; a meeting lives on one worker.
    #[serde(default = "default_workers_per_pod")]
    #[schemars(range(min = 1, max = 64))]
    pub workers_per_pod: u16,

    /// Ports in each pod for senders that do not speak WebRTC (ffmpeg, GStreamer), after the workers' ports. 0 to 64.
    #[serde(default)]
    #[schemars(range(min = 0, max = 64))]
    pub plain_ports: u16,

    /// Ports that media pods may use for media. Each pod takes a block of `workersPerPod` + `plainPorts` ports in a row. With exposure
    /// HostPort or HostNetwork these are ports of the nodes: nothing else may listen there, and firewalls must let UDP and TCP in. With
    /// HostNetwork a block has one port more, for signaling.
    pub rtc_ports: RtcPorts,

    /// How media gets from browsers to the pods. HostPort: the pod's block is opened on its node under the same numbers. HostNetwork: the
    /// pod shares its node's network; fastest, but its namespace must admit privileged pods. PodIP: browsers reach pods directly, as on a
    /// flat network.
    #[serde(default)]
    pub exposure: Exposure,

    /// Which address is told to browsers as the place to send media to.
    #[serde(default)]
    pub announced_address: AnnouncedAddress,

    /// What one media pod takes on at most.
    #[serde(default)]
    pub capacity: Capacity,

    /// Ready pods without meetings to keep in reserve, so that a new meeting does not wait for a pod to start.
    #[serde(default = "default_warm")]
    #[schemars(range(min = 0, max = 1000))]
    pub warm: u32,

    /// The most pods the pool may have, the spare ones included. When all of them are full, new meetings wait with the reason PoolFull.
    #[serde(default = "default_max")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,
}

/// When the node fetches the image: Always, IfNotPresent or Never. Without it: Kubernetes' own rule (Always for the tag `latest`, else
/// IfNotPresent).
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Every time a container starts.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Never: the image must be on the node already.
    Never,
}

impl ImagePullPolicy {
    /// The word Kubernetes uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// CPU and memory of a container.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ContainerResources {
    /// What the container may use at most, for example `{cpu: "2", memory: 1Gi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, IntOrString>,
    /// What the scheduler sets aside for the container, for example `{cpu: 500m, memory: 256Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, IntOrString>,
}

/// A range of ports, both ends included.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[x_kube(validation = Rule::new("self.min <= self.max").message("rtcPorts.min is larger than rtcPorts.max: swap them"))]
#[serde(rename_all = "camelCase")]
pub struct RtcPorts {
    /// First port, 1024 to 65535.
    #[schemars(range(min = 1024, max = 65_535))]
    pub min: u16,
    /// Last port, 1024 to 65535; not smaller than `min`.
    #[schemars(range(min = 1024, max = 65_535))]
    pub max: u16,
}

/// How media gets from browsers to the pods of a pool.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// The pod's block is opened on its node under the same numbers.
    #[default]
    HostPort,
    /// The pod shares its node's network.
    HostNetwork,
    /// Browsers reach the pod's own address.
    #[serde(rename = "PodIP")]
    PodIp,
}

/// Which address is told to browsers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.policy != 'Fixed' || (has(self.addresses) && self.addresses.size() > 0)")
        .message("policy Fixed needs the addresses to announce: list them in announcedAddress.addresses"),
    validation = Rule::new("self.policy == 'Fixed' || !has(self.addresses) || self.addresses.size() == 0")
        .message("addresses are announced only under policy Fixed: set announcedAddress.policy to Fixed, or remove the addresses")
)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedAddress {
    /// Where the address comes from. NodeAddress: the node's ExternalIP, or its InternalIP where it has none (with exposure PodIP: the pod's
    /// own address). Fixed: always `addresses`, for example of a load balancer or a one-to-one NAT in front of the nodes.
    #[serde(default)]
    pub policy: AddressPolicy,

    /// The addresses to announce under policy Fixed, IPv4 or IPv6, at most 4. Every pod of the pool announces the same ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = Rule::new("self.all(address, isIP(address))").message("every one of announcedAddress.addresses must be an IPv4 or IPv6 address, such as 203.0.113.7; host names are not possible"))]
    pub addresses: Vec<String>,
}

/// Where the announced address comes from.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// The node's external address, else its internal one.
    #[default]
    NodeAddress,
    /// What the pool's spec says.
    Fixed,
}

/// What one media pod takes on at most.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// People in one pod, over all its meetings, 1 to 10000. Also the largest `maxParticipants` a meeting of this pool can have.
    #[serde(default = "default_capacity_participants")]
    #[schemars(range(min = 1, max = 10_000))]
    pub participants: u32,
    /// Meetings bound to one pod, 1 to 10000. A meeting nobody is in costs a pod nothing, so this may be high.
    #[serde(default = "default_capacity_meetings")]
    #[schemars(range(min = 1, max = 10_000))]
    pub meetings: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { participants: default_capacity_participants(), meetings: default_capacity_meetings() }
    }
}

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
    /// What is true of the pool, by type. Ready: it has a pod that can take people now. PodsAvailable: every pod it wants could be created
    /// and started; if not, the message says which pod, and why.
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
    /// All pods, those that are going away included.
    #[serde(default)]
    pub total: u32,
}

/// The ports of a pool, counted.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PortCounts {
    /// Ports in `spec.rtcPorts`.
    #[serde(default)]
    pub total: u32,
    /// Ports in the block of a pod, or resting after one.
    #[serde(default)]
    pub used: u32,
    /// The others.
    #[serde(default)]
    pub free: u32,
}

const fn default_workers_per_pod() -> u16 {
    1
}

const fn default_warm() -> u32 {
    1
}

const fn default_max() -> u32 {
    10
}

const fn default_capacity_participants() -> u32 {
    200
}

const fn default_capacity_meetings() -> u32 {
    1000
}

#[cfg(test)]
mod tests;

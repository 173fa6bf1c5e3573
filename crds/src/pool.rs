//! The `MediaPool` kind: the platform's side.
//!
//! The doc comments of the fields are what `kubectl explain mediapool.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::Toleration, apimachinery::pkg::util::intstr::IntOrString};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

mod namespaces;
mod network;
mod status;

pub use namespaces::{AllowedNamespaces, NamespaceLimits, NamespacesFrom};
pub use network::{AddressPolicy, AnnouncedAddress, Exposure, IceServer, PlainRtp, RtcPorts};
pub use status::{MediaPoolStatus, PodCounts, PortBlock, PortCounts};

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
    scale(
        spec_replicas_path = ".spec.warm",
        status_replicas_path = ".status.pods.warm",
        label_selector_path = ".status.selector"
    ),
    cel,
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be at most 40 lower-case letters, digits and '-', because the media pods are named after their pool"),
    doc = "A set of media pods of one kind. The operator keeps some of them ready, makes more when meetings need them, and gives each its own \
           block of ports for media. It belongs in the namespace Convene is installed in; meetings name it in spec.pool. When it is deleted, it \
           stays until nobody is in a call on it any more, for spec.drain.deadlineSeconds at most.",
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.pods.ready",
        description = "Pods that can take people now"
    ),
    printcolumn(
        name = "Spare",
        type_ = "integer",
        json_path = ".status.pods.warm",
        description = "Ready pods without meetings"
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
        .message("warm is larger than max: raise max, or keep fewer spare pods"),
    validation = Rule::new("!has(self.metricsPorts) || self.exposure == 'HostNetwork'")
        .message("metricsPorts belongs to exposure HostNetwork, and only to that: with the others every pod has a network of its own, so remove it"),
    validation = Rule::new("!has(self.metricsPorts) || self.metricsPorts.max < self.rtcPorts.min || self.metricsPorts.min > self.rtcPorts.max")
        .message("metricsPorts and rtcPorts have ports in common: firewalls open rtcPorts, so give metrics others"),
    validation = Rule::new("!has(self.metricsPorts) || self.metricsPorts.max - self.metricsPorts.min + 1 >= (self.rtcPorts.max - self.rtcPorts.min + self.workersPerPod + self.plainPorts + 1) / (self.workersPerPod + self.plainPorts + 1)")
        .message("metricsPorts is too small: each block of rtcPorts (workersPerPod + plainPorts + 1 ports) needs one port of it, so widen it")
)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolSpec {
    /// Container image of the media pods. Without it: the image the operator was installed with, which is the one tested with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._:/@-]*$')").message("image must be the reference of a container image, such as registry.example.com/convene-media-pod:1.0"))]
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

    /// Priority class of the media pods, as in a Pod. A class above those of other work keeps calls from being evicted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Names of Secrets with credentials of the image registry, in the namespace Convene is installed in. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    pub image_pull_secrets: Vec<String>,

    /// Node label over whose values the pods are spread evenly where possible, for example `topology.kubernetes.io/zone`.
    #[serde(default = "default_topology_key")]
    #[schemars(length(min = 1, max = 317))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')").message("topologyKey must be the key of a node label, such as topology.kubernetes.io/zone"))]
    pub topology_key: String,

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
    /// HostNetwork a block has one port more, for signaling. Pods outside a changed range are replaced.
    #[x_kube(validation = Rule::new("self.min <= self.max").message("rtcPorts.min is larger than rtcPorts.max: swap them"))]
    pub rtc_ports: RtcPorts,

    /// How media gets from browsers to the pods. HostPort: the pod's block is opened on its node under the same numbers. HostNetwork: the
    /// pod shares its node's network; fastest, but its namespace must admit privileged pods. NodePort: a Service for each pod opens ports
    /// that Kubernetes chooses on the nodes, and browsers are told those. LoadBalancer: a Service for each pod gets an address of its own
    /// from the cloud. PodIP: browsers reach pods directly, as on a flat network.
    #[serde(default)]
    pub exposure: Exposure,

    /// Where pods of this pool may send plain RTP (`plainPorts`) to.
    #[serde(default)]
    pub plain_rtp: PlainRtp,

    /// Ports of the nodes for the metrics of pods with exposure HostNetwork, one for each block of `rtcPorts`. Whoever reaches them reads
    /// the metrics, so keep them closed in firewalls. Without it such pods serve no metrics. With the other exposures every pod serves them
    /// on port 9090 of its own network, which no node opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.min <= self.max").message("metricsPorts.min is larger than metricsPorts.max: swap them"))]
    pub metrics_ports: Option<RtcPorts>,

    /// Which address is told to browsers as the place to send media to.
    #[serde(default)]
    pub announced_address: AnnouncedAddress,

    /// Whether the operator sends a STUN request to each pod's announced address now and then, to find out whether media would get there.
    /// The condition MediaReachable tells the result. Turn it off where the operator itself cannot reach that address although browsers can.
    #[serde(default = "yes")]
    pub probe_media: bool,

    /// STUN and TURN servers for browsers that cannot reach the media ports directly. At most 8. Whoever asks the join
    /// route of the router gets them, with credentials: docs/access.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub ice_servers: Vec<IceServer>,

    /// Whose meetings may use this pool.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,

    /// How much of the pool one namespace may hold at most, like a ResourceQuota: so no namespace takes it from all others. A meeting that
    /// exceeds a limit waits with the reason NamespaceShareUsed. Lowering a limit ends no call: meetings that have their place keep it.
    #[serde(default)]
    pub namespace_limits: NamespaceLimits,

    /// Namespaces whose meetings may have a pod to themselves (placement Dedicated), each as many as `namespaceLimits.dedicated`. Others wait
    /// with the reason DedicatedNotAllowed.
    #[serde(default)]
    pub dedicated_namespaces: AllowedNamespaces,

    /// What one media pod takes on at most.
    #[serde(default)]
    pub capacity: Capacity,

    /// Ready pods without meetings to keep in reserve, so that a new meeting does not wait for a pod to start.
    #[serde(default = "default_warm")]
    #[schemars(range(min = 0, max = 1000))]
    pub warm: u32,

    /// The most pods the pool may have, the spare ones included. When all of them are full, new meetings wait with the reason PoolFull.
    /// Lowering it deletes no pod that carries meetings: those go as they become empty.
    #[serde(default = "default_max")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,

    /// How people are moved off a pod that has to go: because its node is cordoned, or its template has changed; and how long they may stay
    /// when the pool is deleted.
    #[serde(default)]
    pub drain: Drain,

    /// How pods are replaced when their template changes.
    #[serde(default)]
    pub rollout: Rollout,
}

/// How people are moved off a pod that has to go.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Seconds after which a pod that is being drained is deleted even if somebody is still on it, 10 to 86400. They come back to the same
    /// address, on another pod. If the pool is being deleted, it counts from then, and their calls end.
    #[serde(default = "default_drain_deadline")]
    #[schemars(range(min = 10, max = 86_400))]
    pub deadline_seconds: u32,
    /// Meetings with people that are moved in one second at most, 1 to 1000: each of them joins anew, which costs the new pod some work.
    #[serde(default = "default_drain_pace")]
    #[schemars(range(min = 1, max = 1000))]
    pub pace: u32,
}

impl Default for Drain {
    fn default() -> Self {
        Self { deadline_seconds: default_drain_deadline(), pace: default_drain_pace() }
    }
}

/// How pods are replaced when their template changes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Pods above `max` that may exist while others are being replaced or drained, 0 to 100. With 0 a full pool must end a pod before it can
    /// start its successor, and the people of that pod wait meanwhile.
    #[serde(default = "default_max_surge")]
    #[schemars(range(min = 0, max = 100))]
    pub max_surge: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { max_surge: default_max_surge() }
    }
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

const fn default_workers_per_pod() -> u16 {
    1
}

fn default_topology_key() -> String {
    "kubernetes.io/hostname".to_owned()
}

const fn yes() -> bool {
    true
}

const fn default_drain_deadline() -> u32 {
    300
}

const fn default_drain_pace() -> u32 {
    2
}

const fn default_max_surge() -> u32 {
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

//! The `MediaPool` kind: what the platform team applies.
//!
//! The doc comments of the fields are what `kubectl explain mediapool.spec` prints, so they are written for that reader.

#![allow(clippy::duplicated_attributes, reason = "printer columns repeat their types")]
#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

mod container;
mod namespaces;
mod network;
mod status;

pub use container::{ContainerResources, ImagePullPolicy};
pub use namespaces::{AllowedNamespaces, NamespaceLimits, NamespacesFrom};
pub use network::{AddressPolicy, AnnouncedAddress, Exposure, IceServer, PlainRtp, RtcPorts};
pub use status::{MediaPoolStatus, PodCounts, PortBlock, PortCounts};

/// Desired state of the pool: template, ports and number of its media pods.
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
        .message("metadata.name must be at most 40 lowercase letters, digits and '-', starting and ending with a letter or digit: media pods are named after their pool"),
    doc = "A set of identical media pods. The operator keeps spare pods ready, creates more when meetings need them, and allocates a block of \
           ports to each. It must be in the namespace that Convene is installed in; meetings refer to it in spec.pool. A deleted pool \
           remains until its last call has ended, for at most spec.drain.deadlineSeconds.",
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.pods.ready",
        description = "Pods that accept participants"
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
    printcolumn(name = "Max", type_ = "integer", json_path = ".spec.max", description = "Maximum number of pods"),
    printcolumn(
        name = "Meetings",
        type_ = "integer",
        json_path = ".status.meetings",
        description = "Meetings assigned to the pool's pods"
    ),
    printcolumn(
        name = "Free ports",
        type_ = "integer",
        json_path = ".status.ports.free",
        description = "Ports available to new pods"
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
        description = "Reason of the condition Ready"
    )
)]
#[x_kube(
    validation = Rule::new("self.rtcPorts.max - self.rtcPorts.min + 1 >= self.workersPerPod + self.plainPorts")
        .message("rtcPorts is too small for a single pod: each pod needs workersPerPod + plainPorts ports; widen rtcPorts or lower one of the two"),
    validation = Rule::new("self.exposure != 'HostNetwork' || self.rtcPorts.max - self.rtcPorts.min + 1 >= self.workersPerPod + self.plainPorts + 1")
        .message("rtcPorts is too small for a single pod: with exposure HostNetwork each pod needs one more port, for signaling; widen rtcPorts"),
    validation = Rule::new("self.exposure != 'HostNetwork' || !has(self.pipePorts) || self.pipePorts == 0")
        .message("pipePorts must be 0 with exposure HostNetwork: such pods share the ports of their node; use another exposure"),
    validation = Rule::new("self.warm <= self.max")
        .message("warm is larger than max: raise max or lower warm"),
    validation = Rule::new("!has(self.metricsPorts) || self.exposure == 'HostNetwork'")
        .message("metricsPorts may only be set with exposure HostNetwork: with the others each pod has its own network; remove metricsPorts"),
    validation = Rule::new("!has(self.metricsPorts) || self.metricsPorts.max < self.rtcPorts.min || self.metricsPorts.min > self.rtcPorts.max")
        .message("metricsPorts must not overlap rtcPorts: firewalls open rtcPorts, so use other ports for metrics"),
    validation = Rule::new("!has(self.metricsPorts) || self.metricsPorts.max - self.metricsPorts.min + 1 >= (self.rtcPorts.max - self.rtcPorts.min + self.workersPerPod + self.plainPorts + 1) / (self.workersPerPod + self.plainPorts + 1)")
        .message("metricsPorts is too small: it needs one port for each block of rtcPorts (workersPerPod + plainPorts + 1 ports); widen metricsPorts")
)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolSpec {
    /// Container image of the media pods. Defaults to the image that belongs to the installed operator, which is the one tested with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._:/@-]*$')").message("image must be a container image reference, such as registry.example.com/convene-media-pod:1.0"))]
    pub image: Option<String>,

    /// When the image is pulled: Always, IfNotPresent or Never, as in a Pod. Defaults to Always for the tag `latest`, otherwise to
    /// IfNotPresent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// CPU and memory of each media pod, as in a Pod. Each worker uses at most one CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ContainerResources>,

    /// Labels that a node must have to run media pods of this pool, as in a Pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints that media pods of this pool tolerate, as in a Pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,

    /// Priority class of the media pods, as in a Pod. A high priority keeps media pods from being preempted by other workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Names of Secrets with credentials for the image registry, in the namespace that Convene is installed in. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    pub image_pull_secrets: Vec<String>,

    /// Key of the node label across whose values the pods are spread evenly where possible, for example `topology.kubernetes.io/zone`.
    /// Defaults to `kubernetes.io/hostname`.
    #[serde(default = "default_topology_key")]
    #[schemars(length(min = 1, max = 317))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')").message("topologyKey must be a node label key, such as topology.kubernetes.io/zone"))]
    pub topology_key: String,

    /// Number of media workers in each pod, 1 to 64. Defaults to 1. A worker is one thread with one port for media, UDP and TCP. A
    /// large meeting uses several workers if `plainPorts` is at least 1.
    #[serde(default = "default_workers_per_pod")]
    #[schemars(range(min = 1, max = 64))]
    pub workers_per_pod: u16,

    /// Number of ports in each pod for senders without WebRTC, such as ffmpeg and GStreamer, 0 to 64. They follow the ports of the
    /// workers. Defaults to 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 64))]
    pub plain_ports: u16,

    /// Number of UDP ports in each pod for streams to other media pods of the same meeting, 0 to 1024: one for each pair of pods of each
    /// meeting. They are ports of the pod's own address, which only media pods need to reach. Defaults to 0: then `spread.maxPods` of a
    /// meeting has no effect.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1024))]
    pub pipe_ports: u16,

    /// Ports from which media pods are allocated blocks. Each pod uses a contiguous block of `workersPerPod` + `plainPorts` ports. With
    /// exposure HostPort or HostNetwork these are ports of the nodes: nothing else may listen on them, and firewalls must admit UDP and
    /// TCP. With HostNetwork each block has one more port, for signaling. If the range changes, pods outside of it are replaced.
    #[x_kube(validation = Rule::new("self.min <= self.max").message("rtcPorts.min is larger than rtcPorts.max: swap them"))]
    pub rtc_ports: RtcPorts,

    /// How media reaches the pods from browsers. HostPort: the pod's port block is opened on its node, with the same numbers.
    /// HostNetwork: the pod uses the network of its node, which is fastest, but the namespace must admit privileged pods. NodePort: a
    /// Service per pod opens node ports that Kubernetes allocates, and these are announced to browsers. LoadBalancer: a Service per pod
    /// gets its own address from the cloud provider. PodIP: browsers reach pods directly, as on a flat network. Defaults to HostPort.
    #[serde(default)]
    pub exposure: Exposure,

    /// Where media pods may send plain RTP (`plainPorts`) to.
    #[serde(default)]
    pub plain_rtp: PlainRtp,

    /// Node ports for the metrics of pods with exposure HostNetwork, one for each block of `rtcPorts`. Metrics need no credentials, so
    /// keep these ports closed in firewalls. If not set, such pods serve no metrics. With the other exposures each pod serves metrics on
    /// port 9090 of its own network, which no node opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.min <= self.max").message("metricsPorts.min is larger than metricsPorts.max: swap them"))]
    pub metrics_ports: Option<RtcPorts>,

    /// Address that is announced to browsers as the destination of their media.
    #[serde(default)]
    pub announced_address: AnnouncedAddress,

    /// Whether the operator periodically sends a STUN request to the announced address of each pod to check that media can reach it. The
    /// condition MediaReachable has the result. Set it to false where browsers can reach that address but the operator cannot. Defaults
    /// to true.
    #[serde(default = "yes")]
    pub probe_media: bool,

    /// STUN and TURN servers for browsers that cannot reach the media ports directly. At most 8. Every client that calls the join route
    /// of the router receives them, including credentials: docs/access.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub ice_servers: Vec<IceServer>,

    /// Namespaces whose meetings may use this pool.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,

    /// Limits on the share of the pool that one namespace may use, like a ResourceQuota. A meeting above a limit waits with the reason
    /// NamespaceShareUsed. Lowering a limit ends no call: meetings that are already assigned keep their place.
    #[serde(default)]
    pub namespace_limits: NamespaceLimits,

    /// Namespaces whose meetings may have a pod to themselves (placement Dedicated), up to `namespaceLimits.dedicated` per namespace.
    /// Dedicated meetings of other namespaces wait with the reason DedicatedNotAllowed.
    #[serde(default)]
    pub dedicated_namespaces: AllowedNamespaces,

    /// Capacity of each media pod.
    #[serde(default)]
    pub capacity: Capacity,

    /// Number of ready pods without meetings to keep in reserve, so that new meetings do not wait for a pod to start, 0 to 1000. Defaults
    /// to 1. `kubectl scale` sets this field.
    #[serde(default = "default_warm")]
    #[schemars(range(min = 0, max = 1000))]
    pub warm: u32,

    /// Maximum number of pods, including spare ones, 1 to 1000. Defaults to 10. When all of them are full, new meetings wait with the
    /// reason PoolFull. Lowering it deletes no pod that carries meetings: such pods are deleted when they become empty.
    #[serde(default = "default_max")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,

    /// How participants are moved off a pod that is drained because its node is cordoned or its template has changed, and how long they
    /// may stay when the pool is deleted.
    #[serde(default)]
    pub drain: Drain,

    /// How pods are replaced when the template of the pool changes.
    #[serde(default)]
    pub rollout: Rollout,
}

/// How participants are moved off a pod that is drained.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Seconds after which a draining pod is deleted even if it still has participants, 10 to 86400. Defaults to 300. They reconnect at
    /// the same URL, on another pod. If the pool is being deleted, the time counts from the deletion, and the remaining calls end.
    #[serde(default = "default_drain_deadline")]
    #[schemars(range(min = 10, max = 86_400))]
    pub deadline_seconds: u32,
    /// Number of participants that are moved per second, 1 to 10000. Defaults to 20. They all connect to the new pod, which is work for
    /// it. A meeting moves as a whole; after a large one, the next waits accordingly.
    #[serde(default = "default_drain_pace")]
    #[schemars(range(min = 1, max = 10_000))]
    pub pace: u32,
    /// Seconds for which participants may be connected to both pods while their meeting moves, 0 to 600. Defaults to 10. The old pod closes
    /// their connections at the latest then. With 0 all of them reconnect at once. Clients that do not support moves always do.
    #[serde(default = "default_handover")]
    #[schemars(range(min = 0, max = 600))]
    pub handover_seconds: u32,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            deadline_seconds: default_drain_deadline(),
            pace: default_drain_pace(),
            handover_seconds: default_handover(),
        }
    }
}

/// How pods are replaced when the template of the pool changes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Number of pods above `max` that may exist while others are replaced or drained, 0 to 100. Defaults to 1. With 0, a full pool must
    /// delete a pod before it can start the replacement, and the participants of that pod wait in the meantime.
    #[serde(default = "default_max_surge")]
    #[schemars(range(min = 0, max = 100))]
    pub max_surge: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { max_surge: default_max_surge() }
    }
}

/// Capacity of a media pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Maximum number of participants on one pod, across all of its meetings, 1 to 10000. Defaults to 200. It is also the upper limit of
    /// `maxParticipants` for meetings of this pool that use one pod.
    #[serde(default = "default_capacity_participants")]
    #[schemars(range(min = 1, max = 10_000))]
    pub participants: u32,
    /// Maximum number of meetings assigned to one pod, 1 to 10000. Defaults to 1000. A meeting without participants uses no resources of
    /// the pod, so this can be high.
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
    20
}

const fn default_handover() -> u32 {
    10
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

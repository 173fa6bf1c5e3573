//! Labels, annotations, condition types and paths that two programs of Convene must agree on.
//!
//! A string that only one program uses does not belong here.

/// Default of `spec.pool` of a Meeting.
pub const DEFAULT_POOL: &str = "default";

/// Label: the program that a pod runs (recommended label of Kubernetes).
pub const LABEL_APP_NAME: &str = "app.kubernetes.io/name";
/// Value of [`LABEL_APP_NAME`] on media pods.
pub const MEDIA_POD_APP_NAME: &str = "convene-media-pod";
/// Label: the manager of an object (recommended label of Kubernetes).
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`] on all objects that the operator creates.
pub const MANAGED_BY: &str = "convene-operator";
/// Label: name of the `MediaPool` that a media pod belongs to.
pub const LABEL_POOL: &str = "convene.dev/pool";
/// Label: hash of the template that a media pod was created from. A different hash means an older template.
pub const LABEL_REVISION: &str = "convene.dev/revision";
/// Label selector of all media pods of all pools.
pub const MEDIA_POD_SELECTOR: &str = "app.kubernetes.io/name=convene-media-pod";

/// Label selector of all other objects that the operator creates for a pool.
pub const MANAGED_BY_SELECTOR: &str = "app.kubernetes.io/managed-by=convene-operator";
/// Label: name of a media pod, on the pod and on the Service for its ports.
pub const LABEL_POD: &str = "convene.dev/pod";

/// Annotation: port block of a media pod, first and last port (`40000-40003`). Written at creation, never changed.
pub const ANNOTATION_RTC_PORTS: &str = "convene.dev/rtc-ports";
/// Annotation: announced addresses of a media pod, comma-separated. Written once the pod has a node; the pod reads them from a downward
/// API volume.
pub const ANNOTATION_ANNOUNCED_ADDRESSES: &str = "convene.dev/announced-addresses";

/// Annotation: ports that browsers use where they differ from those the pod listens on, `PORT/PROTOCOL=ANNOUNCED`, comma-separated
/// (`40000/udp=31001,40000/tcp=31002`). Written together with [`ANNOTATION_ANNOUNCED_ADDRESSES`] and read by the pod in the same way.
pub const ANNOTATION_ANNOUNCED_PORTS: &str = "convene.dev/announced-ports";
/// Annotation: the pod is being drained, with the start and the reason (`2026-11-25T10:00:00Z Cordoned`). It is assigned no new
/// meetings, and its meetings are moved away.
pub const ANNOTATION_DRAINING: &str = "convene.dev/draining";
/// Finalizer of a `MediaPool`: keeps it until its participants have left or the drain deadline has passed. Added before the first pod is
/// created.
pub const FINALIZER_DRAIN: &str = "convene.dev/drain";
/// Label: `true` on media pods without participants. The disruption budget protects all others, including new ones.
pub const LABEL_EVICTABLE: &str = "convene.dev/evictable";
/// Condition in the status of a media pod: whether a STUN request to its announced address got a response.
pub const POD_CONDITION_MEDIA_REACHABLE: &str = "convene.dev/MediaReachable";

/// Name of the container in a media pod.
pub const MEDIA_CONTAINER: &str = "media-pod";
/// Name of the container port for signaling, health and the admin API.
pub const HTTP_PORT_NAME: &str = "http";
/// Default number of the port [`HTTP_PORT_NAME`]. Pods in the network of their node use another one: read the container port.
pub const MEDIA_HTTP_PORT: u16 = 8080;
/// Name of the container port for metrics. Pods without it serve no metrics.
pub const METRICS_PORT_NAME: &str = "metrics";
/// Default number of the port [`METRICS_PORT_NAME`]. Pods that use it for media have another one: read the container port.
pub const MEDIA_METRICS_PORT: u16 = 9090;
/// Name of the container port at which other media pods use the workers of a pod.
pub const LINK_PORT_NAME: &str = "link";
/// Default number of the port [`LINK_PORT_NAME`].
pub const MEDIA_LINK_PORT: u16 = 9443;
/// Mount path of the `ConfigMap` with the public admission keys in media pods.
pub const ADMISSION_KEYS_DIR: &str = "/etc/convene/admission";
/// Key in that `ConfigMap`, and name of the file: a JSON Web Key Set.
pub const ADMISSION_KEYS_FILE: &str = "jwks.json";
/// Key in the Secret with the admission key: the private key (PKCS#8 PEM).
pub const ADMISSION_PRIVATE_KEY: &str = "private.pem";
/// Key in the Secret with the admission key: the key id.
pub const ADMISSION_KEY_ID: &str = "kid";
/// Mount path of the downward API volume in media pods.
pub const POD_INFO_DIR: &str = "/etc/convene/pod";
/// File in [`POD_INFO_DIR`] with the announced addresses; empty until the operator has written them.
pub const ANNOUNCED_ADDRESSES_FILE: &str = "announced-addresses";

/// File in [`POD_INFO_DIR`] with the announced ports; empty if they are those the pod listens on.
pub const ANNOUNCED_PORTS_FILE: &str = "announced-ports";

/// Condition of a Meeting: its pool exists and its spec can be served.
pub const CONDITION_ACCEPTED: &str = "Accepted";
/// Condition of a Meeting: it is assigned to a media pod, which `status.pod` names.
pub const CONDITION_ASSIGNED: &str = "Assigned";
/// Condition of both kinds: a probe got a response from the media ports at the announced address.
pub const CONDITION_MEDIA_REACHABLE: &str = "MediaReachable";
/// Condition of both kinds: participants can join the meeting, or the pool accepts meetings.
pub const CONDITION_READY: &str = "Ready";
/// Condition of a `MediaPool`: all required pods could be created and started.
pub const CONDITION_PODS_AVAILABLE: &str = "PodsAvailable";

/// Condition of a `MediaPool`: all its pods are created from the current template.
pub const CONDITION_UPDATED: &str = "Updated";
/// Condition of a `MediaPool`: no other pool uses the same ports of the nodes.
pub const CONDITION_PORTS_EXCLUSIVE: &str = "PortsExclusive";

/// Status `True` of a condition.
pub const TRUE: &str = "True";
/// Status `False` of a condition.
pub const FALSE: &str = "False";
/// Status `Unknown` of a condition.
pub const UNKNOWN: &str = "Unknown";

/// Path of the web page of a meeting: the part of `status.joinUrl` after the public URL.
pub fn join_path(namespace: &str, name: &str) -> String {
    format!("/m/{namespace}/{name}")
}

/// Path of the signaling `WebSocket` of a meeting, the same on the router and on the media pod.
pub fn signal_path(namespace: &str, name: &str) -> String {
    format!("/signal/{namespace}/{name}")
}

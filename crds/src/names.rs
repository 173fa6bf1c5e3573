//! Every label, annotation, condition type and path that two parts of Convene must agree on.
//!
//! What it never does: decide anything. A string that only one part uses does not belong here.

/// API group of both kinds.
pub const GROUP: &str = "convene.dev";
/// API version of both kinds.
pub const VERSION: &str = "v1alpha1";
/// `spec.pool` of a Meeting that names none.
pub const DEFAULT_POOL: &str = "default";

/// Label: what kind of program a pod runs (Kubernetes' recommended label).
pub const LABEL_APP_NAME: &str = "app.kubernetes.io/name";
/// Value of [`LABEL_APP_NAME`] on media pods.
pub const MEDIA_POD_APP_NAME: &str = "convene-media-pod";
/// Label: who manages the object (Kubernetes' recommended label).
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`] on everything the operator creates.
pub const MANAGED_BY: &str = "convene-operator";
/// Label: name of the `MediaPool` a media pod belongs to.
pub const LABEL_POOL: &str = "convene.dev/pool";
/// Label: hash of the template a media pod was made from; another hash means an older template.
pub const LABEL_REVISION: &str = "convene.dev/revision";
/// Selects every media pod of every pool.
pub const MEDIA_POD_SELECTOR: &str = "app.kubernetes.io/name=convene-media-pod";

/// Selects everything else that the operator makes beside a pool.
pub const MANAGED_BY_SELECTOR: &str = "app.kubernetes.io/managed-by=convene-operator";
/// Label: name of a media pod, on the pod itself and on the Service that opens its ports.
pub const LABEL_POD: &str = "convene.dev/pod";

/// Annotation: the RTC port block of a media pod, first and last port (`40000-40003`). Written at creation, never changed.
pub const ANNOTATION_RTC_PORTS: &str = "convene.dev/rtc-ports";
/// Annotation: addresses that browsers reach the media pod at, comma-separated. Written once the pod has a node;
/// the pod reads it through a downward-API volume.
pub const ANNOTATION_ANNOUNCED_ADDRESSES: &str = "convene.dev/announced-addresses";

/// Annotation: ports that browsers must use where they differ from those the pod listens on, `PORT/PROTOCOL=ANNOUNCED` and comma-separated
/// (`40000/udp=31001,40000/tcp=31002`). Written together with [`ANNOTATION_ANNOUNCED_ADDRESSES`], and read by the pod the same way.
pub const ANNOTATION_ANNOUNCED_PORTS: &str = "convene.dev/announced-ports";
/// Annotation: the pod is being drained, since when and why (`2026-11-25T10:00:00Z Cordoned`). No meeting is bound to it any more, and those
/// it carries are moved away.
pub const ANNOTATION_DRAINING: &str = "convene.dev/draining";
/// Finalizer of a `MediaPool`: it goes only when its people have left or their time is over. The operator puts it on before it makes pods.
pub const FINALIZER_DRAIN: &str = "convene.dev/drain";
/// Label with the value `true` on media pods that nobody is in: the disruption budget protects all others, new ones included.
pub const LABEL_EVICTABLE: &str = "convene.dev/evictable";
/// Condition of a media pod, in its own status: whether a STUN request to its announced address was answered.
pub const POD_CONDITION_MEDIA_REACHABLE: &str = "convene.dev/MediaReachable";

/// Name of the container of a media pod.
pub const MEDIA_CONTAINER: &str = "media-pod";
/// Name of the container port for signaling, health and the admin API.
pub const HTTP_PORT_NAME: &str = "http";
/// Number of that port. A pod that shares the node's network listens elsewhere: read the container port.
pub const MEDIA_HTTP_PORT: u16 = 8080;
/// Name of the container port for metrics. Pods without it serve none.
pub const METRICS_PORT_NAME: &str = "metrics";
/// Number of that port, unless it is one of the pod's media ports: read the container port.
pub const MEDIA_METRICS_PORT: u16 = 9090;
/// Where media pods mount the `ConfigMap` with the public admission keys.
pub const ADMISSION_KEYS_DIR: &str = "/etc/convene/admission";
/// Key in that `ConfigMap`, and the file's name: a JSON Web Key Set.
pub const ADMISSION_KEYS_FILE: &str = "jwks.json";
/// Key of the private key (PKCS#8 PEM) in the admission key Secret.
pub const ADMISSION_PRIVATE_KEY: &str = "private.pem";
/// Key of the key's id in the admission key Secret.
pub const ADMISSION_KEY_ID: &str = "kid";
/// Where media pods mount what the API server tells them about themselves.
pub const POD_INFO_DIR: &str = "/etc/convene/pod";
/// File in [`POD_INFO_DIR`] with the announced addresses; empty until the operator knows them.
pub const ANNOUNCED_ADDRESSES_FILE: &str = "announced-addresses";

/// File in [`POD_INFO_DIR`] with the announced ports; empty where they are those the pod listens on.
pub const ANNOUNCED_PORTS_FILE: &str = "announced-ports";

/// Condition of a Meeting: its pool exists and its spec can be served.
pub const CONDITION_ACCEPTED: &str = "Accepted";
/// Condition of a Meeting: it is bound to a media pod, which `status.pod` names.
pub const CONDITION_ASSIGNED: &str = "Assigned";
/// Condition of both kinds: browsers outside reach the media ports at the announced address, as far as a probe can tell.
pub const CONDITION_MEDIA_REACHABLE: &str = "MediaReachable";
/// Condition of both kinds: people can join the meeting, or the pool can take meetings, right now.
pub const CONDITION_READY: &str = "Ready";
/// Condition of a `MediaPool`: all the pods it wants could be created and could start.
pub const CONDITION_PODS_AVAILABLE: &str = "PodsAvailable";

/// Condition of a `MediaPool`: all its pods are made from the current template.
pub const CONDITION_UPDATED: &str = "Updated";
/// Condition of a `MediaPool`: no other pool draws from the same ports of the nodes.
pub const CONDITION_PORTS_EXCLUSIVE: &str = "PortsExclusive";

/// `True` as a condition writes it.
pub const TRUE: &str = "True";
/// `False` as a condition writes it.
pub const FALSE: &str = "False";
/// `Unknown` as a condition writes it.
pub const UNKNOWN: &str = "Unknown";

/// Path of the web page of a meeting: what `status.joinUrl` holds after the public URL.
pub fn join_path(namespace: &str, name: &str) -> String {
    format!("/m/{namespace}/{name}")
}

/// Path of a meeting's signaling `WebSocket`, the same on the router and on the media pod.
pub fn signal_path(namespace: &str, name: &str) -> String {
    format!("/signal/{namespace}/{name}")
}

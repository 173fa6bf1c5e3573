//! Every reason the operator gives: the same word is the condition's reason, the event's reason and the metric's label.
//!
//! `docs` explains each to its reader; a reason that is not listed here is never shown to anybody.

/// The meeting's pool exists and its spec can be served.
pub const ACCEPTED: &str = "Accepted";
/// The meeting is bound to a media pod.
pub const ASSIGNED: &str = "Assigned";
/// The media pod is ready.
pub const POD_READY: &str = "PodReady";
/// Every pod the pool wants exists and starts.
pub const PODS_AVAILABLE: &str = "PodsAvailable";
/// No meeting needs a pod, and none is kept in reserve.
pub const NO_POD_NEEDED: &str = "NoPodNeeded";

/// The meeting begins later.
pub const SCHEDULED: &str = "Scheduled";
/// The meeting is over.
pub const ENDED: &str = "Ended";
/// All pods of the pool are made from the current template.
pub const UPDATED: &str = "Updated";
/// Pods of an older template are being replaced.
pub const UPDATING: &str = "Updating";
/// No other pool draws from the pool's ports.
pub const PORTS_EXCLUSIVE: &str = "PortsExclusive";
/// Another pool draws from the same ports of the nodes.
pub const PORTS_OVERLAP: &str = "PortsOverlap";
/// The pool's ports are among those that Kubernetes gives to Services.
pub const NODE_PORT_RANGE: &str = "NodePortRange";
/// Media ports answered at the announced address.
pub const MEDIA_REACHABLE: &str = "MediaReachable";
/// Media ports did not answer at the announced address.
pub const MEDIA_UNREACHABLE: &str = "MediaUnreachable";
/// Media ports answered by TCP only.
pub const UDP_BLOCKED: &str = "UdpBlocked";
/// The media pod could not be asked to open a probe.
pub const PROBE_FAILED: &str = "ProbeFailed";
/// No probe has been made yet.
pub const NOT_PROBED: &str = "NotProbed";
/// The pool's spec turns probes off.
pub const PROBE_OFF: &str = "ProbeOff";

/// No `MediaPool` has the name the meeting gives.
pub const POOL_NOT_FOUND: &str = "PoolNotFound";
/// The meeting allows more people than a pod of its pool can take.
pub const MEETING_TOO_LARGE: &str = "MeetingTooLarge";
/// The meeting's pool does not admit its namespace.
pub const NAMESPACE_NOT_ALLOWED: &str = "NamespaceNotAllowed";
/// The pool admits no Dedicated meetings of this namespace.
pub const DEDICATED_NOT_ALLOWED: &str = "DedicatedNotAllowed";
/// The namespace has reached a limit of the pool.
pub const NAMESPACE_SHARE_USED: &str = "NamespaceShareUsed";
/// No pod is ready yet.
pub const NO_POD_READY: &str = "NoPodReady";
/// Every pod is full and the pool may not have more.
pub const POOL_FULL: &str = "PoolFull";
/// A node cannot get the image.
pub const IMAGE_PULL_FAILED: &str = "ImagePullFailed";
/// No node has the pod's ports free.
pub const PORTS_TAKEN: &str = "PortsTaken";
/// The scheduler finds no node.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// The pod's process keeps ending.
pub const POD_CRASHING: &str = "PodCrashing";
/// The pod is not ready yet.
pub const POD_NOT_READY: &str = "PodNotReady";
/// The pod has ended for good.
pub const POD_FAILED: &str = "PodFailed";
/// The pod was deleted, or lost with its node.
pub const POD_GONE: &str = "PodGone";

/// The pool's port range has no free block left.
pub const PORTS_EXHAUSTED: &str = "PortsExhausted";
/// The only free blocks were in use a moment ago.
pub const PORTS_RESTING: &str = "PortsResting";
/// The pool's finalizers cannot be written, and without ours it gets no media pod.
pub const FINALIZERS_NOT_WRITTEN: &str = "FinalizersNotWritten";
/// The API server refuses to create a media pod (quota, admission, Pod Security).
pub const POD_REFUSED: &str = "PodRefused";
/// The API server refuses the Service that opens a pod's ports.
pub const SERVICE_REFUSED: &str = "ServiceRefused";
/// The cloud has given a pod's Service no address yet.
pub const NO_LOAD_BALANCER_ADDRESS: &str = "NoLoadBalancerAddress";
/// The node of a pod has no address to announce.
pub const NO_NODE_ADDRESS: &str = "NoNodeAddress";
/// The object's spec cannot be served although the API server let it pass.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// The object cannot be read at all.
pub const UNREADABLE: &str = "Unreadable";

/// A media pod was created.
pub const POD_CREATED: &str = "PodCreated";
/// A media pod was deleted because it was not needed.
pub const POD_DELETED: &str = "PodDeleted";
/// A media pod was deleted because it will never be ready again.
pub const POD_REPLACED: &str = "PodReplaced";
/// The labels of a media pod were put right: somebody had edited them.
pub const POD_EDITED: &str = "PodEdited";
/// A pod is being drained because its node is cordoned.
pub const CORDONED: &str = "Cordoned";
/// A pod is being drained because it was made from an older template.
pub const OUTDATED: &str = "Outdated";
/// A pod is being drained because others can carry what it does.
pub const NOT_NEEDED: &str = "NotNeeded";
/// A pod is being drained, or a meeting gets none, because the pool is being deleted.
pub const POOL_DELETING: &str = "PoolDeleting";
/// The pool is being deleted, and waits for the people on its pods.
pub const DELETING: &str = "Deleting";
/// The pool that is being deleted has no pods any more, and may go.
pub const DRAINED: &str = "Drained";
/// A pod is no longer drained: the cause is gone.
pub const DRAIN_CANCELLED: &str = "DrainCancelled";
/// A pod was deleted because the time for draining it was over.
pub const DRAIN_DEADLINE: &str = "DrainDeadline";
/// A meeting without people was moved off a pod with many.
pub const RELIEVED: &str = "Relieved";
/// The meeting is being moved because its pod has to go.
pub const POD_DRAINING: &str = "PodDraining";
/// The meeting object was deleted some time after its end.
pub const EXPIRED: &str = "Expired";
/// The meeting was moved to another pod.
pub const REASSIGNED: &str = "Reassigned";

/// A recorder has come into the meeting's call.
pub const RECORDING_STARTED: &str = "RecordingStarted";
/// No recorder is in the meeting's call any more.
pub const RECORDING_STOPPED: &str = "RecordingStopped";

/// The order in which several waits are told, most telling first; what is not listed comes last.
pub const BY_WEIGHT: [&str; 6] =
    [IMAGE_PULL_FAILED, PORTS_TAKEN, UNSCHEDULABLE, NO_NODE_ADDRESS, POD_CRASHING, POD_NOT_READY];

/// Every reason that a pod's drain can have, as its annotation says it.
pub const DRAINS: [&str; 4] = [CORDONED, OUTDATED, NOT_NEEDED, POOL_DELETING];

//! The reasons of the operator. The same word is the reason of a condition, the reason of an event and a label of a metric.
//!
//! `docs/operations.md` explains each. No other reason is ever reported, but for that of a failed request to a pod in `status.move`.

/// The meeting's pool exists and its spec can be served.
pub const ACCEPTED: &str = "Accepted";
/// The meeting is assigned to a media pod.
pub const ASSIGNED: &str = "Assigned";
/// The media pod is ready.
pub const POD_READY: &str = "PodReady";
/// All required pods of the pool exist and start.
pub const PODS_AVAILABLE: &str = "PodsAvailable";
/// No meeting needs a pod, and the pool keeps no spare ones.
pub const NO_POD_NEEDED: &str = "NoPodNeeded";

/// The meeting starts later.
pub const SCHEDULED: &str = "Scheduled";
/// The meeting is over.
pub const ENDED: &str = "Ended";
/// All pods of the pool are created from the current template.
pub const UPDATED: &str = "Updated";
/// Pods of an older template are being replaced.
pub const UPDATING: &str = "Updating";
/// No other pool uses the pool's ports.
pub const PORTS_EXCLUSIVE: &str = "PortsExclusive";
/// Another pool uses the same ports of the nodes.
pub const PORTS_OVERLAP: &str = "PortsOverlap";
/// The pool's ports overlap the range from which Kubernetes allocates node ports.
pub const NODE_PORT_RANGE: &str = "NodePortRange";
/// Media ports responded at the announced address.
pub const MEDIA_REACHABLE: &str = "MediaReachable";
/// Media ports did not respond at the announced address.
pub const MEDIA_UNREACHABLE: &str = "MediaUnreachable";
/// Media ports responded over TCP only.
pub const UDP_BLOCKED: &str = "UdpBlocked";
/// The media pod did not open a probe endpoint.
pub const PROBE_FAILED: &str = "ProbeFailed";
/// No probe has been made yet.
pub const NOT_PROBED: &str = "NotProbed";
/// The pool's spec turns probes off.
pub const PROBE_OFF: &str = "ProbeOff";

/// No `MediaPool` has the name in `spec.pool`.
pub const POOL_NOT_FOUND: &str = "PoolNotFound";
/// `maxParticipants` exceeds the capacity of the pool's pods.
pub const MEETING_TOO_LARGE: &str = "MeetingTooLarge";
/// The pool does not allow meetings of this namespace.
pub const NAMESPACE_NOT_ALLOWED: &str = "NamespaceNotAllowed";
/// The pool does not allow Dedicated meetings of this namespace.
pub const DEDICATED_NOT_ALLOWED: &str = "DedicatedNotAllowed";
/// The namespace has reached a limit of the pool.
pub const NAMESPACE_SHARE_USED: &str = "NamespaceShareUsed";
/// No pod is ready yet.
pub const NO_POD_READY: &str = "NoPodReady";
/// All pods are full, and the pool has its maximum number of pods.
pub const POOL_FULL: &str = "PoolFull";
/// A node could not pull the image.
pub const IMAGE_PULL_FAILED: &str = "ImagePullFailed";
/// No node has the ports of the pod free.
pub const PORTS_TAKEN: &str = "PortsTaken";
/// The scheduler finds no node.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// The container of the pod keeps crashing.
pub const POD_CRASHING: &str = "PodCrashing";
/// The pod does not respond to the operator, although others do: its node is probably lost.
pub const POD_SILENT: &str = "PodSilent";
/// The pod is not ready yet.
pub const POD_NOT_READY: &str = "PodNotReady";
/// The pod failed and will not restart.
pub const POD_FAILED: &str = "PodFailed";
/// The pod was deleted or lost with its node.
pub const POD_GONE: &str = "PodGone";

/// The pool's port range has no free block left.
pub const PORTS_EXHAUSTED: &str = "PortsExhausted";
/// The remaining free blocks are resting.
pub const PORTS_RESTING: &str = "PortsResting";
/// The finalizer of the pool could not be written; without it the pool gets no media pods.
pub const FINALIZERS_NOT_WRITTEN: &str = "FinalizersNotWritten";
/// The API server refused a media pod (quota, admission, Pod Security).
pub const POD_REFUSED: &str = "PodRefused";
/// The API server refused the Service for the ports of a pod.
pub const SERVICE_REFUSED: &str = "ServiceRefused";
/// The Service of a pod has no address from the cloud provider yet.
pub const NO_LOAD_BALANCER_ADDRESS: &str = "NoLoadBalancerAddress";
/// The node of a pod has no address to announce.
pub const NO_NODE_ADDRESS: &str = "NoNodeAddress";
/// The spec is invalid although the API server accepted it.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// The object could not be parsed.
pub const UNREADABLE: &str = "Unreadable";

/// A media pod was created.
pub const POD_CREATED: &str = "PodCreated";
/// A media pod was deleted because it was not needed.
pub const POD_DELETED: &str = "PodDeleted";
/// A media pod was deleted because it will never be ready again.
pub const POD_REPLACED: &str = "PodReplaced";
/// The labels of a media pod had been edited and were restored.
pub const POD_EDITED: &str = "PodEdited";
/// A media pod responds to the operator again.
pub const POD_RETURNED: &str = "PodReturned";
/// Most nodes do not respond to the operator, so the cause is more likely on its side.
pub const OPERATOR_CUT_OFF: &str = "OperatorCutOff";
/// A pod is being drained because its node is cordoned.
pub const CORDONED: &str = "Cordoned";
/// A pod is being drained because it was created from an older template.
pub const OUTDATED: &str = "Outdated";
/// A pod is being drained because other pods have room for its meetings.
pub const NOT_NEEDED: &str = "NotNeeded";
/// A pod is being drained, or a meeting is assigned to no pod, because the pool is being deleted.
pub const POOL_DELETING: &str = "PoolDeleting";
/// The pool is being deleted and waits for the participants on its pods.
pub const DELETING: &str = "Deleting";
/// The pool that is being deleted has no pods left and can be removed.
pub const DRAINED: &str = "Drained";
/// A drain was cancelled because its cause no longer applies.
pub const DRAIN_CANCELLED: &str = "DrainCancelled";
/// A pod was deleted because its drain reached the deadline.
pub const DRAIN_DEADLINE: &str = "DrainDeadline";
/// A meeting without participants was moved off a busy pod.
pub const RELIEVED: &str = "Relieved";
/// A meeting is moved with its participants off a pod that has more of them than its capacity.
pub const RELIEF: &str = "Relief";
/// The media pods that serve a meeting besides its own have changed.
pub const SPREAD: &str = "Spread";
/// A media pod that was to serve a meeting besides its own could not be linked.
pub const SPREAD_FAILED: &str = "SpreadFailed";
/// The meeting is being moved because its pod is being drained.
pub const POD_DRAINING: &str = "PodDraining";
/// The Meeting was deleted `ttlAfterEnded` after its end.
pub const EXPIRED: &str = "Expired";
/// The meeting was moved to another pod.
pub const REASSIGNED: &str = "Reassigned";

/// A meeting begins to move to another pod, with its participants.
pub const MOVING: &str = "Moving";
/// All participants have moved.
pub const MOVED: &str = "Moved";
/// A move was cancelled or failed.
pub const MOVE_FELL_BACK: &str = "MoveFellBack";
/// A move was cancelled, because the meeting stays or its participants have left.
pub const MOVE_CANCELLED: &str = "MoveCancelled";
/// The old pod no longer waits for the operator: its room was frozen for too long.
pub const MOVE_EXPIRED: &str = "MoveExpired";
/// The old pod did not report the end of a move in time.
pub const MOVE_NOT_CONFIRMED: &str = "MoveNotConfirmed";

/// A recorder joined the call.
pub const RECORDING_STARTED: &str = "RecordingStarted";
/// The last recorder left the call.
pub const RECORDING_STOPPED: &str = "RecordingStopped";

/// The order in which several reasons to wait are reported, most informative first; reasons that are not listed come last.
pub const BY_WEIGHT: [&str; 7] =
    [IMAGE_PULL_FAILED, PORTS_TAKEN, UNSCHEDULABLE, NO_NODE_ADDRESS, POD_SILENT, POD_CRASHING, POD_NOT_READY];

/// Every reason for a drain, as in the annotation of the pod.
pub const DRAINS: [&str; 4] = [CORDONED, OUTDATED, NOT_NEEDED, POOL_DELETING];

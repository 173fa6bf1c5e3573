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

/// No `MediaPool` has the name the meeting gives.
pub const POOL_NOT_FOUND: &str = "PoolNotFound";
/// The meeting allows more people than a pod of its pool can take.
pub const MEETING_TOO_LARGE: &str = "MeetingTooLarge";
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
/// The API server refuses to create a media pod (quota, admission, Pod Security).
pub const POD_REFUSED: &str = "PodRefused";
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
/// The meeting was moved to another pod.
pub const REASSIGNED: &str = "Reassigned";

/// The order in which several waits are told, most telling first; what is not listed comes last.
pub const BY_WEIGHT: [&str; 6] =
    [IMAGE_PULL_FAILED, PORTS_TAKEN, UNSCHEDULABLE, NO_NODE_ADDRESS, POD_CRASHING, POD_NOT_READY];

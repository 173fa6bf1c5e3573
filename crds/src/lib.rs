//! The Kubernetes API of Convene: the `Meeting` and `MediaPool` types, and every name the parts share.
//!
//! What it does: types, schema, validation rules and the generated YAML beside them. What it never does: talk to a
//! cluster. No client and no runtime belong here, so that everything else may depend on it.

pub mod facts;
pub mod generate;
pub mod meeting;
pub mod names;
pub mod pool;
pub mod reason;
pub mod reference;

pub use meeting::{
    Access, AccessPolicy, AssignedPod, Codec, Features, Meeting, MeetingMedia, MeetingPhase, MeetingPlacement,
    MeetingSpec, MeetingStatus,
};
pub use pool::{
    AddressPolicy, AllowedNamespaces, AnnouncedAddress, Capacity, ContainerResources, Drain, Exposure, IceServer,
    ImagePullPolicy, MediaPool, MediaPoolSpec, MediaPoolStatus, NamespaceLimits, NamespacesFrom, PlainRtp, PodCounts,
    PortBlock, PortCounts, Rollout, RtcPorts,
};

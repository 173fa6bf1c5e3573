//! The Kubernetes API of Convene: the types `Meeting`, `MediaPool` and `MeetingBackup`, and the names that several programs share.
//!
//! It has the types, their schema and validation rules, and generates YAML and reference from them. It never talks to a cluster: without
//! a client or a runtime, every other crate can depend on it.

pub mod backup;
pub mod facts;
pub mod generate;
pub mod meeting;
pub mod names;
pub mod pool;
pub mod reason;
pub mod reference;

pub use backup::{MeetingBackup, MeetingBackupSpec};
pub use meeting::{
    Access, AccessPolicy, AssignedPod, Codec, Features, JoinAs, Meeting, MeetingMedia, MeetingMove, MeetingMovePhase,
    MeetingPhase, MeetingPlacement, MeetingSite, MeetingSpec, MeetingStatus, MovePod, Spread,
};
pub use pool::{
    AddressPolicy, AllowedNamespaces, AnnouncedAddress, Capacity, ContainerResources, Drain, Exposure, IceServer,
    ImagePullPolicy, MediaPool, MediaPoolSpec, MediaPoolStatus, NamespaceLimits, NamespacesFrom, PlainRtp, PodCounts,
    PortBlock, PortCounts, Rollout, RtcPorts,
};

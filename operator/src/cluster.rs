//! The operator's view of the cluster: watches fill the cache, and changed objects are added to the controllers' queues.
//!
//! It makes no decisions and writes nothing except Kubernetes events.

pub(crate) mod cache;
pub(crate) mod events;
pub(crate) mod queue;
pub(crate) mod resync;
pub(crate) mod streams;
pub(crate) mod watches;

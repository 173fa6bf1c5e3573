//! What the operator knows of the cluster: watches fill the cache, and what changes there is put into the queues of the controllers.
//!
//! Nothing here decides anything, and nothing but Kubernetes events is written.

pub(crate) mod cache;
pub(crate) mod events;
pub(crate) mod queue;
pub(crate) mod resync;
pub(crate) mod streams;
pub(crate) mod watches;

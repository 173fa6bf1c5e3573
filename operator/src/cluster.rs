//! What the operator knows of the cluster: watches fill the cache, and what changes there is put into the queues of the controllers.
//!
//! Nothing here decides anything, and nothing but Kubernetes events is written.

pub mod cache;
pub mod events;
pub mod queue;
pub mod resync;
pub mod streams;
pub mod watches;

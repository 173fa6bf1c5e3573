//! The routing index: which meeting is on which media pod, and where a join goes.
//!
//! [`watch`] feeds it from the cluster and [`table`] publishes snapshots of it; it never writes to the cluster. Pure: [`record`],
//! [`routing_index`], [`select`], [`wait_reason`].

pub(crate) mod links;
pub(crate) mod record;
pub(crate) mod routing_index;
pub(crate) mod select;
pub(crate) mod table;
pub(crate) mod wait_reason;
pub(crate) mod watch;

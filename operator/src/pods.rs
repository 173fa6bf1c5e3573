//! What the operator does with running media pods: the link to them, their rooms, and whether clients reach their addresses.
//!
//! It creates and deletes no pod: that is the pool controller's.

pub(crate) mod link;
pub(crate) mod reach;
pub(crate) mod rooms;

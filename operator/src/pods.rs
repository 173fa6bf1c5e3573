//! Communication with running media pods: the link to them, their rooms, and whether clients reach their addresses.
//!
//! It never creates or deletes pods; the pool controller does.

pub(crate) mod backups;
pub(crate) mod heartbeat;
pub(crate) mod link;
pub(crate) mod reach;
pub(crate) mod rooms;
pub(crate) mod sites;
pub(crate) mod slots;

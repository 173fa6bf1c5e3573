//! The TCP side of the media ports. A worker accepts every TCP connection, without limit and without timeout, so its own listener is on the
//! loopback interface, behind this guard.
//!
//! The guard forwards a connection to the worker if its first frame is a STUN binding request with the ICE credentials of a live transport.
//! It never reads what follows.

pub(crate) mod credentials;
pub(crate) mod guard;
mod limiter;
pub mod limits;
mod splice;
mod stun;

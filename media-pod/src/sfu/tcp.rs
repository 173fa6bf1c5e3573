//! The TCP side of the media ports. A worker accepts every TCP connection, without limit and without time-out, so its own listener
//! is on the loopback interface and this guard is in front of it.
//!
//! The guard lets a connection through to the worker when its first frame is a STUN binding request with the ICE credentials of a live
//! transport. It never reads what comes after that.

pub(crate) mod credentials;
pub(crate) mod guard;
pub mod limits;
mod places;
mod splice;
pub mod stun;

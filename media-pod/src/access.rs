//! Access to the pod: trusted keys, replayed admissions, guests, host and origin policy. It knows nothing about rooms.

pub(crate) mod edge;
pub(crate) mod guest;
pub(crate) mod hosts;
pub mod keys;
pub(crate) mod names;
pub(crate) mod replay;

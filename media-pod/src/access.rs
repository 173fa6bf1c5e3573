//! Who may use the pod: trusted keys, replayed admissions, guests, host and origin policy. It knows no room.

pub mod edge;
pub mod guest;
pub mod hosts;
pub mod keys;
pub(crate) mod names;
pub mod replay;

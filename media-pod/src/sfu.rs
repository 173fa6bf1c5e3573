//! The media plane: mediasoup workers, one `WebRtcServer` each, on the pod's block of ports.
//!
//! It knows nothing of rooms or participants; [`crate::actor`] owns the handles that it returns.

mod capability_cache;
pub mod codecs;
mod end_event;
pub(crate) mod error;
pub(crate) mod listen;
pub(crate) mod load;
pub mod probe;
pub(crate) mod spread;
pub mod tcp;
mod thread;
pub(crate) mod udp;
pub mod workers;

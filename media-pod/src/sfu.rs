//! The media plane: mediasoup workers, one `WebRtcServer` each, on the pod's block of ports.
//!
//! Knows nothing of rooms or people; [`crate::shell`] holds the handles that it gives out.

pub mod block;
pub mod candidates;
mod capabilities;
pub mod codecs;
mod ended;
mod failure;
pub(crate) mod listen;
pub mod own;
pub mod ports;
pub mod probe;
pub mod reach;
pub mod spread;
pub mod tcp;
pub mod thread;
pub mod workers;

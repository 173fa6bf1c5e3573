//! The media plane: mediasoup workers, one `WebRtcServer` each, on the pod's block of ports.
//!
//! Knows nothing of rooms or people; [`crate::shell`] holds the handles that it gives out.

pub mod block;
pub mod candidates;
pub mod codecs;
pub mod ports;
pub mod probe;
pub mod reach;
pub mod spread;
pub mod thread;
pub mod workers;

//! Media of all clients: sources, WebRTC connections and the thread that carries them. Knows no signaling.

pub(crate) mod engine;
pub(crate) mod peer;
mod port;
mod received;
pub(crate) mod source;
mod vp8;
mod wake;

//! Signaling: holds a join until its media pod is ready, then connects the client's `WebSocket` to that pod.
//!
//! It reads nothing but frame boundaries once a socket is connected, and never chooses a pod. Pure: [`frames`], [`handshake`].

pub(crate) mod demo;
pub(crate) mod frames;
pub(crate) mod handshake;
pub(crate) mod proxy;
pub(crate) mod splice;
pub(crate) mod upstream;

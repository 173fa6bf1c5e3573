//! Signaling of one client with a media pod or router, which is not trusted: all that it sends is bounded and validated, and every wait ends.

pub(crate) mod client;
#[cfg(feature = "livekit")]
mod livekit;
mod protoo;
pub(crate) mod role;
mod rtp;
mod stream;
mod ticket;
mod transport;
mod waiting;
mod websocket;
mod within;

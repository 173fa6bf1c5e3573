//! Signaling: one task per client's WebSocket, between the socket and the room.
//!
//! It reads frames, answers those that are invalid or exceed the rate limit, passes the others to the room, and sends the room's messages.
//! It does not interpret the messages.

mod connection;
mod cost;
mod disconnect;
pub(crate) mod entrant;
mod incoming;
pub mod limits;
pub(crate) mod peer_id;
pub(crate) mod query;
mod rate;
mod reader;
pub(crate) mod resume;
mod ring;
pub mod sessions;
pub(crate) mod socket;

pub(crate) use connection::serve;

//! The steps of a room: for each command, calls the owners in the order in which they decide.

mod broadcasting;
mod chatting;
mod entering;
mod events;
mod handle;
mod leaving;
mod media;
mod moderating;
mod moving;
mod participants;
mod preparing;
mod presence;
mod requests;
mod results;
mod stats;

pub use stats::{PeerReport, RoomStats};

//! The tracks: transports, producers and consumers of all peers, and the streams that each of them receives.
//!
//! It reads the seats to learn who receives, and never changes what a peer may do.

mod coming;
mod consuming;
mod demand;
mod layers;
mod lookup;
mod own;
mod owners;
mod priorities;
mod producing;
mod reports;
mod selection;
mod sharing;
mod state;
mod transports;
#[cfg(test)]
mod view;

pub(super) use consuming::consumer_answer;
pub(super) use demand::Wish;
pub(super) use producing::check_layers;
pub(super) use state::Tracks;

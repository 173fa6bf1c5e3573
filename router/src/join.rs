//! Who may come in, and what they are told before they connect: join tokens, tickets, ICE servers.
//!
//! [`api`] answers `POST /api/v1/meetings/{namespace}/{name}/join`; the signaling route asks the same questions of the same state. Pure:
//! [`access`], [`answer`], [`credential`], [`guest`], [`ice`]. [`secrets`] and [`pools`] watch; nothing here writes to the cluster.

pub mod access;
pub mod answer;
pub mod api;
pub mod config;
pub mod credential;
pub mod guest;
pub mod ice;
pub mod pools;
pub mod secrets;
mod state;

pub use state::{JoinState, watch};

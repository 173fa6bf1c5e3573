//! The HTTP endpoints: signaling, broadcasters, the admin API, health, metrics, statistics, and a standalone pod's web app.
//!
//! Handlers translate between HTTP and the layers below; they make no decisions inside a room.

mod admin;
mod admission;
mod broadcast;
mod health;
pub mod link;
pub mod probe_limiter;
mod problem;
pub mod routes;
mod signal;
mod standalone;
pub(crate) mod startup;
pub mod state;
mod stats;

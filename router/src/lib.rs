//! The router: one stable URL for every meeting.
//!
//! It serves the web app, says what a meeting is waiting for, and connects each signaling `WebSocket` to the media pod that the operator
//! has chosen. Watches feed an index, handlers read it. It keeps no persistent state and writes nothing to the cluster: any replica can
//! serve any meeting, without sticky sessions.
//!
//! Layers, from bottom to top; a module imports only from layers below its own:
//!
//! 1. `metrics`, `health`, `web`: depend on no other module of the router.
//! 2. `index`: which meeting is on which media pod.
//! 3. `edge`: clients, limits, origins, refusals.
//! 4. `join`: access to meetings.
//! 5. `state`: what all handlers share.
//! 6. `signal`: signaling sockets.
//! 7. `api`: HTTP handlers.
//! 8. `config`, `run`: the command line; routes and listeners, start-up and shutdown.

pub(crate) mod api;
pub mod config;
pub(crate) mod edge;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod join;
pub(crate) mod metrics;
pub mod run;
pub(crate) mod signal;
pub(crate) mod state;
pub(crate) mod web;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

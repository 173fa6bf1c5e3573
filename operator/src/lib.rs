//! Convene's operator: the controllers of Meetings and `MediaPools`.
//!
//! The modules are floors, from bottom to top; imports go down only:
//!
//! 1. `model`: pure values, indexes and rules; `health` and `metrics`: what the operator reports about itself.
//! 2. `leader`: the election of one acting replica. `keys`: the admission keys. `config`: the settings.
//! 3. `cluster`: watches, caches, queues and events.
//! 4. `pods`: the link to media pods, their rooms, and whether clients reach them.
//! 5. `context`: what both controllers share.
//! 6. `meeting` and `pool`: the two controllers. Neither knows the other.
//! 7. `run` starts everything; `uninstall` is the command that takes it down.

pub mod cluster;
pub mod config;
pub mod context;
#[cfg(test)]
mod fixtures;
pub mod health;
pub mod keys;
pub mod leader;
pub mod meeting;
pub mod metrics;
pub mod model;
pub mod pods;
pub mod pool;
pub mod run;
pub mod uninstall;

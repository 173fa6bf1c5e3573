//! Convene's operator: the controllers of Meetings and `MediaPools`.
//!
//! The modules form layers, listed from bottom to top; a module imports only from layers below:
//!
//! 1. `model`: pure values, indexes and rules; `health` and `metrics`: what the operator reports about itself.
//! 2. `leader`: the election of one acting replica. `keys`: the admission keys. `config`: the settings.
//! 3. `cluster`: watches, caches, queues and events.
//! 4. `pods`: the link to media pods, their rooms, and whether clients reach them.
//! 5. `context`: what both controllers share.
//! 6. `meeting` and `pool`: the two controllers. Neither knows the other.
//! 7. `run` starts everything; `uninstall` is the command that takes it down.

mod cluster;
mod config;
mod context;
#[cfg(test)]
mod fixtures;
mod health;
mod keys;
mod leader;
mod meeting;
mod metrics;
mod model;
mod pods;
mod pool;
mod run;
mod uninstall;

pub use crate::{
    cluster::{
        cache::ClusterCache,
        watches::{OtherWriters, watch_others, watch_pools},
    },
    config::{Config, Intervals, parse_public_url},
    keys::ensure_keys,
    leader::{LeaseConfig, build_identity, parse_lease_name},
    model::{ports::PortRange, valid_pool::PodDefaults},
    pods::{link::PodLink, reach::run_prober},
    run::{RunError, run},
    uninstall::{UninstallConfig, uninstall},
};

//! What Convene's operator and router are made of; the two binaries only read their arguments and start it.
//!
//! `meeting` and `pool` are the operator's two controllers, `router` is the router; the rest serves both.

pub mod backoff;
pub mod conditions;
pub mod config;
pub mod context;
pub mod events;
#[cfg(test)]
mod fixtures;
pub mod keys;
pub mod lease;
pub mod ledger;
pub mod media_pod;
pub mod meeting;
pub mod metrics;
pub mod podlink;
pub mod pool;
pub mod ports;
pub mod queue;
pub mod reach;
pub mod resync;
pub mod rooms;
pub mod run;
pub mod telemetry;
pub mod uninstall;
pub mod views;
pub mod wait;
pub mod world;

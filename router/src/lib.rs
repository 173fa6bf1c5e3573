//! The router: one stable URL for every meeting.
//!
//! It serves the web app, answers what a meeting is waiting for, and splices each signaling `WebSocket` to the media pod that the
//! operator has chosen. Watches feed an index, handlers read it. It keeps no state of its own and writes nothing to the cluster: any
//! replica answers for any meeting, without sticky sessions.
//!
//! Pure: [`record`], [`select`], [`index`], [`problem`], [`handshake`], [`client`], [`origin`], [`frames`], [`waiting`], and parts of [`join`]. The
//! rest does I/O.

pub mod access;
pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod connections;
pub mod demo;
pub mod events;
pub mod frames;
pub mod guard;
pub mod handshake;
pub mod health;
pub mod index;
pub mod join;
pub mod keys;
pub mod limits;
pub mod links;
pub mod metrics;
pub mod openapi;
pub use convene_service::origin;
pub mod pages;
pub mod places;
pub mod problem;
pub mod proxy;
pub mod record;
pub mod select;
pub mod serve;
pub mod splice;
pub mod surface;
pub mod surface_metrics;
pub mod table;
pub mod upstream;
pub mod waiting;
pub mod watch;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

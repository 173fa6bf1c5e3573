//! Convene's media pod: protoo signaling, rooms and mediasoup workers in one process.
//!
//! [`room`] decides and is pure; [`shell`] runs what it decides on the handles of [`sfu`]; [`signaling`] speaks to clients;
//! [`serve`] accepts connections and [`app`] is the HTTP side. The pod has no Kubernetes client and no credentials of its own.

pub mod admin;
mod admission;
pub mod announced;
pub mod app;
pub mod broadcast;
pub mod budget;
pub mod config;
pub mod dev;
pub mod drain;
pub mod guard;
pub mod guest;
pub mod http;
mod kept;
pub mod keys;
pub mod metrics;
pub mod news;
pub mod outbox;
pub mod rate;
pub mod room;
pub mod rooms;
pub mod serve;
pub mod sfu;
pub mod shell;
pub mod signaling;
pub mod spent;
mod stats;

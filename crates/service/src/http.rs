//! HTTP: listeners with limits and TLS, problems, headers and bodies, pages, and the answers to probes.
//!
//! It knows no route of a program.

pub mod body;
pub mod headers;
pub mod health;
#[cfg(feature = "listener")]
pub mod limiter;
#[cfg(feature = "listener")]
pub mod listener;
#[cfg(feature = "listener")]
pub mod open_files;
pub mod origin;
pub mod page;
pub mod panics;
pub mod problem;
#[cfg(feature = "tls")]
pub mod tls;

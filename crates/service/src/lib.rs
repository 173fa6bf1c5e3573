//! Infrastructure that the programs of Convene share: arguments, logs, terminal output, signals, HTTP listeners with their limits and
//! responses, the connection to Kubernetes.
//!
//! It depends on no other crate of Convene and knows nothing about meetings. Each part that brings dependencies is a feature.

pub mod arguments;
#[cfg(feature = "http")]
pub mod body;
pub mod clock;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "http")]
pub mod headers;
#[cfg(feature = "http")]
pub mod health;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "listener")]
pub mod limiter;
#[cfg(feature = "listener")]
pub mod listener;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "listener")]
pub mod open_files;
#[cfg(feature = "http")]
pub mod origin;
#[cfg(feature = "http")]
pub mod page;
#[cfg(feature = "http")]
pub mod panics;
pub mod prefix;
#[cfg(feature = "http")]
pub mod problem;
#[cfg(feature = "log")]
pub mod program;
pub mod rate;
pub mod say;
#[cfg(feature = "signals")]
pub mod signals;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "watch")]
pub mod watch;

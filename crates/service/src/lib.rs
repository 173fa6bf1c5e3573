//! Infrastructure that the programs of Convene share: arguments, logs, terminal output, signals, HTTP listeners with their limits and
//! responses, the connection to Kubernetes.
//!
//! It depends on no other crate of Convene and knows nothing about meetings. Each part that brings dependencies is a feature.

pub mod arguments;
pub mod clock;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod prefix;
#[cfg(feature = "log")]
pub mod program;
pub mod rate;
pub mod say;
#[cfg(feature = "signals")]
pub mod signals;

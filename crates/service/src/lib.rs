//! Infrastructure that the programs of Convene share: arguments, logs, terminal output, signals, HTTP responses, the connection
//! to Kubernetes.
//!
//! It depends on no other crate of Convene and knows nothing about meetings. Each part that brings dependencies is a feature.

pub mod arguments;
pub mod clock;
#[cfg(feature = "http")]
pub mod headers;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "http")]
pub mod origin;
#[cfg(feature = "http")]
pub mod page;
#[cfg(feature = "log")]
pub mod program;
pub mod say;
#[cfg(feature = "signals")]
pub mod signals;
#[cfg(feature = "watch")]
pub mod watch;

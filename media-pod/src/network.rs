//! Addresses and ports: what the pod listens on and what it announces.
//!
//! Pure, except [`interfaces`], which reads the machine's addresses, and `announced`, which waits for files. It opens no port.

pub(crate) mod announced;
pub(crate) mod announced_ports;
pub(crate) mod candidates;
pub mod endpoints;
pub mod interfaces;
pub mod port_block;

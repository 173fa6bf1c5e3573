//! Addresses and ports: what the pod listens on, what it announces, and where it may send.
//!
//! Pure, except [`interfaces`], which reads the machine's addresses, and `announced`, which waits for files. It opens no port.

pub(crate) mod announced;
pub(crate) mod announced_ports;
pub(crate) mod candidates;
pub(crate) mod destinations;
pub mod endpoints;
pub mod interfaces;
pub mod port_block;
pub(crate) mod prefix;

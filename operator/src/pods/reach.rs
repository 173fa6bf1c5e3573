//! Whether clients reach the addresses that a media pod announces: probed by STUN, reported in a condition of the pod.
//!
//! The pod opens probe endpoints (`probe`), `ask` sends STUN requests to them, `judge` interprets the answers, `schedule` decides when a
//! pod is probed next, `condition` builds the condition, and `prober` runs it all. The operator probes from inside the cluster: it does not
//! notice a firewall around the cluster that does not affect the operator.

mod ask;
mod condition;
mod judge;
mod probe;
mod prober;
mod schedule;
mod stun;

pub use prober::run_prober;

#[cfg(test)]
mod tests;

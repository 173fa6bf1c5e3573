//! Whether anybody reaches the addresses that a media pod announces: asked by STUN, told in a condition of the pod.
//!
//! The pod opens something to ask (`podlink`), `ask` asks it, `judge` says what the answers mean, `schedule` when a pod's turn is, `condition`
//! what is written, and `keep` does all that for ever. The operator asks from inside the cluster: a firewall around the cluster that lets the
//! operator through is not noticed.

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

//! What the controllers decide with: values, indexes and rules.
//!
//! Pure: no client, no clock, no randomness, no tasks. Everything else may depend on it; it depends on nothing of the operator.

pub mod backoff;
pub mod conditions;
pub mod explain;
pub mod ledger;
pub mod media_pod;
pub mod pod_spec;
pub mod pod_template;
pub mod ports;
pub mod reason;
pub mod removal;
pub mod valid_pool;
pub mod views;

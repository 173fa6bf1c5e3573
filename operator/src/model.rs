//! What the controllers decide with: values, indexes and rules.
//!
//! No client, no I/O, no tasks. Everything else may depend on it; it depends on no other part of the operator.

pub(crate) mod backoff;
pub(crate) mod conditions;
pub(crate) mod explain;
pub(crate) mod ledger;
pub(crate) mod media_pod;
pub(crate) mod pod_spec;
pub(crate) mod pod_template;
pub(crate) mod ports;
pub(crate) mod reason;
pub(crate) mod removal;
pub(crate) mod valid_pool;
pub(crate) mod views;

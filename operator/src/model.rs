//! Values, indexes and rules that the controllers base their decisions on.
//!
//! No client, no I/O, no tasks. Every other part of the operator may depend on it; it depends on none of them.

pub(crate) mod backoff;
pub(crate) mod backups;
pub(crate) mod conditions;
pub(crate) mod drain_pace;
pub(crate) mod explain;
pub(crate) mod ledger;
pub(crate) mod media_pod;
pub(crate) mod moves;
pub(crate) mod pod_spec;
pub(crate) mod pod_template;
pub(crate) mod ports;
pub(crate) mod reason;
pub(crate) mod relief;
pub(crate) mod removal;
pub(crate) mod sites;
pub(crate) mod valid_pool;
pub(crate) mod views;

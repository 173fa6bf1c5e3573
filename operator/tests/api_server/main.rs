//! The operator against a real API server and etcd, without nodes. The tests need the programs of the test cluster, so they are ignored by
//! default: `make test-api-server` runs them, and `make measure-operator` the measurement.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a panic fails the test, and json! literals read best as values"
)]

mod controllers;
mod leader;
mod rights;
mod scale;
mod support;

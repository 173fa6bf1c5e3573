//! The operator against a real API server and etcd, without nodes. These tests need the programs of the test cluster, so they are ignored
//! unless asked for: `make test-api-server`, and `make measure-operator` for the measurement.

mod controllers;
mod leader;
mod rights;
mod scale;
mod support;

//! The operator against a real API server and etcd, without nodes. The tests need the programs of the test cluster, so they are ignored by
//! default: `make test-api-server` runs them, and `make measure-operator` the measurement.

mod controllers;
mod leader;
mod rights;
mod scale;
mod support;

//! The operator as an HTTP server of probes and metrics.

#![allow(
    clippy::panic,
    dead_code,
    unused_imports,
    unused_macros,
    reason = "a test ends where something goes wrong, and not every program's test needs all helpers"
)]

#[path = "../../../tests/programs/serving.rs"]
mod serving;

use crate::environment;
use serving::{Service, serving_tests};

fn start(flags: &[&str]) -> Service {
    let always = ["--namespace=harbor", "--leader-elect=false"];
    Service::start(env!("CARGO_BIN_EXE_convene-operator"), &[&always, flags].concat())
}

serving_tests!(start);

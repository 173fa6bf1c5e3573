//! The router as an HTTP server.

#![allow(
    clippy::panic,
    dead_code,
    reason = "a test ends where something goes wrong, and not every program's test needs all helpers"
)]

#[path = "../../../tests/programs/serving.rs"]
mod serving;

use crate::environment;
use serving::{Service, connection_limit_tests, serving_tests};

fn start(flags: &[&str]) -> Service {
    let always = ["--namespace=harbor", "--metrics-listen=127.0.0.1:0"];
    Service::start(env!("CARGO_BIN_EXE_convene-router"), &[&always, flags].concat())
}

serving_tests!(start);
connection_limit_tests!(start);

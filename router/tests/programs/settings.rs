//! How the router ends when it cannot start.

#![allow(dead_code, reason = "not every program needs all of the shared helpers")]

#[path = "../../../tests/programs/ending.rs"]
mod ending;

use ending::check_refusals;

const PROGRAM: &str = env!("CARGO_BIN_EXE_convene-router");

#[test]
fn invalid_settings_are_refused_with_exit_code_2() {
    check_refusals(PROGRAM, &["--namespace=harbor"], ("CONVENE_LISTEN", "nonsense"), "--listen");
}

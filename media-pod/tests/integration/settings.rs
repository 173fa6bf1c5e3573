//! How the media pod ends when it cannot start.

#![allow(dead_code, reason = "not every program needs all of the shared helpers")]

#[path = "../../../tests/programs/ending.rs"]
mod ending;

use ending::check_refusals;

const PROGRAM: &str = env!("CARGO_BIN_EXE_convene-media-pod");

#[test]
fn invalid_settings_are_refused_with_exit_code_2() {
    check_refusals(PROGRAM, &["--dev"], ("CONVENE_LISTEN", "nonsense"), "--listen");
}

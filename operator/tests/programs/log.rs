//! The operator with a log that cannot be written.

#![allow(dead_code, reason = "not every program's test needs all helpers")]

#[path = "../../../tests/programs/lost_log.rs"]
mod lost_log;

use crate::environment;
use lost_log::{Program, logs};

#[test]
fn the_operator_answers_and_says_that_its_log_is_lost() {
    for (name, log) in logs() {
        let path = env!("CARGO_BIN_EXE_convene-operator");
        let mut program = Program::start(&format!("operator-{name}"), path, &["--leader-elect=false"], log);
        program.until("/healthz", "200", "ok");
        program.until("/readyz", "503", "the log cannot be written");
        program.until("/metrics", "200", "convene_log_lines_lost_total");
        assert!(!program.get("/metrics").contains("convene_log_lines_lost_total 0\n"));
    }
}

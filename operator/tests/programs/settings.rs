//! How the operator ends when it cannot start.

#[path = "../../../tests/programs/ending.rs"]
mod ending;

use ending::{Ending, check_refusals};

const PROGRAM: &str = env!("CARGO_BIN_EXE_convene-operator");

#[test]
fn invalid_settings_are_refused_with_exit_code_2() {
    check_refusals(PROGRAM, &["--namespace=harbor"], ("CONVENE_LISTEN", "nonsense"), "--listen");
}

#[test]
fn without_a_cluster_it_fails_with_exit_code_1_and_the_reason_in_the_last_line() {
    let ending =
        Ending::of(PROGRAM, &["--namespace=harbor"], &[("KUBECONFIG", "/no/such/file"), ("HOME", "/no/such/folder")]);
    ending.assert_failed("convene-operator", "could not find a service account or a kubeconfig that can be read");
}

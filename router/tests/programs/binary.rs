//! The binary of the router: exit codes and the reason on the last line.

use std::process::{Command, Output};

fn router(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_convene-router"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .output()
        .expect("the binary has been built")
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_wrong() {
    let unknown = router(&["--bogus"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--bogus"));

    let no_web_app = router(&["--namespace=convene-system", "--web-dir=/nowhere"]);
    assert_eq!(no_web_app.status.code(), Some(2));
    assert!(last_line(&no_web_app).contains("--web-dir"), "{}", last_line(&no_web_app));
}

#[test]
fn without_a_cluster_it_ends_with_1_and_says_so() {
    let folder = std::env::temp_dir().join(format!("convene-router-binary-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<!doctype html>").unwrap();
    let web_dir = format!("--web-dir={}", folder.display());
    let output =
        router(&["--namespace=convene-system", &web_dir, "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0"]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(last_line(&output).contains("kubeconfig"), "{}", last_line(&output));
}

#[test]
fn help_and_version_are_there() {
    for flag in ["--hold-timeout <DURATION>", "--metrics-listen <ADDRESS>"] {
        assert!(String::from_utf8_lossy(&router(&["--help"]).stdout).contains(flag), "{flag}");
    }
    assert!(String::from_utf8_lossy(&router(&["--version"]).stdout).starts_with("convene-router "));
}

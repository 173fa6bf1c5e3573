//! How every program of Convene ends on an error: one format of messages, one set of exit codes. Shared by the programs' tests.

use std::process::{Command, Stdio};

/// The end of a process.
pub(crate) struct Ending {
    code: Option<i32>,
    errors: String,
}

impl Ending {
    /// Starts the program with only `variables` as its environment, and waits for its exit.
    pub(crate) fn of(path: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path);
        command.args(arguments).env_clear().envs(variables.iter().copied());
        let output = command.stdin(Stdio::null()).output().expect("the program was built");
        Self { code: output.status.code(), errors: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    /// It refused a setting, and named it.
    pub(crate) fn assert_refused(&self, part: &str) {
        assert!(self.code == Some(2) && self.errors.contains(part), "{:?}: {}", self.code, self.errors);
    }

    /// It failed, and its last line is `NAME: ERROR`.
    pub(crate) fn assert_failed(&self, name: &str, error: &str) {
        let last = self.errors.lines().last().unwrap_or_default();
        assert!(
            self.code == Some(1) && last.starts_with(&format!("{name}: {error}")),
            "{:?}: {}",
            self.code,
            self.errors
        );
    }
}

/// An unknown flag and an invalid environment variable, which every program refuses in the same way.
pub(crate) fn check_refusals(path: &str, arguments: &[&str], variable: (&str, &str), flag: &str) {
    Ending::of(path, &[arguments, &["--no-such-flag"]].concat(), &[])
        .assert_refused("unexpected argument '--no-such-flag'");
    let invalid = Ending::of(path, arguments, &[variable]);
    invalid.assert_refused(&format!("invalid value '{}' for '{flag}", variable.1));
    invalid.assert_refused("For more information, try '--help'");
}

//! How a program starts and ends: its log, its last line, its exit code. It does not concern what happens in between.
//!
//! Every program of Convene ends in the same way: with 0 after SIGTERM or SIGINT, with [`EXIT_USAGE`] for an invalid flag, environment
//! variable or file, with [`EXIT_FAILURE`] for all other errors. The last line on standard error is then `NAME: ERROR: CAUSE`; Kubernetes
//! shows it as the termination message of the container.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::{EXIT_FAILURE, EXIT_USAGE};
use crate::log::{LogFormat, LogHealth, start_log};
use crate::say;

/// Time to write the last lines of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A program that logs.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    log: LogHealth,
}

impl Program {
    /// Starts the log of the program with this name. `RUST_LOG` overrides `filter`. Must be called once per process.
    pub fn start(name: &'static str, format: LogFormat, filter: &str) -> Self {
        Self { name, log: start_log(format, filter) }
    }

    /// The state of its log.
    pub fn log(&self) -> LogHealth {
        self.log.clone()
    }

    /// Ends the program: flushes the log, and prints the error if there is one.
    pub fn finish<E: Into<Box<dyn Error>>>(self, result: Result<(), E>) -> ExitCode {
        match result.map_err(Into::into) {
            Ok(()) => {
                self.log.flush(FLUSH_TIMEOUT);
                ExitCode::SUCCESS
            }
            Err(error) => self.end(EXIT_FAILURE, error.as_ref()),
        }
    }

    /// Ends the program because of an invalid setting.
    pub fn refuse(self, error: &dyn Error) -> ExitCode {
        self.end(EXIT_USAGE, error)
    }

    fn end(&self, code: u8, error: &dyn Error) -> ExitCode {
        self.log.last_words(&last_line(self.name, error));
        ExitCode::from(code)
    }
}

/// Ends a program that has no log yet because of an invalid setting.
pub fn refuse(name: &str, error: &dyn Error) -> ExitCode {
    say::err(&last_line(name, error));
    ExitCode::from(EXIT_USAGE)
}

fn last_line(name: &str, error: &dyn Error) -> String {
    format!("{name}: {}", say::chain(error))
}

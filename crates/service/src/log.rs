//! The log of a program: to standard error, as text or as one flat JSON object per line.
//!
//! Logging ends no request and makes none wait. Lines are handed to a thread that writes them; what cannot be written is lost and
//! counted, [`LogHealth`] says so for as long as it lasts, and a line in the log says so afterwards.

mod health;
mod pump;
mod queue;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

pub use health::{LOG_PROBLEM, LogHealth};

use pump::Shared;

/// How long a panic waits until its line is written: the process may be about to end.
const PANIC_PATIENCE: Duration = Duration::from_millis(200);

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Begins to log to standard error. `RUST_LOG` sets what is logged, else `default_filter` does. To be called once.
pub fn start_log(format: LogFormat, default_filter: &str) -> LogHealth {
    let (health, shared) = LogHealth::start(io::stderr(), move |lost| notice(format, lost));
    subscribe(format, default_filter, shared);
    log_panics(health.clone());
    health
}

fn subscribe(format: LogFormat, default_filter: &str, shared: Arc<Shared>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Line(Arc::clone(&shared)))
        // It would write to standard error by a macro that panics.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// The standard hook writes to standard error past the log, and waits for it for as long as that takes.
fn log_panics(health: LogHealth) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), "{panic}");
        health.flush(PANIC_PATIENCE);
    }));
}

/// Takes a whole line with every call of `write_all`, as the subscriber makes them. It never fails: what is lost is counted.
struct Line(Arc<Shared>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that says how many lines are missing before it.
fn notice(format: LogFormat, lost: u64) -> Vec<u8> {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    match format {
        LogFormat::Text => format!("{time}  WARN convene_service::log: log lines could not be written lost={lost}\n"),
        LogFormat::Json => format!(
            "{{\"timestamp\":\"{time}\",\"level\":\"WARN\",\"message\":\"log lines could not be written\",\"lost\":{lost},\
             \"target\":\"convene_service::log\"}}\n"
        ),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests;

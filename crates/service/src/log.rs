//! The log of a program: to standard error, as text or as one flat JSON object per line.
//!
//! Logging never fails or blocks the code that logs. A thread writes the lines. Lines that could not be written are counted;
//! [`LogHealth`] reports the problem while it lasts, and a line in the log reports it afterwards.

mod health;
mod json;
mod pump;
mod queue;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

pub use health::{LOG_PROBLEM, LogHealth};

use json::FlatJson;
use pump::Shared;

/// How long a panicking thread waits for its line to be written: the process may be about to end.
const PANIC_FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts to log to standard error. The environment variable `RUST_LOG` sets the filter, otherwise it is `default_filter`. Must be called
/// only once.
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
        .with_writer(move || LineWriter(Arc::clone(&shared)))
        // They are written to standard error with a macro that panics.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.event_format(FlatJson::default()).fmt_fields(JsonFields::new()).init(),
    }
}

/// Replaces the standard hook, which writes to standard error directly and waits for it without a limit.
fn log_panics(health: LogHealth) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), "{panic}");
        health.flush(PANIC_FLUSH_TIMEOUT);
    }));
}

/// Receives one whole line per call of `write_all`, as the subscriber makes them. It never fails: lost lines are counted.
struct LineWriter(Arc<Shared>);

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that reports how many lines were lost before it.
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

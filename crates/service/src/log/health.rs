//! Whether the log can be written, for readiness and metrics.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::{IntCounter, Registry};

use super::pump::{Notice, Shared};

/// What readiness says of a log that cannot be written.
pub const LOG_PROBLEM: &str = "the log cannot be written";

/// The state of the log; clones share it. The default is that of a program without a log, which cannot fail.
#[derive(Clone, Debug)]
pub struct LogHealth {
    lost: IntCounter,
    shared: Option<Arc<Shared>>,
}

impl Default for LogHealth {
    fn default() -> Self {
        let lost = IntCounter::new("convene_log_lines_lost_total", "log lines that could not be written");
        Self { lost: lost.expect("the name is valid"), shared: None }
    }
}

impl LogHealth {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        notice: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> (Self, Arc<Shared>) {
        let Self { lost, .. } = Self::default();
        let shared = Shared::new(lost.clone());
        let (pump, notice): (_, Notice) = (Arc::clone(&shared), Box::new(notice));
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || pump.pump(sink, &notice)).expect("threads can be started at the start of a process");
        (Self { lost, shared: Some(Arc::clone(&shared)) }, shared)
    }

    /// Lines that could not be written so far.
    pub fn lost_lines(&self) -> u64 {
        self.lost.get()
    }

    /// Whether lines cannot be written at the moment.
    pub fn is_failing(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_failing(Instant::now()))
    }

    /// What is wrong with the log at the moment, for readiness.
    pub fn problem(&self) -> Option<&'static str> {
        self.is_failing().then_some(LOG_PROBLEM)
    }

    /// Waits until the lines so far are written, or cannot be. To be called before the process ends.
    pub fn flush(&self, at_most: Duration) {
        if let Some(shared) = &self.shared {
            shared.flush(at_most);
        }
    }

    /// Writes a line behind all others, as it is, and waits a moment until it is written: why the process ends.
    pub fn last_words(&self, line: &str) {
        match &self.shared {
            Some(shared) => shared.push(format!("{line}\n").as_bytes()),
            None => crate::say::err(line),
        }
        self.flush(Duration::from_secs(1));
    }

    /// Adds the counter of lost lines to a program's metrics.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.lost.clone()))
    }
}

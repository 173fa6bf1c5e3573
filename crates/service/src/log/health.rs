//! Whether the log can be written, for readiness and metrics.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::{IntCounter, Registry};

use super::pump::{Notice, Shared};

/// The problem that readiness reports when the log cannot be written.
pub const LOG_PROBLEM: &str = "the log cannot be written";

/// The state of the log, shared by all clones. The default is for a program without a log, which cannot fail.
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

    /// Number of lines that could not be written so far.
    pub fn lost_lines(&self) -> u64 {
        self.lost.get()
    }

    /// Whether lines currently cannot be written.
    pub fn is_failing(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_failing(Instant::now()))
    }

    /// The current problem of the log, for readiness.
    pub fn problem(&self) -> Option<&'static str> {
        self.is_failing().then_some(LOG_PROBLEM)
    }

    /// Waits until all lines so far are written or lost, for `at_most`. Must be called before the process exits.
    pub fn flush(&self, at_most: Duration) {
        if let Some(shared) = &self.shared {
            shared.flush(at_most);
        }
    }

    /// Writes a line as it is, after all others, and waits up to one second for it: the reason why the process exits.
    pub fn last_words(&self, line: &str) {
        match &self.shared {
            Some(shared) => shared.push(format!("{line}\n").as_bytes()),
            None => crate::say::err(line),
        }
        self.flush(Duration::from_secs(1));
    }

    /// Registers the counter of lost lines.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.lost.clone()))
    }
}

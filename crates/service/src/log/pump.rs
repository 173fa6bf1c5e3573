//! The thread that writes log lines, and the state that it shares with the code that logs.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::queue::{Queue, count_lines};

/// Pause after a failed write before the next attempt.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// A write that takes longer than this counts as failing: nothing reads the other end of the pipe.
pub(super) const STUCK: Duration = Duration::from_secs(5);
/// Pause before a sink that is temporarily full is tried again.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(50);

/// Builds the line that reports this number of lost lines.
pub(super) type Notice = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// Shared by the code that logs and the thread that writes.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Signaled when there is something to write.
    filled: Condvar,
    /// Signaled when everything is written or lost.
    settled: Condvar,
    lost: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// When the current write started, if there is one.
    writing_since: Option<Instant>,
    /// Whether the last write failed.
    has_failed: bool,
    /// Lost lines that the log has not reported yet.
    unreported: u64,
}

/// The bytes of one write.
struct Batch {
    text: Vec<u8>,
    /// Number of lost lines that it reports.
    reported: u64,
}

impl Shared {
    pub(super) fn new(lost: IntCounter) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), filled: Condvar::new(), settled: Condvar::new(), lost })
    }

    /// Queues a line; never waits for the sink.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.queue.push(line) {
            self.filled.notify_one();
        } else {
            self.lose(&mut state, line);
        }
    }

    /// Whether lines currently cannot be written.
    pub(super) fn is_failing(&self, now: Instant) -> bool {
        let state = self.lock();
        let is_stuck = |since: Instant| now.saturating_duration_since(since) > STUCK;
        state.has_failed || state.writing_since.is_some_and(is_stuck)
    }

    /// Waits until all lines are written, a write fails, or the time has passed.
    pub(super) fn flush(&self, at_most: Duration) {
        let is_open =
            |state: &mut State| !state.has_failed && (state.writing_since.is_some() || !state.queue.is_empty());
        // It fails only if a thread panicked with the lock held; none does.
        drop(self.settled.wait_timeout_while(self.lock(), at_most, is_open));
    }

    /// Writes queued lines forever.
    pub(super) fn pump(&self, mut sink: impl Write, notice: &Notice) {
        let mut is_mid_line = false;
        loop {
            let Batch { text, reported } = self.next_batch(notice, is_mid_line);
            let (written, result) = write(&mut sink, &text);
            if let Some(last) = text[..written].last() {
                is_mid_line = *last != b'\n';
            }
            match result {
                Ok(()) => self.succeed(reported),
                Err(_) => self.fail(&text[written..]),
            }
        }
    }

    /// The next batch. After a failure it is only the notice, after the pause.
    fn next_batch(&self, notice: &Notice, is_mid_line: bool) -> Batch {
        let mut state = self.next_turn();
        let mut text = if is_mid_line { b"\n".to_vec() } else { Vec::new() };
        if state.unreported > 0 {
            text.extend(notice(state.unreported));
        }
        if !state.has_failed {
            text.extend(state.queue.take());
        }
        state.writing_since = Some(Instant::now());
        Batch { text, reported: state.unreported }
    }

    fn next_turn(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.has_failed {
            drop(state);
            std::thread::sleep(RETRY);
            return self.lock();
        }
        while state.queue.is_empty() && state.unreported == 0 {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn succeed(&self, reported: u64) {
        let mut state = self.lock();
        (state.writing_since, state.has_failed) = (None, false);
        state.unreported -= reported;
        self.settled.notify_all();
    }

    fn fail(&self, rest: &[u8]) {
        let mut state = self.lock();
        state.writing_since = None;
        if std::mem::replace(&mut state.has_failed, true) {
            // The rest is part of the notice. Lines that were queued in the meantime are lost too.
            let waiting = state.queue.take();
            self.lose(&mut state, &waiting);
        } else {
            self.lose(&mut state, rest);
        }
        self.settled.notify_all();
    }

    fn lose(&self, state: &mut State, lines: &[u8]) {
        let count = count_lines(lines);
        self.lost.inc_by(count);
        state.unreported += count;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the whole batch; otherwise returns how much was written, with the error.
fn write(sink: &mut impl Write, batch: &[u8]) -> (usize, io::Result<()>) {
    let (mut written, begun) = (0, Instant::now());
    while written < batch.len() {
        match sink.write(&batch[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && begun.elapsed() < STUCK => {
                std::thread::sleep(WOULD_BLOCK_PAUSE);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}

//! The thread that writes log lines, and what it shares with those who log.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::queue::{Queue, count_lines};

/// Pause after a failure before the next attempt.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// A write that takes longer counts as failing: nothing reads the other end of the pipe.
pub(super) const STUCK: Duration = Duration::from_secs(5);
/// Pause before a sink that is full for the moment is tried again.
const NOT_NOW: Duration = Duration::from_millis(50);

/// Makes the line about so many lost ones.
pub(super) type Notice = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// Between those who log and the thread that writes.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written, or cannot be.
    settled: Condvar,
    lost: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// Since when a write has been under way.
    writing_since: Option<Instant>,
    /// Whether the last write failed.
    has_failed: bool,
    /// Lost lines that the log has not mentioned yet.
    untold: u64,
}

/// What is written in one go.
struct Batch {
    text: Vec<u8>,
    /// Lost lines that it mentions.
    told: u64,
}

impl Shared {
    pub(super) fn new(lost: IntCounter) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), filled: Condvar::new(), settled: Condvar::new(), lost })
    }

    /// Hands a line over; never waits for the sink.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.queue.push(line) {
            self.filled.notify_one();
        } else {
            self.lose(&mut state, line);
        }
    }

    /// Whether lines cannot be written at the moment.
    pub(super) fn is_failing(&self, now: Instant) -> bool {
        let state = self.lock();
        let is_stuck = |since: Instant| now.saturating_duration_since(since) > STUCK;
        state.has_failed || state.writing_since.is_some_and(is_stuck)
    }

    /// Waits until all lines are written, or one cannot be, or the time is over.
    pub(super) fn flush(&self, at_most: Duration) {
        let is_open =
            |state: &mut State| !state.has_failed && (state.writing_since.is_some() || !state.queue.is_empty());
        // An error is that of a thread which panicked with the lock held; none does.
        drop(self.settled.wait_timeout_while(self.lock(), at_most, is_open));
    }

    /// Writes what is handed over, for ever.
    pub(super) fn pump(&self, mut sink: impl Write, notice: &Notice) {
        let mut is_mid_line = false;
        loop {
            let Batch { text, told } = self.next_batch(notice, is_mid_line);
            let (written, result) = write(&mut sink, &text);
            if let Some(last) = text[..written].last() {
                is_mid_line = *last != b'\n';
            }
            match result {
                Ok(()) => self.succeed(told),
                Err(_) => self.fail(&text[written..]),
            }
        }
    }

    /// What is to be written next. After a failure that is the notice alone, once the pause is over.
    fn next_batch(&self, notice: &Notice, is_mid_line: bool) -> Batch {
        let mut state = self.next_turn();
        let mut text = if is_mid_line { b"\n".to_vec() } else { Vec::new() };
        if state.untold > 0 {
            text.extend(notice(state.untold));
        }
        if !state.has_failed {
            text.extend(state.queue.take());
        }
        state.writing_since = Some(Instant::now());
        Batch { text, told: state.untold }
    }

    fn next_turn(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.has_failed {
            drop(state);
            std::thread::sleep(RETRY);
            return self.lock();
        }
        while state.queue.is_empty() && state.untold == 0 {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn succeed(&self, told: u64) {
        let mut state = self.lock();
        (state.writing_since, state.has_failed) = (None, false);
        state.untold -= told;
        self.settled.notify_all();
    }

    fn fail(&self, rest: &[u8]) {
        let mut state = self.lock();
        state.writing_since = None;
        if std::mem::replace(&mut state.has_failed, true) {
            // The rest is of the notice; what has been handed over meanwhile shares its lot.
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
        state.untold += count;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of it, or tells how much was written before what failure.
fn write(sink: &mut impl Write, batch: &[u8]) -> (usize, io::Result<()>) {
    let (mut written, begun) = (0, Instant::now());
    while written < batch.len() {
        match sink.write(&batch[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && begun.elapsed() < STUCK => {
                std::thread::sleep(NOT_NOW);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}

//! The version of the room list: it grows with every change, and callers can wait for the next one.
//!
//! It does not know the list; the code that changes it calls [`ListVersion::bump`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Changes within this time after the first are reported together, so that a hundred simultaneous joins do not cause a hundred lists.
const BURST: Duration = Duration::from_millis(100);
/// Bits for the changes of one millisecond. Few enough for versions to be exact in readers that have only doubles.
const CHANGE_BITS: u32 = 12;

/// The version of the room list; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ListVersion {
    version: Arc<watch::Sender<u64>>,
    closed: CancellationToken,
}

impl ListVersion {
    /// `started_at` is the start of the process in Unix milliseconds, so that the versions of two processes differ.
    pub(crate) fn new(started_at: u64) -> Self {
        Self { version: Arc::new(watch::Sender::new(first_version(started_at))), closed: CancellationToken::new() }
    }

    /// The current version. Read it before the list.
    pub(crate) fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Marks a change. Call it after the change.
    pub(crate) fn bump(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Releases all waiting callers, now and later.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Returns when the version differs from `known`, after `at_most`, or when this is closed.
    pub(crate) async fn changed_from(&self, known: u64, at_most: Duration) {
        if self.version() != known {
            return;
        }
        let mut versions = self.version.subscribe();
        let changed = async {
            let _ = versions.wait_for(|version| *version != known).await;
            sleep(BURST).await;
        };
        tokio::select! {
            () = self.closed.cancelled() => {}
            _ = timeout(at_most, changed) => {}
        }
    }
}

fn first_version(started_at: u64) -> u64 {
    (started_at << CHANGE_BITS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn versions_are_never_zero_and_later_processes_begin_higher() {
        assert_eq!(first_version(0), 1);
        let (earlier, later) = (first_version(1_800_000_000_000), first_version(1_800_000_000_001));
        assert_eq!(later - earlier, 4096);
        assert!(later < 1 << 53, "exact as a double");
    }

    #[tokio::test]
    async fn waiting_ends_with_a_change_with_the_time_or_with_the_process() {
        let version = ListVersion::new(1);
        let known = version.version();
        version.changed_from(known + 7, LONG).await;
        version.changed_from(known, Duration::from_millis(1)).await;
        assert_eq!(version.version(), known, "time was up");
        let waiting = tokio::spawn({
            let version = version.clone();
            async move { version.changed_from(known, LONG).await }
        });
        version.bump();
        waiting.await.unwrap();
        assert_eq!(version.version(), known + 1);
        version.close();
        version.changed_from(known + 1, LONG).await;
    }
}

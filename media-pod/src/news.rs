//! Whether the room list has changed: a version that grows with every change, and waiting for another one.
//!
//! It does not know what the list holds; whoever changes something says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What comes within this time after a change is told together with it: a hundred people who join at once are no hundred lists.
const BURST: Duration = Duration::from_millis(100);
/// Bits for the changes of one millisecond. Few enough that versions stay exact in readers that know only doubles.
const CHANGE_BITS: u32 = 12;

/// The version of the room list; clones share it.
#[derive(Clone, Debug)]
pub struct News {
    version: Arc<watch::Sender<u64>>,
    over: CancellationToken,
}

impl News {
    /// `started_at` is the start of the process in milliseconds after 1970: versions of two processes never meet.
    pub fn new(started_at: u64) -> Self {
        Self { version: Arc::new(watch::Sender::new(first_version(started_at))), over: CancellationToken::new() }
    }

    /// The version now. To be read before what it is the version of.
    pub fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Something has changed. To be called after the change.
    pub fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Nobody is kept waiting any more.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// Returns when the version is another one than `known`, when time is up, or when nobody is kept waiting any more.
    pub async fn other_than(&self, known: u64, at_most: Duration) {
        if self.version() != known {
            return;
        }
        let mut versions = self.version.subscribe();
        let changed = async {
            let _ = versions.wait_for(|version| *version != known).await;
            sleep(BURST).await;
        };
        tokio::select! {
            () = self.over.cancelled() => {}
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
        let news = News::new(1);
        let known = news.version();
        news.other_than(known + 7, LONG).await;
        news.other_than(known, Duration::from_millis(1)).await;
        assert_eq!(news.version(), known, "time was up");
        let waiting = tokio::spawn({
            let news = news.clone();
            async move { news.other_than(known, LONG).await }
        });
        news.tell();
        waiting.await.unwrap();
        assert_eq!(news.version(), known + 1);
        news.end();
        news.other_than(known + 1, LONG).await;
    }
}

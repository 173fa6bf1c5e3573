//! How many connections may be open, and what the system allows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often it is said that connections are refused.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// Places for connections.
#[derive(Debug)]
pub(super) struct Slots {
    of: &'static str,
    free: Arc<Semaphore>,
    total: u32,
    complained: Mutex<Option<Instant>>,
}

/// One connection's place; free again when dropped.
pub(super) type Slot = OwnedSemaphorePermit;

impl Slots {
    /// `of` says in the log what there are too many of.
    pub(super) fn new(of: &'static str, total: u32) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(total as usize));
        Arc::new(Self { of, free, total, complained: Mutex::new(None) })
    }

    /// A place, unless all are taken.
    pub(super) fn take(&self) -> Option<Slot> {
        let slot = Arc::clone(&self.free).try_acquire_owned().ok();
        if slot.is_none() {
            self.complain(Instant::now());
        }
        slot
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        (self.total as usize).saturating_sub(self.free.available_permits())
    }

    /// Returns once none is taken.
    pub(super) async fn all_free(&self) {
        // The semaphore is never closed.
        let _ = self.free.acquire_many(self.total).await;
    }

    /// Says so, but not for each of a flood.
    fn complain(&self, now: Instant) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|last| now - last >= COMPLAINT_INTERVAL) {
            *complained = Some(now);
            tracing::warn!(of = self.of, open = self.total, "too many are open: further ones are ended at once");
        }
    }
}

/// Raises the limit of open files as far as it goes; gives what it is then, unless it is unlimited.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum;
    }
    current
}

/// As many connections as wanted, or as open files allow: media, pipes and files need some too.
pub fn connections_for(wanted: u32, open_files: Option<u64>) -> u32 {
    let Some(open_files) = open_files else { return wanted };
    let possible = open_files.saturating_sub((open_files / 10).clamp(64, 1024));
    wanted.min(u32::try_from(possible).unwrap_or(u32::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_has_ended() {
        let slots = Slots::new("tests", 1);
        let first = slots.take();
        assert!(first.is_some());
        assert!(slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }

    #[tokio::test]
    async fn all_are_free_once_the_last_one_has_ended() {
        let slots = Slots::new("tests", 2);
        let taken = slots.take();
        assert_eq!(slots.taken(), 1);
        assert!(slots.all_free().now_or_never().is_none());
        drop(taken);
        slots.all_free().await;
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn open_files_bound_the_connections() {
        let cases = [
            (20_000, None, 20_000),
            (20_000, Some(1_048_576), 20_000),
            (20_000, Some(20_000), 18_976),
            (20_000, Some(1024), 922),
            (100, Some(1024), 100),
            (100, Some(64), 1),
        ];
        for (wanted, open_files, expected) in cases {
            assert_eq!(connections_for(wanted, open_files), expected, "{wanted} with {open_files:?} files");
        }
    }

    #[test]
    fn the_limit_of_open_files_goes_up_to_the_hard_one() {
        let raised = raise_open_files();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((raised, current), (maximum, maximum));
    }
}

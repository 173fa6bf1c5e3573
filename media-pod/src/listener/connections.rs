//! Connection limiter, and the limit that the system's open files allow. It closes no connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Minimum time between log lines about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Limits the number of open connections.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    /// For the log.
    name: &'static str,
    free: Arc<Semaphore>,
    total: u32,
    logged: Mutex<Option<Instant>>,
}

/// One connection's slot; free again when dropped.
pub(super) type ConnectionSlot = OwnedSemaphorePermit;

impl ConnectionLimiter {
    /// `name` names the connections in the log.
    pub(super) fn new(name: &'static str, total: u32) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(total as usize));
        Arc::new(Self { name, free, total, logged: Mutex::new(None) })
    }

    /// A slot, unless all are in use.
    pub(super) fn acquire(&self) -> Option<ConnectionSlot> {
        let slot = Arc::clone(&self.free).try_acquire_owned().ok();
        if slot.is_none() {
            self.log_refusal(Instant::now());
        }
        slot
    }

    /// Slots in use.
    pub(super) fn used(&self) -> usize {
        (self.total as usize).saturating_sub(self.free.available_permits())
    }

    /// Returns once no slot is in use.
    pub(super) async fn all_free(&self) {
        // The semaphore is never closed.
        let _ = self.free.acquire_many(self.total).await;
    }

    /// Logs a refused connection, but not every one during a flood.
    fn log_refusal(&self, now: Instant) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|last| now - last >= LOG_INTERVAL) {
            *logged = Some(now);
            tracing::warn!(
                kind = self.name,
                limit = self.total,
                "connection limit reached: further connections are closed at once"
            );
        }
    }
}

/// Raises the limit on open files to the maximum and returns it; `None` if it is unlimited.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum;
    }
    current
}

/// The requested number of connections, or what the limit on open files allows: media, pipes and files need some too.
pub(crate) fn connections_for(wanted: u32, open_files: Option<u64>) -> u32 {
    let Some(open_files) = open_files else { return wanted };
    let possible = open_files.saturating_sub((open_files / 10).clamp(64, 1024));
    wanted.min(u32::try_from(possible).unwrap_or(u32::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_slot_is_free_again_when_its_connection_has_ended() {
        let limiter = ConnectionLimiter::new("tests", 1);
        let first = limiter.acquire();
        assert!(first.is_some());
        assert!(limiter.acquire().is_none());
        drop(first);
        assert!(limiter.acquire().is_some());
    }

    #[tokio::test]
    async fn all_are_free_once_the_last_one_has_ended() {
        let limiter = ConnectionLimiter::new("tests", 2);
        let slot = limiter.acquire();
        assert_eq!(limiter.used(), 1);
        assert!(limiter.all_free().now_or_never().is_none());
        drop(slot);
        limiter.all_free().await;
        assert_eq!(limiter.used(), 0);
    }

    #[test]
    fn open_files_limit_the_connections() {
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

//! Limits how many probes are open at the same time. It opens none.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Probes open at the same time.
const MAX_PROBES: usize = 2;

/// Limits open probes; clones share the limit.
#[derive(Clone, Debug)]
pub struct ProbeLimiter(Arc<Semaphore>);

impl Default for ProbeLimiter {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_PROBES)))
    }
}

impl ProbeLimiter {
    /// A permit for one probe, unless the limit is reached.
    pub(super) fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

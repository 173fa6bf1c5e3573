//! Limits on queued bytes: for the clients of one room, and for the whole pod. It counts; it holds no data itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit on bytes in use, which also count against its parent, if it has one. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct ByteQuota(Arc<Usage>);

#[derive(Debug)]
struct Usage {
    used: AtomicUsize,
    limit: usize,
    parent: Option<ByteQuota>,
}

impl ByteQuota {
    /// A quota of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Usage { used: AtomicUsize::new(0), limit, parent: None }))
    }

    /// A quota within this one: its bytes count against both.
    #[must_use]
    pub(crate) fn child(&self, limit: usize) -> Self {
        Self(Arc::new(Usage { used: AtomicUsize::new(0), limit, parent: Some(self.clone()) }))
    }

    /// Counts bytes as used. The limit may be exceeded: the caller decides what to do in that case.
    pub(crate) fn take(&self, bytes: usize) {
        self.each(&mut |usage| {
            usage.used.fetch_add(bytes, Ordering::Relaxed);
        });
    }

    /// Counts bytes as released.
    pub(crate) fn release(&self, bytes: usize) {
        self.each(&mut |usage| {
            usage.used.fetch_sub(bytes, Ordering::Relaxed);
        });
    }

    /// Whether more bytes are in use than this quota or one of its parents allows.
    pub(crate) fn is_exhausted(&self) -> bool {
        let mut is_exhausted = false;
        self.each(&mut |usage| is_exhausted |= usage.used.load(Ordering::Relaxed) > usage.limit);
        is_exhausted
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    fn each(&self, act: &mut dyn FnMut(&Usage)) {
        act(&self.0);
        if let Some(parent) = &self.0.parent {
            parent.each(act);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_counts_against_its_parent_and_either_can_be_exhausted() {
        let pod = ByteQuota::new(100);
        let (one, other) = (pod.child(60), pod.child(60));
        one.take(60);
        assert!(!one.is_exhausted() && !other.is_exhausted());
        one.take(1);
        assert!(one.is_exhausted() && !other.is_exhausted());
        other.take(40);
        assert!(other.is_exhausted() && pod.is_exhausted(), "the pod's quota is exhausted");
        one.release(61);
        assert_eq!((one.used(), other.used(), pod.used()), (0, 40, 40));
        assert!(!one.is_exhausted() && !other.is_exhausted());
    }
}

//! How many bytes may wait at the same time: for the clients of one room, and for all of the pod. Counts; it holds nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A share of memory, part of a larger one if it has a parent. Clones are the same share.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Share>);

#[derive(Debug)]
struct Share {
    used: AtomicUsize,
    most: usize,
    parent: Option<Budget>,
}

impl Budget {
    /// A share of so many bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Share { used: AtomicUsize::new(0), most, parent: None }))
    }

    /// A share of this one: what it uses, this one uses too.
    #[must_use]
    pub fn part(&self, most: usize) -> Self {
        Self(Arc::new(Share { used: AtomicUsize::new(0), most, parent: Some(self.clone()) }))
    }

    /// Counts bytes as used. They may be more than there are: who asked decides what to do about it.
    pub fn take(&self, bytes: usize) {
        self.each(&mut |share| {
            share.used.fetch_add(bytes, Ordering::Relaxed);
        });
    }

    /// Counts bytes as free again.
    pub fn give_back(&self, bytes: usize) {
        self.each(&mut |share| {
            share.used.fetch_sub(bytes, Ordering::Relaxed);
        });
    }

    /// Whether this share, or one that it is part of, is used up.
    pub fn is_spent(&self) -> bool {
        let mut is_spent = false;
        self.each(&mut |share| is_spent |= share.used.load(Ordering::Relaxed) > share.most);
        is_spent
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    fn each(&self, act: &mut dyn FnMut(&Share)) {
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
    fn parts_use_the_whole_and_either_can_be_spent() {
        let pod = Budget::new(100);
        let (one, other) = (pod.part(60), pod.part(60));
        one.take(60);
        assert!(!one.is_spent() && !other.is_spent());
        one.take(1);
        assert!(one.is_spent() && !other.is_spent());
        other.take(40);
        assert!(other.is_spent() && pod.is_spent(), "the pod's share is used up");
        one.give_back(61);
        assert_eq!((one.used(), other.used(), pod.used()), (0, 40, 40));
        assert!(!one.is_spent() && !other.is_spent());
    }
}

//! Limits how many reconciliations send requests to the same media pod, so that one that does not respond delays only the meetings that move
//! from or to it.
//!
//! It never waits, and does not know which pods respond.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Enough for the usual pace, since a move takes some hundredths of a second, and a quarter of the reconciliations that run at once.
const MOST_PER_POD: u32 = 2;

/// The slots of all media pods. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodSlots {
    /// Slots in use, by UID of the pod.
    taken: Arc<Mutex<HashMap<String, u32>>>,
}

/// A slot of each of some pods, until it is dropped.
#[derive(Debug)]
pub(crate) struct PodSlot {
    slots: PodSlots,
    pods: Vec<String>,
}

impl PodSlots {
    /// Takes a slot of each of these pods, which differ. `None`: one of them has none left.
    pub(crate) fn take(&self, pods: &[&str]) -> Option<PodSlot> {
        let mut taken = self.taken();
        let has_slot = |pod: &&str| taken.get(*pod).is_none_or(|count| *count < MOST_PER_POD);
        if !pods.iter().all(has_slot) {
            return None;
        }
        for pod in pods {
            *taken.entry((*pod).to_owned()).or_default() += 1;
        }
        drop(taken);
        Some(PodSlot { slots: self.clone(), pods: pods.iter().map(|pod| (*pod).to_owned()).collect() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // A panic while the lock was held leaves the value usable: each change is complete in itself.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PodSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        for pod in &self.pods {
            if let Some(count) = taken.get_mut(pod) {
                *count -= 1;
            }
        }
        taken.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_so_many_slots_and_a_full_one_keeps_those_of_others_free() {
        let slots = PodSlots::default();
        let held: Vec<_> = ["b", "c"].map(|to| slots.take(&["a", to]).unwrap()).into();
        assert!(slots.take(&["a"]).is_none() && slots.take(&["d", "a"]).is_none());
        assert!([slots.take(&["d"]), slots.take(&["d"]), slots.take(&[])].iter().all(Option::is_some));
        drop(held);
        assert!(slots.taken().is_empty());
        assert!(slots.take(&["a", "b"]).is_some());
    }
}

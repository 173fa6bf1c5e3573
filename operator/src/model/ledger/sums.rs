//! The sums of the ledger: load of pods, usage of pools, and the indexes.
//!
//! Pure. `Ledger::change` is the only caller besides insertion and removal.

use std::{collections::HashMap, sync::Arc};

use super::{
    Keys, Ledger,
    entry::Entry,
    load::{Need, PodLoad},
};

impl Ledger {
    pub(super) fn add(&mut self, uid: &Arc<str>, entry: &Entry) {
        if let Some(pod) = entry.pod_uid() {
            let pod = self.name(pod);
            let load = self.loads.entry(Arc::clone(&pod)).or_default();
            load.meetings += 1;
            load.participants += entry.local_participants();
            load.pipes += entry.count_pipes();
            load.dedicated += u32::from(entry.is_dedicated);
            load.active += u32::from(entry.participants() > 0);
            self.on_pod.entry(pod).or_default().insert(Arc::clone(uid), Arc::clone(&entry.key));
            self.held.add(&entry.pool, &entry.key.namespace, entry.usage());
        }
        for (site, participants) in entry.on_other_pods() {
            let load = self.loads.entry(Arc::clone(site)).or_default();
            load.guests += 1;
            load.unknown_guests += u32::from(entry.served.is_none());
            load.pipes += entry.count_pipes();
            load.participants += participants;
            self.on_site.entry(Arc::clone(site)).or_default().insert(Arc::clone(uid), Arc::clone(&entry.key));
        }
        if entry.reserves_place() {
            self.reserved.add(&entry.pool, &entry.key.namespace, entry.usage());
        }
        if entry.pod_uid().is_none() || entry.wants_pod {
            let waiting = self.waiting.entry(Arc::clone(&entry.pool)).or_default();
            waiting.insert(Arc::clone(uid), Arc::clone(&entry.key));
        }
        if entry.wants_pod {
            let need = self.needs.entry(Arc::clone(&entry.pool)).or_default();
            *side(need, entry.is_dedicated) += 1;
        }
    }

    pub(super) fn subtract(&mut self, uid: &str, entry: &Entry) {
        if let Some(pod) = entry.pod_uid() {
            self.relieve(pod, |load| {
                load.meetings = load.meetings.saturating_sub(1);
                load.participants = load.participants.saturating_sub(entry.local_participants());
                load.pipes = load.pipes.saturating_sub(entry.count_pipes());
                load.dedicated = load.dedicated.saturating_sub(u32::from(entry.is_dedicated));
                load.active = load.active.saturating_sub(u32::from(entry.participants() > 0));
            });
            remove_uid(&mut self.on_pod, pod, uid);
            self.held.subtract(&entry.pool, &entry.key.namespace, entry.usage());
        }
        for (site, participants) in entry.on_other_pods() {
            self.relieve(site, |load| {
                load.guests = load.guests.saturating_sub(1);
                load.pipes = load.pipes.saturating_sub(entry.count_pipes());
                load.unknown_guests = load.unknown_guests.saturating_sub(u32::from(entry.served.is_none()));
                load.participants = load.participants.saturating_sub(participants);
            });
            remove_uid(&mut self.on_site, site, uid);
        }
        if entry.reserves_place() {
            self.reserved.subtract(&entry.pool, &entry.key.namespace, entry.usage());
        }
        remove_uid(&mut self.waiting, &entry.pool, uid);
        if entry.wants_pod
            && let Some(need) = self.needs.get_mut(&entry.pool)
        {
            let count = side(need, entry.is_dedicated);
            *count = count.saturating_sub(1);
        }
    }

    /// Changes the load of a pod. One that no meeting uses has none.
    fn relieve(&mut self, pod: &str, change: impl FnOnce(&mut PodLoad)) {
        let Some(load) = self.loads.get_mut(pod) else { return };
        change(load);
        if load.is_unused() {
            self.loads.remove(pod);
        }
    }
}

fn side(need: &mut Need, is_dedicated: bool) -> &mut u32 {
    if is_dedicated { &mut need.dedicated } else { &mut need.shared }
}

fn remove_uid(index: &mut HashMap<Arc<str>, Keys>, at: &str, uid: &str) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(uid);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

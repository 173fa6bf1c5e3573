//! Which other media pods serve a meeting that may be spread over several.
//!
//! Pure: no I/O, no clock, no randomness. Pods are added as participants join. Those who are in the call stay where they are: a pod is released
//! only when it serves none of them, or when it drains or fails.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{plan::ObservedPool, validate::ValidMeeting};
use crate::model::{
    ledger::{PodLoad, Sites},
    media_pod::MediaPod,
};

/// Percentage of the capacity of the meeting's pods at which another one is added, so that it is there before they are full.
const GROW_PERCENT: u64 = 70;
/// Percentage of the capacity of the remaining pods up to which one without participants is released.
const SHRINK_PERCENT: u64 = 40;

/// The pods that serve the meeting besides its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChosenSites {
    pub(crate) sites: Vec<Arc<MediaPod>>,
    /// Whether it needs a pod that does not exist: the pool should create one.
    pub(crate) wants_pod: bool,
}

/// Chooses the pods besides `home`. `lenders` are the pods that can serve meetings of others.
pub(crate) fn choose_sites(
    meeting: &ValidMeeting,
    observed: &ObservedPool,
    home: &str,
    lenders: &BTreeSet<&str>,
) -> ChosenSites {
    let sites = keep_sites(meeting, observed, home);
    let spread = Spreading { meeting, observed, home, lenders };
    // After a restart of this process it is not known yet where participants are, or which pods can serve others.
    if !meeting.is_reported || !lenders.contains(home) {
        return ChosenSites { sites, wants_pod: false };
    }
    let grown = spread.grow(sites);
    if grown.wants_pod { grown } else { ChosenSites { sites: spread.shrink(grown.sites), ..grown } }
}

/// Those of the current ones that still can and may serve the meeting.
fn keep_sites(meeting: &ValidMeeting, observed: &ObservedPool, home: &str) -> Vec<Arc<MediaPod>> {
    let Sites { wanted, participants } = &meeting.sites;
    let find = |uid: &Arc<str>| observed.pods.iter().find(|pod| *pod.uid == **uid && pod.uid != home && pod.is_open());
    let mut kept: Vec<_> = wanted.iter().filter_map(find).cloned().collect();
    let most = meeting.max_pods.saturating_sub(1) as usize;
    if kept.len() > most {
        kept.sort_by_key(|pod| Reverse(participants.get(&*pod.uid).copied()));
        kept.truncate(most);
    }
    kept
}

struct Spreading<'a> {
    meeting: &'a ValidMeeting,
    observed: &'a ObservedPool,
    home: &'a str,
    lenders: &'a BTreeSet<&'a str>,
}

impl Spreading<'_> {
    fn grow(&self, mut sites: Vec<Arc<MediaPod>>) -> ChosenSites {
        while sites.len() + 1 < self.meeting.max_pods as usize && self.fills(GROW_PERCENT, &sites) {
            let Some(next) = self.select(&sites) else { return ChosenSites { sites, wants_pod: true } };
            sites.push(Arc::clone(next));
        }
        ChosenSites { sites, wants_pod: false }
    }

    fn shrink(&self, mut sites: Vec<Arc<MediaPod>>) -> Vec<Arc<MediaPod>> {
        while let Some(index) = sites.iter().rposition(|pod| self.count_on(&pod.uid) == 0) {
            let mut fewer = sites.clone();
            fewer.remove(index);
            if self.fills(SHRINK_PERCENT, &fewer) {
                break;
            }
            sites = fewer;
        }
        sites
    }

    /// Whether the participants need this percentage of the capacity that the meeting has on its own pod and these.
    fn fills(&self, percent: u64, sites: &[Arc<MediaPod>]) -> bool {
        let uids = sites.iter().map(|pod| pod.uid.as_str()).chain([self.home]);
        let capacity: u64 = uids.map(|uid| u64::from(self.compute_capacity(uid))).sum();
        self.meeting.participants > 0 && u64::from(self.meeting.participants) * 100 >= capacity * percent
    }

    /// The capacity of a pod that other meetings leave to this one.
    fn compute_capacity(&self, uid: &str) -> u32 {
        self.load_of(uid).remaining(self.observed.pool.capacity.participants, self.count_on(uid))
    }

    /// Participants of the meeting on a pod.
    fn count_on(&self, uid: &str) -> u32 {
        let elsewhere = &self.meeting.sites.participants;
        if uid == self.home {
            return self.meeting.participants.saturating_sub(elsewhere.values().sum());
        }
        elsewhere.get(uid).copied().unwrap_or_default()
    }

    /// The best pod to add: on a node that serves the meeting least, then the one with the fewest participants.
    fn select(&self, sites: &[Arc<MediaPod>]) -> Option<&Arc<MediaPod>> {
        let on_node = self.count_by_node(sites);
        let candidates = self.observed.pods.iter().filter(|pod| self.may_serve(pod, sites));
        candidates.min_by_key(|pod| {
            let is_current = pod.revision == self.observed.pool.revision;
            let is_reached = pod.reached.as_ref().is_none_or(|reached| reached.is_reachable != Some(false));
            let others = on_node.get(&pod.node).copied().unwrap_or_default();
            (!is_current, !is_reached, others, self.load_of(&pod.uid).participants, &pod.name)
        })
    }

    fn may_serve(&self, pod: &MediaPod, sites: &[Arc<MediaPod>]) -> bool {
        let load = self.load_of(&pod.uid);
        let capacity = self.observed.pool.capacity.participants;
        let is_in_use = pod.uid == self.home || sites.iter().any(|site| site.uid == pod.uid);
        let has_room = load.participants.saturating_add(self.meeting.max_participants) <= capacity;
        pod.is_open() && !is_in_use && self.lenders.contains(pod.uid.as_str()) && load.dedicated == 0 && has_room
    }

    fn count_by_node(&self, sites: &[Arc<MediaPod>]) -> BTreeMap<Option<String>, usize> {
        let home = self.observed.pods.iter().find(|pod| pod.uid == self.home);
        let mut counts = BTreeMap::new();
        for pod in sites.iter().chain(home) {
            *counts.entry(pod.node.clone()).or_default() += 1;
        }
        counts
    }

    fn load_of(&self, uid: &str) -> PodLoad {
        self.observed.loads.get(uid).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

//! Which other media pods serve a meeting that may be spread over several.
//!
//! Pure: no I/O, no clock, no randomness. Pods are added as participants join. Those who are in the call stay where they are: a pod is released
//! when it serves none of them and is not needed for a while, when it is drained, or when it is lost.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::SignedDuration;

use super::{plan::ObservedPool, validate::ValidMeeting};
use crate::model::{
    ledger::{OnSite, PodLoad},
    media_pod::MediaPod,
};

/// Percentage of the capacity of the meeting's pods at which another one is added, so that it is there before they are full.
const GROW_PERCENT: u64 = 70;
/// The same while the pool creates a pod for it: a participant who leaves does not make that pod superfluous.
const GROWING_PERCENT: u64 = 60;
/// Percentage of the capacity of the remaining pods up to which one without participants is not needed.
const SHRINK_PERCENT: u64 = 40;
/// How long a pod must not be needed before it is released. After a crash participants take some seconds to return.
pub(crate) const SPARE: SignedDuration = SignedDuration::from_secs(60);
/// How long a pod may be without a link before another one takes its place.
pub(crate) const LOST: SignedDuration = SignedDuration::from_secs(15);
/// How often its link may be lost.
const MOST_LOSSES: u32 = 3;
/// How long it is not chosen for the same meeting again.
pub(crate) const AVOIDED: SignedDuration = SignedDuration::from_mins(5);
/// The most that a room accepts.
const MOST_SITES: usize = 31;

/// The pods that serve the meeting besides its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChosenSites {
    pub(crate) sites: Vec<Arc<MediaPod>>,
    /// Whether it needs a pod that does not exist: the pool should create one.
    pub(crate) wants_pod: bool,
    /// Whether it needs fewer of them.
    pub(crate) has_spare: bool,
    /// Those that served it so far, and could not be linked.
    pub(crate) unlinked: Vec<Arc<MediaPod>>,
    /// Participants on drained pods that they have to leave now.
    pub(crate) leaving: u32,
}

/// Chooses the pods besides `home`. `lenders` are the pods that can serve meetings of others.
pub(crate) fn choose_sites(
    meeting: &ValidMeeting,
    observed: &ObservedPool,
    home: &str,
    lenders: &BTreeSet<&str>,
) -> ChosenSites {
    let spread = Spreading { meeting, observed, home, lenders };
    let (unlinked, kept): (Vec<_>, Vec<_>) = spread.remaining().into_iter().partition(|pod| spread.is_unlinked(pod));
    let (usable, unusable): (Vec<_>, Vec<_>) = kept.into_iter().partition(|pod| spread.is_usable(pod));
    // What keeps others from being linked is in their own state.
    let unlinked = unlinked.into_iter().filter(|pod| pod.is_open()).collect();
    let kept = ChosenSites { sites: spread.limit(usable), unlinked, ..ChosenSites::default() };
    let is_ending = observed.pool.compute_removal().is_some();
    // After a restart of this process it is not known yet where participants are, or which pods can serve others.
    let is_known = meeting.sites.reported.is_some() && meeting.is_reported && lenders.contains(home);
    if !is_known || is_ending {
        return spread.with_unusable(kept, unusable, false);
    }
    let interrupted = unusable.iter().filter(|pod| spread.on(&pod.uid).lost_since.is_some()).count();
    let grown = spread.grow(kept, interrupted);
    let may_leave = meeting.is_released && !grown.wants_pod && !spread.fills(100, &grown.sites);
    let fitting = if grown.wants_pod { grown } else { spread.shrink(grown) };
    spread.with_unusable(fitting, unusable, may_leave)
}

struct Spreading<'a> {
    meeting: &'a ValidMeeting,
    observed: &'a ObservedPool,
    home: &'a str,
    lenders: &'a BTreeSet<&'a str>,
}

impl Spreading<'_> {
    /// The current ones that exist and may still serve the meeting.
    fn remaining(&self) -> Vec<Arc<MediaPod>> {
        let mut found: Vec<Arc<MediaPod>> = Vec::new();
        for uid in self.meeting.sites.wanted.iter().filter(|uid| ***uid != *self.home) {
            let pod = self.observed.pods.iter().find(|pod| *pod.uid == **uid && pod.is_live());
            let is_new = |pod: &&Arc<MediaPod>| found.iter().all(|known| known.uid != pod.uid);
            if let Some(pod) = pod.filter(is_new) {
                found.push(Arc::clone(pod));
            }
        }
        found
    }

    /// Whether it serves the meeting now, or did so until now.
    fn is_wanted(&self, pod: &MediaPod) -> bool {
        self.meeting.sites.wanted.iter().any(|uid| **uid == *pod.uid)
    }

    /// Whether its link has been lost so often, or for so long, that it is not only interrupted.
    fn is_unlinked(&self, pod: &MediaPod) -> bool {
        let OnSite { lost_since, losses, .. } = self.on(&pod.uid);
        lost_since.is_some_and(|since| losses >= MOST_LOSSES || self.meeting.now.duration_since(since) >= LOST)
    }

    /// Whether it can serve more participants.
    fn is_usable(&self, pod: &MediaPod) -> bool {
        pod.is_open() && self.on(&pod.uid).lost_since.is_none()
    }

    /// As many as the meeting may have: those with the most participants.
    fn limit(&self, mut sites: Vec<Arc<MediaPod>>) -> Vec<Arc<MediaPod>> {
        let most = self.meeting.max_pods.saturating_sub(1) as usize;
        if sites.len() > most {
            sites.sort_by_key(|pod| Reverse(self.count_on(&pod.uid)));
            sites.truncate(most);
        }
        sites
    }

    /// Adds those that serve participants although they take no new ones: they are not ready, are being drained, or their link is interrupted.
    /// `may_leave`: participants on drained ones can go to others now.
    fn with_unusable(&self, chosen: ChosenSites, unusable: Vec<Arc<MediaPod>>, may_leave: bool) -> ChosenSites {
        let (mut sites, mut leaving) = (chosen.sites, 0);
        for pod in unusable {
            let (count, is_interrupted) = (self.count_on(&pod.uid), self.on(&pod.uid).lost_since.is_some());
            let serves = count > 0 || is_interrupted || self.meeting.sites.reported.is_none();
            if may_leave && pod.draining.is_some() {
                leaving += count;
            } else if serves && self.meeting.max_pods > 1 && sites.len() < MOST_SITES {
                sites.push(pod);
            }
        }
        // The order is that in which they were added.
        let wanted = &self.meeting.sites.wanted;
        sites.sort_by_key(|pod| wanted.iter().position(|uid| **uid == *pod.uid).unwrap_or(usize::MAX));
        ChosenSites { sites, leaving, ..chosen }
    }

    /// `interrupted` are those whose link may be opened again.
    fn grow(&self, mut chosen: ChosenSites, interrupted: usize) -> ChosenSites {
        let most = self.meeting.max_pods.min(self.meeting.quota_pods) as usize;
        let most = most.saturating_sub(interrupted + 1);
        let percent = if self.meeting.sites.wants_pod { GROWING_PERCENT } else { GROW_PERCENT };
        while chosen.sites.len() < most && self.fills(percent, &chosen.sites) {
            let Some(next) = self.select(&chosen.sites) else {
                return ChosenSites { wants_pod: true, ..chosen };
            };
            chosen.sites.push(Arc::clone(next));
        }
        chosen
    }

    fn shrink(&self, mut chosen: ChosenSites) -> ChosenSites {
        let has_waited =
            self.meeting.sites.spare_since.is_some_and(|since| self.meeting.now.duration_since(since) >= SPARE);
        while let Some(index) = chosen.sites.iter().rposition(|pod| self.count_on(&pod.uid) == 0) {
            let mut fewer = chosen.sites.clone();
            fewer.remove(index);
            if self.fills(SHRINK_PERCENT, &fewer) {
                break;
            }
            if !has_waited {
                return ChosenSites { has_spare: true, ..chosen };
            }
            chosen.sites = fewer;
        }
        chosen
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

    fn on(&self, uid: &str) -> OnSite {
        self.meeting.sites.on(uid)
    }

    /// Participants of the meeting on a pod.
    fn count_on(&self, uid: &str) -> u32 {
        if uid == self.home {
            return self.meeting.participants.saturating_sub(self.meeting.sites.participants());
        }
        self.on(uid).participants
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
        let is_in_use = pod.uid == self.home || self.is_wanted(pod) || sites.iter().any(|site| site.uid == pod.uid);
        let is_avoided = self.meeting.sites.avoided.iter().any(|uid| **uid == *pod.uid);
        let has_ports = self.has_ports(&pod.uid, sites.len() + 1) && self.has_ports(self.home, 1);
        let has_room = self.compute_capacity(&pod.uid) >= self.meeting.max_participants;
        let can_lend = pod.is_open() && self.lenders.contains(pod.uid.as_str()) && load.dedicated == 0;
        can_lend && has_ports && has_room && !is_in_use && !is_avoided
    }

    /// Whether a pod has ports for streams to so many more pods.
    fn has_ports(&self, uid: &str, more: usize) -> bool {
        let ports = u32::from(self.observed.pool.template.pipe_ports);
        self.load_of(uid).pipes as usize + more <= ports as usize
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

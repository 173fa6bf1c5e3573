//! The part of the ledger about meetings that several pods serve.
//!
//! Pure. Which pods those are is decided in `meeting::spread`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use convene_crds::Meeting;

use super::{
    Ledger,
    load::{MeetingKey, Sites},
};

impl Ledger {
    /// Records which other pods are to serve a meeting, which is about to be written.
    pub(crate) fn assign_sites<'a>(&mut self, uid: &str, sites: impl Iterator<Item = &'a str>) {
        let sites: Vec<_> = sites.map(|site| self.name(site)).collect();
        if self.meetings.get(uid).is_some_and(|entry| entry.sites() != sites) {
            self.change(uid, |entry| entry.decided_sites = Some(sites));
        }
    }

    /// Reverts a decision about other pods that could not be written.
    pub(crate) fn forget_sites(&mut self, uid: &str) {
        if self.meetings.get(uid).is_some_and(|entry| entry.decided_sites.is_some()) {
            self.change(uid, |entry| entry.decided_sites = None);
        }
    }

    /// UIDs of the other pods that are to serve `meeting`, with its participants there as last reported. Includes pods that still have some.
    pub(crate) fn sites_of(&self, meeting: &Meeting) -> Sites {
        self.entry(meeting).map_or_else(Sites::default, |entry| Sites {
            wanted: entry.sites().to_vec(),
            participants: entry.on_other_pods().into_iter().map(|(uid, count)| (Arc::clone(uid), count)).collect(),
        })
    }

    /// Records where the participants of the meetings on a pod are, by UID of the meeting and then of the other pod, as the pod reports it.
    /// Returns the keys of the meetings that have changed.
    pub(crate) fn report_sites(
        &mut self,
        pod_uid: &str,
        served: &HashMap<&str, Vec<(&str, u32)>>,
    ) -> Vec<Arc<MeetingKey>> {
        let on_pod = self.on_pod.get(pod_uid).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for (uid, key) in on_pod {
            let now = served.get(&*uid).into_iter().flatten().map(|(site, count)| (self.name(site), *count)).collect();
            if self.meetings.get(&uid).is_some_and(|entry| entry.served != now) {
                self.change(&uid, |entry| entry.served = now);
                changed.push(key);
            }
        }
        changed
    }

    /// Meetings of other pods that the pod serves.
    pub(crate) fn guests_on(&self, pod_uid: &str) -> impl Iterator<Item = &Arc<MeetingKey>> {
        self.on_site.get(pod_uid).into_iter().flat_map(BTreeMap::values)
    }
}

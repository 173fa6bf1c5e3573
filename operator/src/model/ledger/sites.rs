//! The part of the ledger about meetings that several pods serve.
//!
//! Pure. Which pods those are is decided in `meeting::spread`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use convene_crds::Meeting;
use convene_protocol::admin::{SiteReport, SiteState};
use jiff::{SignedDuration, Timestamp};

use super::{
    Ledger,
    entry::Entry,
    load::{MeetingKey, OnSite, Sites},
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

    /// The other pods of `meeting`.
    pub(crate) fn sites_of(&self, meeting: &Meeting, now: Timestamp) -> Sites {
        self.entry(meeting).map_or_else(Sites::default, |entry| Sites {
            wanted: entry.sites().to_vec(),
            reported: entry.served.clone(),
            spare_since: entry.spare_since,
            avoided: entry.avoided.iter().filter(|(_, until)| *until > now).map(|(uid, _)| Arc::clone(uid)).collect(),
            wants_pod: entry.wants_pod,
        })
    }

    /// UIDs of the other pods that are to serve `meeting`, once its status says so. `None`: a decision about its pods is being written.
    pub(crate) fn written_sites_of(&self, meeting: &Meeting) -> Option<&[Arc<str>]> {
        let entry = self.entry(meeting)?;
        (entry.decided.is_none() && entry.decided_sites.is_none()).then_some(entry.recorded_sites.as_slice())
    }

    /// Whether a decision is being written after which a room needs a list of other pods.
    pub(crate) fn decides_sites(&self, uid: &str) -> bool {
        let moves = |entry: &Entry| entry.decided.is_some() && !entry.sites().is_empty();
        self.meetings.get(uid).is_some_and(|entry| entry.decided_sites.is_some() || moves(entry))
    }

    /// Records whether a meeting needs fewer pods than it has.
    pub(crate) fn note_spare(&mut self, uid: &str, is_spare: bool, now: Timestamp) {
        if self.meetings.get(uid).is_some_and(|entry| entry.spare_since.is_some() != is_spare) {
            self.change(uid, |entry| entry.spare_since = is_spare.then_some(now));
        }
    }

    /// The next time after `now` at which the other pods of a meeting may have to change: one has not been needed for `spare`, its link has been
    /// lost for `lost`, or it may be tried again.
    pub(crate) fn next_step_of_sites(
        &self,
        uid: &str,
        spare: SignedDuration,
        lost: SignedDuration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let entry = self.meetings.get(uid)?;
        let spare_until = entry.spare_since.map(|since| since.saturating_add(spare));
        let losses = entry.served.iter().flatten().filter_map(|(_, site)| site.lost_since);
        let steps = losses.map(|since| since.saturating_add(lost)).chain(spare_until).filter_map(Result::ok);
        let avoided = entry.avoided.iter().map(|(_, until)| *until);
        steps.chain(avoided).filter(|time| *time > now).min()
    }

    /// Records that a pod could not be linked to that of the meeting.
    pub(crate) fn avoid(&mut self, uid: &str, site: &str, now: Timestamp, until: Timestamp) {
        let site = self.name(site);
        self.change(uid, |entry| {
            entry.avoided.retain(|(known, until)| *until > now && *known != site);
            entry.avoided.push((site, until));
        });
    }

    /// Records what the rooms on a pod report about other pods, by UID of the meeting. Returns the keys of the meetings that have changed.
    pub(crate) fn report_sites(
        &mut self,
        pod_uid: &str,
        reports: &HashMap<&str, &[SiteReport]>,
        now: Timestamp,
    ) -> Vec<Arc<MeetingKey>> {
        let on_pod = self.on_pod.get(pod_uid).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for (uid, key) in on_pod {
            let Some(entry) = self.meetings.get(&uid) else { continue };
            let (before, may_spread) = (entry.served.clone(), entry.may_spread);
            let report = reports.get(&*uid).copied().unwrap_or_default();
            let served =
                report.iter().map(|site| (self.name(&site.pod), read_site(site, before.as_ref(), now))).collect();
            // Of most meetings it is only known that no other pod serves them.
            let is_quiet = before.is_none() && report.is_empty() && !may_spread;
            if before.as_ref() != Some(&served) {
                self.change(&uid, |entry| entry.served = Some(served));
                changed.extend((!is_quiet).then_some(key));
            }
        }
        changed
    }

    /// Participants of meetings of other pods that the pod serves.
    pub(crate) fn guest_participants_on(&self, pod_uid: &str) -> u32 {
        let guests = self.on_site.get(pod_uid).into_iter().flat_map(BTreeMap::keys);
        let on_pod = |uid: &Arc<str>| {
            let entry = self.meetings.get(uid)?;
            entry.on_other_pods().into_iter().find(|(site, _)| ***site == *pod_uid).map(|(_, count)| count)
        };
        guests.filter_map(on_pod).sum()
    }

    /// Meetings of other pods that the pod serves.
    pub(crate) fn guests_on(&self, pod_uid: &str) -> impl Iterator<Item = &Arc<MeetingKey>> {
        self.on_site.get(pod_uid).into_iter().flat_map(BTreeMap::values)
    }
}

fn read_site(site: &SiteReport, before: Option<&BTreeMap<Arc<str>, OnSite>>, now: Timestamp) -> OnSite {
    let known = before.and_then(|sites| sites.get(&*site.pod)).copied().unwrap_or_default();
    let lost_since = match site.state {
        SiteState::Linked => None,
        // Another attempt.
        SiteState::Linking => known.lost_since,
        SiteState::Lost => Some(known.lost_since.unwrap_or(now)),
    };
    let is_new_loss = lost_since.is_some() && known.lost_since.is_none();
    OnSite { participants: site.participants, lost_since, losses: known.losses + u32::from(is_new_loss) }
}

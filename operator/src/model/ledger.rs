//! Which meeting is on which pod, including decisions that the caches do not show yet, and the load of each pod.
//!
//! Pure. The cluster is the source of truth (`status.pod` of each Meeting). The ledger is its index, and covers the time between a decision
//! and its return through the watch, so that two decisions in that time do not take the same last place, and no pod is deleted while a
//! meeting is being assigned to it. It is updated event by event: the cost of a decision does not depend on the number of meetings.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod entry;
mod load;
mod sites;
mod sums;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use convene_crds::{AssignedPod, Meeting, MeetingPlacement};

use self::{
    entry::{Entry, compute_moved_at},
    usage::{UsageTable, order_fairly},
};
pub(crate) use self::{
    load::{HostedMeeting, MeetingKey, Need, Occupancy, OnSite, PodLoad, PodLoads, Sites, key_of},
    usage::{Holders, Usage},
};

/// Keys of meetings by UID.
type Keys = BTreeMap<Arc<str>, Arc<MeetingKey>>;

/// The index of all meetings. Names that are in several tables are stored once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    meetings: HashMap<Arc<str>, Entry>,
    loads: HashMap<Arc<str>, PodLoad>,
    /// Key by UID, by pod.
    on_pod: HashMap<Arc<str>, Keys>,
    /// The same for pods that serve meetings of other pods.
    on_site: HashMap<Arc<str>, Keys>,
    /// Key by UID, by pool.
    waiting: HashMap<Arc<str>, Keys>,
    needs: HashMap<Arc<str>, Need>,
    /// Usage by meetings that are on a pod.
    held: UsageTable,
    /// The same, including meetings that a pod is being created for.
    reserved: UsageTable,
    /// Pools and namespaces whose reserved usage has decreased.
    freed: BTreeSet<(Arc<str>, String)>,
    /// Interned names of pools and UIDs of pods: thousands of meetings name the same few.
    names: HashSet<Arc<str>>,
    marked_for_deletion: HashSet<String>,
    /// Participants on a pod by its own report, including those of meetings that have left it.
    participants: HashMap<String, u32>,
    list: u64,
}

impl Ledger {
    /// Begins a new full list of Meetings.
    pub(crate) fn begin_list(&mut self) {
        self.list += 1;
    }

    /// Completes the full list: Meetings that it did not contain are gone. Returns their UIDs.
    pub(crate) fn end_list(&mut self) -> Vec<Arc<str>> {
        let list = self.list;
        let gone: Vec<_> =
            self.meetings.iter().filter(|(_, entry)| entry.list != list).map(|(uid, _)| Arc::clone(uid)).collect();
        for uid in &gone {
            self.remove(uid);
        }
        gone
    }

    /// Records the observed state of a Meeting. Returns its key, unless it has no UID.
    pub(crate) fn observe(&mut self, meeting: &Meeting) -> Option<Arc<MeetingKey>> {
        let uid = meeting.metadata.uid.as_deref()?;
        let status = meeting.status.as_ref();
        let recorded = status.and_then(|status| status.pod.as_ref()).map(|pod| self.name(&pod.uid));
        let sites = status.iter().flat_map(|status| &status.sites).map(|site| self.name(&site.uid)).collect();
        let pool = self.name(&meeting.spec.pool);
        let list = self.list;
        if !self.meetings.contains_key(uid) {
            self.meetings.insert(uid.into(), Entry::of(meeting, Arc::clone(&pool)));
        }
        self.change(uid, |entry| {
            entry.pool = pool;
            entry.is_dedicated = meeting.spec.placement == MeetingPlacement::Dedicated;
            entry.max_participants = meeting.spec.max_participants.div_ceil(meeting.spec.spread.max_pods.max(1));
            entry.may_spread = meeting.spec.spread.max_pods > 1;
            entry.moved_at = compute_moved_at(status);
            if entry.decided.as_ref().is_some_and(|pod| Some(pod.uid.as_str()) == recorded.as_deref()) {
                entry.decided = None;
            }
            if entry.decided.is_none() && entry.recorded != recorded {
                entry.served = None;
            }
            entry.recorded = recorded;
            entry.recorded_sites = sites;
            if entry.decided_sites.as_ref() == Some(&entry.recorded_sites) {
                entry.decided_sites = None;
            }
            entry.recorded_occupancy = Occupancy::of_status(status);
            entry.list = list;
        });
        self.meetings.get(uid).map(|entry| Arc::clone(&entry.key))
    }

    /// The interned copy of a name.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.names.insert(Arc::clone(&new));
        new
    }

    /// Keys of all meetings.
    pub(crate) fn all(&self) -> Vec<Arc<MeetingKey>> {
        self.meetings.values().map(|entry| Arc::clone(&entry.key)).collect()
    }

    /// Removes the Meeting with this UID.
    pub(crate) fn remove(&mut self, uid: &str) {
        let Some(entry) = self.meetings.remove(uid) else { return };
        self.subtract(uid, &entry);
        self.note_freed(entry.reservation(), &entry.key.namespace);
    }

    /// The pod of `meeting`: as decided, otherwise as in its status.
    pub(crate) fn pod_of<'a>(&'a self, meeting: &'a Meeting) -> Option<&'a AssignedPod> {
        let recorded = meeting.status.as_ref().and_then(|status| status.pod.as_ref());
        self.entry(meeting).and_then(|entry| entry.decided.as_deref()).or(recorded)
    }

    /// The occupancy of `meeting`: as last reported, otherwise as in its status. A status from before a decision describes a room that is
    /// over, so nothing is recorded there; its participants are expected on the new pod.
    pub(crate) fn occupancy_of(&self, meeting: &Meeting) -> Occupancy {
        let entry = self.entry(meeting);
        if let Some(reported) = entry.and_then(|entry| entry.reported) {
            return reported;
        }
        let written = Occupancy::of_status(meeting.status.as_ref());
        let is_before_decision = entry.is_some_and(|entry| entry.decided.is_some());
        Occupancy { is_recorded: written.is_recorded && !is_before_decision, ..written }
    }

    /// Records a decision that is about to be written. The participants of the meeting count on the new pod from now on, or so many meetings
    /// would move there at once that they exceed its capacity when they arrive.
    pub(crate) fn assign(&mut self, uid: &str, pod: &AssignedPod) {
        self.change(uid, |entry| {
            entry.expected = entry.participants();
            entry.decided = Some(Box::new(pod.clone()));
            (entry.reported, entry.wants_pod) = (None, false);
            entry.served = None;
        });
    }

    /// Records how many participants are on their way to the pod of a meeting. At least those who were known when it was decided are until
    /// the cache shows the decision.
    pub(crate) fn expect(&mut self, uid: &str, participants: u32) {
        let Some(entry) = self.meetings.get(uid) else { return };
        let expected = if entry.decided.is_some() { entry.expected.max(participants) } else { participants };
        if entry.expected != expected {
            self.change(uid, |entry| entry.expected = expected);
        }
    }

    /// Reverts a decision that could not be written.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.change(uid, |entry| (entry.decided, entry.decided_sites, entry.expected) = (None, None, 0));
    }

    /// Records whether `meeting` waits for a pod. Returns whether that has changed.
    pub(crate) fn want(&mut self, uid: &str, wants_pod: bool) -> bool {
        let is_new = self.meetings.get(uid).is_some_and(|entry| entry.wants_pod != wants_pod);
        if is_new {
            self.change(uid, |entry| entry.wants_pod = wants_pod);
        }
        is_new
    }

    /// Records whether `meeting` waits because its namespace has reached a limit.
    pub(crate) fn set_over_quota(&mut self, uid: &str, is_over_quota: bool) {
        if self.meetings.get(uid).is_some_and(|entry| entry.is_over_quota != is_over_quota) {
            self.change(uid, |entry| entry.is_over_quota = is_over_quota);
        }
    }

    /// Marks a pod that is about to be deleted: meetings are no longer assigned to it.
    pub(crate) fn mark_for_deletion(&mut self, pod_uid: &str) {
        self.marked_for_deletion.insert(pod_uid.to_owned());
    }

    /// Reverts [`Ledger::mark_for_deletion`]: the pod could not be deleted.
    pub(crate) fn unmark(&mut self, pod_uid: &str) {
        self.marked_for_deletion.remove(pod_uid);
    }

    /// Whether the pod is about to be deleted.
    pub(crate) fn is_marked_for_deletion(&self, pod_uid: &str) -> bool {
        self.marked_for_deletion.contains(pod_uid)
    }

    /// Removes the pod with this UID, which is gone.
    pub(crate) fn forget_pod(&mut self, pod_uid: &str) {
        self.marked_for_deletion.remove(pod_uid);
        self.participants.remove(pod_uid);
        self.names.remove(pod_uid);
    }

    /// Records what a pod reports about its rooms, by UID of their meetings. Returns the keys of the meetings that have changed.
    pub(crate) fn report(&mut self, pod_uid: &str, rooms: &HashMap<String, Occupancy>) -> Vec<Arc<MeetingKey>> {
        self.participants.insert(pod_uid.to_owned(), rooms.values().map(|room| room.participants).sum());
        let on_pod = self.on_pod.get(pod_uid).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for (uid, key) in on_pod {
            let now = rooms.get(&*uid).copied().unwrap_or_default();
            if self.meetings.get(&uid).map(Entry::occupancy) != Some(now) {
                self.change(&uid, |entry| entry.reported = Some(now));
                changed.push(key);
            }
        }
        changed
    }

    /// Participants on a pod by its own report; `None` if it has not reported yet.
    pub(crate) fn participants_on(&self, pod_uid: &str) -> Option<u32> {
        self.participants.get(pod_uid).copied()
    }

    pub(crate) fn load_of(&self, pod_uid: &str) -> PodLoad {
        self.loads.get(pod_uid).copied().unwrap_or_default()
    }

    pub(crate) fn meetings_on(&self, pod_uid: &str) -> impl Iterator<Item = (&Arc<str>, &Arc<MeetingKey>)> {
        self.on_pod.get(pod_uid).into_iter().flatten()
    }

    /// The meetings on a pod, with what is known of them.
    pub(crate) fn hosted_on(&self, pod_uid: &str) -> Vec<HostedMeeting> {
        let entries = self.meetings_on(pod_uid).filter_map(|(uid, _)| self.meetings.get_key_value(uid));
        entries.map(|(uid, entry)| entry.to_hosted(uid)).collect()
    }

    /// The number of meetings of a pool that have a pod.
    pub(crate) fn count_placed(&self, pool: &str) -> u32 {
        let placed = self.meetings.values().filter(|entry| &*entry.pool == pool && entry.pod_uid().is_some());
        u32::try_from(placed.count()).unwrap_or(u32::MAX)
    }

    /// Keys of all meetings of a pool.
    pub(crate) fn meetings_of(&self, pool: &str) -> Vec<Arc<MeetingKey>> {
        let own = self.meetings.values().filter(|entry| &*entry.pool == pool);
        own.map(|entry| Arc::clone(&entry.key)).collect()
    }

    /// The meetings that wait for a pod of this pool or have none, in an order that is fair to namespaces.
    pub(crate) fn meetings_waiting(&self, pool: &str) -> Vec<&Arc<MeetingKey>> {
        let waiting = self.waiting.get(pool).into_iter().flat_map(BTreeMap::values);
        order_fairly(waiting, |namespace| self.held.of(pool, namespace).meetings)
    }

    /// Meetings that waited for their namespace to get below a limit, where usage has decreased since the last call.
    pub(crate) fn take_unblocked(&mut self) -> Vec<Arc<MeetingKey>> {
        let freed = std::mem::take(&mut self.freed);
        let is_over_quota = |uid: &Arc<str>| self.meetings.get(uid).is_some_and(|entry| entry.is_over_quota);
        let waiting = freed.iter().flat_map(|(pool, namespace)| {
            let waiting = self.waiting.get(pool).into_iter().flatten();
            waiting.filter(move |(uid, key)| key.namespace == *namespace && is_over_quota(uid))
        });
        waiting.map(|(_, key)| Arc::clone(key)).collect()
    }

    /// Usage of `meeting`'s pool by the other meetings of its namespace, including those that a pod is being created for.
    pub(crate) fn usage_of_others(&self, meeting: &Meeting) -> Usage {
        let namespace = meeting.metadata.namespace.as_deref().unwrap_or_default();
        let all = self.reserved.of(&meeting.spec.pool, namespace);
        let own = self.entry(meeting).and_then(Entry::reservation).map(|(_, usage)| usage);
        all.minus(own.unwrap_or_default())
    }

    /// The largest holders of `pool`, if a pod takes `meetings_per_pod`.
    pub(crate) fn holders_of(&self, pool: &str, meetings_per_pod: u32) -> Holders {
        self.held.holders(pool, meetings_per_pod)
    }

    /// The capacity that the waiting meetings of a pool need.
    pub(crate) fn need_of(&self, pool: &str) -> Need {
        self.needs.get(pool).copied().unwrap_or_default()
    }

    /// Whether there is a Meeting with this UID.
    pub(crate) fn has(&self, uid: &str) -> bool {
        self.meetings.contains_key(uid)
    }

    /// Number of known meetings.
    pub(crate) fn len(&self) -> usize {
        self.meetings.len()
    }

    fn entry(&self, meeting: &Meeting) -> Option<&Entry> {
        self.meetings.get(meeting.metadata.uid.as_deref()?)
    }

    /// Every change of a known meeting goes through here, so that the sums stay correct.
    fn change(&mut self, uid: &str, change: impl FnOnce(&mut Entry)) {
        let Some((uid, mut entry)) = self.meetings.remove_entry(uid) else { return };
        self.subtract(&uid, &entry);
        let reservation = entry.reservation();
        change(&mut entry);
        self.add(&uid, &entry);
        self.note_freed(
            reservation.filter(|reservation| entry.reservation().as_ref() != Some(reservation)),
            &entry.key.namespace,
        );
        self.meetings.insert(uid, entry);
    }

    /// Records that other meetings of the namespace may get a place now.
    fn note_freed(&mut self, reservation: Option<(Arc<str>, Usage)>, namespace: &str) {
        self.freed.extend(reservation.map(|(pool, _)| (pool, namespace.to_owned())));
    }
}

#[cfg(test)]
mod tests;

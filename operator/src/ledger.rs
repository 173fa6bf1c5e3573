//! Which meeting is on which pod, as decided but perhaps not yet seen in the caches.
//!
//! Pure. The cluster holds the truth (`status.pod` of each Meeting); the ledger only bridges the moment between a decision and its return
//! through the watch, so that two decisions made in that moment do not take the same last place, and no pod is deleted under a meeting.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, HashMap, HashSet};

use convene_crds::{AssignedPod, Meeting};

/// What a media pod carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodLoad {
    /// Meetings bound to it.
    pub meetings: u32,
    /// People in them.
    pub participants: u32,
}

/// Load by pod UID.
pub type PodLoads = BTreeMap<String, PodLoad>;

/// Decisions on their way to the cluster, and what the pods reported last.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    assigned: HashMap<String, AssignedPod>,
    condemned: HashSet<String>,
    participants: HashMap<String, u32>,
}

impl Ledger {
    /// The pod that carries `meeting`: as decided, else as its status says.
    pub fn pod_of<'a>(&'a self, meeting: &'a Meeting) -> Option<&'a AssignedPod> {
        let recorded = meeting.status.as_ref().and_then(|status| status.pod.as_ref());
        meeting.metadata.uid.as_ref().and_then(|uid| self.assigned.get(uid)).or(recorded)
    }

    /// How many people are in `meeting`: as reported last, else as its status says.
    pub fn participants_of(&self, meeting: &Meeting) -> u32 {
        let recorded = meeting.status.as_ref().and_then(|status| status.participants);
        let reported = meeting.metadata.uid.as_ref().and_then(|uid| self.participants.get(uid)).copied();
        reported.or(recorded).unwrap_or_default()
    }

    /// Notes a decision that is about to be written.
    pub fn assign(&mut self, meeting_uid: &str, pod: &AssignedPod) {
        self.assigned.insert(meeting_uid.to_owned(), pod.clone());
    }

    /// Forgets a decision: it came back through the watch, or could not be written.
    pub fn forget(&mut self, meeting_uid: &str) {
        self.assigned.remove(meeting_uid);
    }

    /// Forgets the decision if `meeting` shows it already.
    pub fn settle(&mut self, meeting: &Meeting) {
        let Some(uid) = meeting.metadata.uid.as_deref() else { return };
        let recorded = meeting.status.as_ref().and_then(|status| status.pod.as_ref()).map(|pod| &pod.uid);
        if self.assigned.get(uid).is_some_and(|pod| Some(&pod.uid) == recorded) {
            self.assigned.remove(uid);
        }
    }

    /// Marks pods that are about to be deleted: no meeting is bound to them any more.
    pub fn condemn(&mut self, pod_uid: &str) {
        self.condemned.insert(pod_uid.to_owned());
    }

    /// Takes back [`Ledger::condemn`]: the pod could not be deleted.
    pub fn pardon(&mut self, pod_uid: &str) {
        self.condemned.remove(pod_uid);
    }

    /// Whether the pod is about to be deleted.
    pub fn is_condemned(&self, pod_uid: &str) -> bool {
        self.condemned.contains(pod_uid)
    }

    /// Forgets condemned pods that are gone.
    pub fn retain_pods(&mut self, exists: impl Fn(&str) -> bool) {
        self.condemned.retain(|uid| exists(uid));
    }

    /// Replaces what the pods reported, by meeting UID.
    pub fn report_participants(&mut self, participants: HashMap<String, u32>) {
        self.participants = participants;
    }

    /// What the pods reported last.
    pub const fn participants(&self) -> &HashMap<String, u32> {
        &self.participants
    }

    /// What each pod carries, given all meetings.
    pub fn compute_loads<'a>(&self, meetings: impl Iterator<Item = &'a Meeting>) -> PodLoads {
        let mut loads = PodLoads::new();
        for meeting in meetings.filter(|meeting| meeting.metadata.deletion_timestamp.is_none()) {
            if let Some(pod) = self.pod_of(meeting) {
                let load = loads.entry(pod.uid.clone()).or_default();
                load.meetings += 1;
                load.participants += self.participants_of(meeting);
            }
        }
        loads
    }
}

#[cfg(test)]
mod tests {
    use convene_crds::{MeetingSpec, MeetingStatus};

    use super::*;

    fn meeting(uid: &str, pod: Option<&str>, participants: u32) -> Meeting {
        let mut meeting = Meeting::new(uid, MeetingSpec::default());
        meeting.metadata.uid = Some(uid.to_owned());
        meeting.status = Some(MeetingStatus {
            pod: pod.map(self::pod),
            participants: Some(participants),
            ..MeetingStatus::default()
        });
        meeting
    }

    fn pod(uid: &str) -> AssignedPod {
        AssignedPod { uid: uid.to_owned(), ..AssignedPod::default() }
    }

    #[test]
    fn a_decision_counts_before_the_cache_shows_it() {
        let mut ledger = Ledger::default();
        let meetings = [meeting("a", None, 0), meeting("b", Some("p1"), 3)];
        ledger.assign("a", &pod("p1"));
        assert_eq!(ledger.compute_loads(meetings.iter())["p1"], PodLoad { meetings: 2, participants: 3 });
        ledger.forget("a");
        assert_eq!(ledger.compute_loads(meetings.iter())["p1"], PodLoad { meetings: 1, participants: 3 });
    }

    #[test]
    fn a_decision_is_settled_only_by_itself() {
        let mut ledger = Ledger::default();
        ledger.assign("a", &pod("p2"));
        ledger.settle(&meeting("a", Some("p1"), 0));
        assert_eq!(ledger.pod_of(&meeting("a", Some("p1"), 0)).unwrap().uid, "p2");
        ledger.settle(&meeting("a", Some("p2"), 0));
        assert_eq!(ledger.pod_of(&meeting("a", Some("p3"), 0)).unwrap().uid, "p3");
    }

    #[test]
    fn a_report_is_newer_than_the_status() {
        let mut ledger = Ledger::default();
        ledger.report_participants(HashMap::from([("a".to_owned(), 7)]));
        assert_eq!(ledger.participants_of(&meeting("a", None, 2)), 7);
        assert_eq!(ledger.participants_of(&meeting("b", None, 2)), 2);
    }
}

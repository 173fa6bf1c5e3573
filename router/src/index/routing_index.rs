//! The routing index: all Meetings and media pods, and the route of a join.
//!
//! Synchronous and pure. Watches change it through `apply`, `delete` and `reset`; it never waits, logs or calls the API server.
//! A copy is cheap (records are shared), so readers get snapshots and need no lock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::HashMap;
use std::sync::Arc;

use convene_join_token::MeetingKey;

use crate::index::record::{MeetingRecord, PodRecord, WaitReason};
use crate::index::select::{RouteDecision, select_pod};

/// All Meetings and media pods by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoutingIndex {
    meetings: HashMap<MeetingKey, Arc<MeetingRecord>>,
    pods: HashMap<String, Arc<PodRecord>>,
    has_all_meetings: bool,
}

impl RoutingIndex {
    /// The route of a join of `key`.
    pub(crate) fn route(&self, key: &MeetingKey) -> RouteDecision {
        let Some(meeting) = self.meetings.get(key) else { return self.route_unlisted() };
        let pod = meeting.assignment.as_ref().and_then(|assignment| self.pods.get(&assignment.pod));
        select_pod(meeting, pod)
    }

    /// Before the first full list, "not found" would be a guess, but clients treat it as final.
    fn route_unlisted(&self) -> RouteDecision {
        if self.has_all_meetings {
            return RouteDecision::Unknown;
        }
        RouteDecision::Waiting(WaitReason::new(
            "RouterStarting",
            "the router has just started and has not listed all meetings yet",
        ))
    }

    pub(crate) fn meeting(&self, key: &MeetingKey) -> Option<&Arc<MeetingRecord>> {
        self.meetings.get(key)
    }

    /// Whether the index has the pod with this name and uid.
    pub(crate) fn has_pod(&self, name: &str, uid: &str) -> bool {
        self.pods.get(name).is_some_and(|pod| pod.uid == uid)
    }

    /// Whether clients of a meeting on the pod with this name and uid must reconnect: the pod is gone, or the meeting has another one
    /// because it was lost. After a handover, clients stay until they have moved.
    pub(crate) fn has_lost(&self, key: &MeetingKey, name: &str, uid: &str) -> bool {
        let assignment = self.meetings.get(key).and_then(|meeting| meeting.assignment.as_ref());
        !self.has_pod(name, uid) || assignment.is_some_and(|assignment| assignment.has_lost(uid))
    }

    /// Number of meetings.
    pub(crate) fn meeting_count(&self) -> usize {
        self.meetings.len()
    }

    /// Number of media pods.
    pub(crate) fn pod_count(&self) -> usize {
        self.pods.len()
    }

    /// Adds or updates a Meeting. Like all changes, it returns whether the index has changed.
    pub(crate) fn apply_meeting(&mut self, record: MeetingRecord) -> bool {
        if self.meetings.get(&record.key).is_some_and(|known| **known == record) {
            return false;
        }
        self.meetings.insert(record.key.clone(), Arc::new(record));
        true
    }

    /// Deletes a Meeting. A late event about an object that was replaced by one with the same name changes nothing.
    pub(crate) fn delete_meeting(&mut self, key: &MeetingKey, uid: &str) -> bool {
        let is_same = self.meetings.get(key).is_some_and(|known| known.uid == uid);
        is_same && self.meetings.remove(key).is_some()
    }

    /// Replaces all Meetings.
    pub(crate) fn reset_meetings(&mut self, records: impl IntoIterator<Item = MeetingRecord>) -> bool {
        let meetings = records.into_iter().map(|record| (record.key.clone(), Arc::new(record))).collect();
        let is_changed = !self.has_all_meetings || self.meetings != meetings;
        self.meetings = meetings;
        self.has_all_meetings = true;
        is_changed
    }

    /// Adds or updates a media pod.
    pub(crate) fn apply_pod(&mut self, record: PodRecord) -> bool {
        if self.pods.get(&record.name).is_some_and(|known| **known == record) {
            return false;
        }
        self.pods.insert(record.name.clone(), Arc::new(record));
        true
    }

    /// Deletes a media pod; see [`delete_meeting`](Self::delete_meeting).
    pub(crate) fn delete_pod(&mut self, name: &str, uid: &str) -> bool {
        self.has_pod(name, uid) && self.pods.remove(name).is_some()
    }

    /// Replaces all media pods.
    pub(crate) fn reset_pods(&mut self, records: impl IntoIterator<Item = PodRecord>) -> bool {
        let pods = records.into_iter().map(|record| (record.name.clone(), Arc::new(record))).collect();
        let is_changed = self.pods != pods;
        self.pods = pods;
        is_changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{key, meeting_record, pod_record, reason_of};

    fn index() -> RoutingIndex {
        let mut index = RoutingIndex::default();
        index.reset_meetings([meeting_record("team-a", "stand-up", Some(("media-0", "p-0")))]);
        index.reset_pods([pod_record("media-0", "p-0", "10.0.0.1:8080")]);
        index
    }

    fn reason(index: &RoutingIndex, name: &str) -> String {
        reason_of(index.route(&key("team-a", name)))
    }

    #[test]
    fn a_meeting_is_routed_to_its_pod_and_others_are_unknown() {
        assert_eq!(reason(&index(), "stand-up"), "AssignedPodReady");
        assert_eq!(reason(&index(), "board"), "MeetingNotFound");
    }

    #[test]
    fn nothing_is_unknown_before_the_first_full_list() {
        let mut index = RoutingIndex::default();
        index.apply_meeting(meeting_record("team-a", "early", None));
        assert_eq!(reason(&index, "stand-up"), "RouterStarting");
        assert_eq!(reason(&index, "early"), "Pending");
        assert!(index.reset_meetings([]), "an empty list is a change too: meetings are now unknown");
        assert_eq!(reason(&index, "stand-up"), "MeetingNotFound");
    }

    #[test]
    fn a_late_deletion_does_not_remove_the_successor() {
        let mut index = index();
        assert!(!index.delete_pod("media-0", "p-old"));
        assert!(!index.delete_meeting(&key("team-a", "stand-up"), "uid-old"));
        assert_eq!(reason(&index, "stand-up"), "AssignedPodReady");
    }

    #[test]
    fn deletion_takes_effect_at_once() {
        let mut index = index();
        assert!(index.delete_pod("media-0", "p-0"));
        assert_eq!(reason(&index, "stand-up"), "PodGone");
        assert!(index.delete_meeting(&key("team-a", "stand-up"), "uid-stand-up"));
        assert_eq!(reason(&index, "stand-up"), "MeetingNotFound");
    }

    #[test]
    fn a_snapshot_does_not_see_later_changes() {
        let mut index = index();
        let snapshot = index.clone();
        index.reset_meetings([]);
        assert_eq!(reason(&snapshot, "stand-up"), "AssignedPodReady");
        assert_eq!((index.meeting_count(), snapshot.meeting_count()), (0, 1));
    }

    #[test]
    fn equal_records_are_no_change() {
        let mut index = index();
        assert!(!index.apply_pod(pod_record("media-0", "p-0", "10.0.0.1:8080")));
        assert!(!index.apply_meeting(meeting_record("team-a", "stand-up", Some(("media-0", "p-0")))));
        assert!(!index.reset_pods([pod_record("media-0", "p-0", "10.0.0.1:8080")]));
        assert!(index.apply_pod(pod_record("media-0", "p-0", "10.0.0.2:8080")));
    }

    #[derive(Clone, Debug)]
    enum Step {
        ApplyMeeting(u8, u8),
        DeleteMeeting(u8),
        ApplyPod(u8, u8, bool),
        DeletePod(u8, u8),
        ResetMeetings(Vec<(u8, u8)>),
        ResetPods(Vec<(u8, u8)>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let pair = || (0..4_u8, 0..3_u8);
        prop_oneof![
            pair().prop_map(|(meeting, pod)| Step::ApplyMeeting(meeting, pod)),
            (0..4_u8).prop_map(Step::DeleteMeeting),
            (0..3_u8, 0..2_u8, any::<bool>()).prop_map(|(pod, uid, ready)| Step::ApplyPod(pod, uid, ready)),
            (0..3_u8, 0..2_u8).prop_map(|(pod, uid)| Step::DeletePod(pod, uid)),
            prop::collection::vec(pair(), 0..4).prop_map(Step::ResetMeetings),
            prop::collection::vec((0..3_u8, 0..2_u8), 0..3).prop_map(Step::ResetPods),
        ]
    }

    fn meeting(number: u8, pod: u8) -> MeetingRecord {
        meeting_record("team-a", &format!("m{number}"), Some((&format!("media-{pod}"), "p-0")))
    }

    fn pod(number: u8, uid: u8, is_ready: bool) -> PodRecord {
        PodRecord { is_ready, ..pod_record(&format!("media-{number}"), &format!("p-{uid}"), "10.0.0.1:8080") }
    }

    fn run(index: &mut RoutingIndex, step: Step) {
        match step {
            Step::ApplyMeeting(number, pod) => index.apply_meeting(meeting(number, pod)),
            Step::DeleteMeeting(number) => {
                index.delete_meeting(&key("team-a", &format!("m{number}")), &format!("uid-m{number}"))
            }
            Step::ApplyPod(number, uid, ready) => index.apply_pod(pod(number, uid, ready)),
            Step::DeletePod(number, uid) => index.delete_pod(&format!("media-{number}"), &format!("p-{uid}")),
            Step::ResetMeetings(all) => index.reset_meetings(all.into_iter().map(|(number, pod)| meeting(number, pod))),
            Step::ResetPods(all) => index.reset_pods(all.into_iter().map(|(number, uid)| pod(number, uid, true))),
        };
    }

    proptest! {
        #[test]
        fn a_route_always_names_the_assigned_pod_that_exists_and_is_ready(steps in prop::collection::vec(step(), 0..40)) {
            let mut index = RoutingIndex::default();
            for step in steps {
                run(&mut index, step);
            }
            for number in 0..4 {
                let key = key("team-a", &format!("m{number}"));
                if let RouteDecision::Pod(route) = index.route(&key) {
                    let assignment = index.meeting(&key).unwrap().assignment.clone().unwrap();
                    prop_assert_eq!((&route.pod.name, &route.pod.uid), (&assignment.pod, &assignment.uid));
                    prop_assert!(index.has_pod(&assignment.pod, &assignment.uid));
                    prop_assert!(route.pod.is_ready && !route.pod.is_terminating);
                    prop_assert_eq!(&route.meeting.key, &key);
                }
            }
        }

        #[test]
        fn after_a_full_list_the_past_does_not_matter(
            steps in prop::collection::vec(step(), 0..20),
            meetings in prop::collection::vec((0..4_u8, 0..3_u8), 0..4),
            pods in prop::collection::vec((0..3_u8, 0..2_u8), 0..3),
        ) {
            let (mut used, mut fresh) = (RoutingIndex::default(), RoutingIndex::default());
            for step in steps {
                run(&mut used, step);
            }
            for index in [&mut used, &mut fresh] {
                run(index, Step::ResetMeetings(meetings.clone()));
                run(index, Step::ResetPods(pods.clone()));
            }
            for number in 0..4 {
                let key = key("team-a", &format!("m{number}"));
                prop_assert_eq!(used.route(&key), fresh.route(&key));
            }
        }

        #[test]
        fn a_change_is_reported_exactly_when_a_route_or_record_differs(steps in prop::collection::vec(step(), 0..20)) {
            let mut index = RoutingIndex::default();
            for step in steps {
                let before = index.clone();
                let is_changed = match step {
                    Step::ApplyPod(number, uid, ready) => index.apply_pod(pod(number, uid, ready)),
                    Step::ApplyMeeting(number, pod) => index.apply_meeting(meeting(number, pod)),
                    other => { run(&mut index, other); continue; }
                };
                prop_assert_eq!(is_changed, before.pods != index.pods || before.meetings != index.meetings);
            }
        }
    }
}

use std::collections::BTreeSet;

use convene_crds::{MeetingSpec, MeetingStatus};
use proptest::prelude::*;

use super::*;

fn meeting(uid: &str, pod: Option<&str>, participants: u32) -> Meeting {
    let mut meeting = Meeting::new(uid, MeetingSpec { pool: "lagoon".into(), ..MeetingSpec::default() });
    meeting.metadata.uid = Some(uid.to_owned());
    meeting.metadata.namespace = Some("crew".to_owned());
    meeting.status =
        Some(MeetingStatus { pod: pod.map(self::pod), participants: Some(participants), ..MeetingStatus::default() });
    meeting
}

fn pod(uid: &str) -> AssignedPod {
    AssignedPod { uid: uid.to_owned(), ..AssignedPod::default() }
}

fn room(uid: &str, participants: u32, is_recorded: bool) -> HashMap<String, Occupancy> {
    HashMap::from([(uid.to_owned(), Occupancy { participants, is_recorded })])
}

fn ledger(meetings: &[Meeting]) -> Ledger {
    let mut ledger = Ledger::default();
    for meeting in meetings {
        ledger.observe(meeting);
    }
    ledger
}

#[test]
fn a_decision_counts_before_the_cache_shows_it() {
    let mut ledger = ledger(&[meeting("a", None, 0), meeting("b", Some("p1"), 3)]);
    ledger.assign("a", &pod("p1"));
    assert_eq!(ledger.load_of("p1"), PodLoad { meetings: 2, participants: 3, dedicated: 0, active: 1 });
    ledger.forget("a");
    assert_eq!(ledger.load_of("p1"), PodLoad { meetings: 1, participants: 3, dedicated: 0, active: 1 });
}

#[test]
fn a_decision_is_settled_only_by_itself() {
    let mut ledger = ledger(&[meeting("a", None, 0)]);
    ledger.assign("a", &pod("p2"));
    ledger.observe(&meeting("a", Some("p1"), 0));
    assert_eq!(ledger.pod_of(&meeting("a", Some("p1"), 0)).unwrap().uid, "p2");
    ledger.observe(&meeting("a", Some("p2"), 0));
    assert_eq!(ledger.pod_of(&meeting("a", Some("p3"), 0)).unwrap().uid, "p3");
}

#[test]
fn a_report_is_newer_than_the_status_and_names_whose_number_is_new() {
    let mut ledger = ledger(&[meeting("a", Some("p1"), 2), meeting("b", Some("p1"), 0), meeting("c", Some("p2"), 4)]);
    let changed = ledger.report("p1", &room("b", 7, false));
    assert_eq!(changed.iter().map(|key| key.name.as_str()).collect::<BTreeSet<_>>(), BTreeSet::from(["a", "b"]));
    assert_eq!(ledger.occupancy_of(&meeting("a", Some("p1"), 2)).participants, 0);
    assert_eq!(ledger.occupancy_of(&meeting("b", Some("p1"), 0)).participants, 7);
    assert_eq!(ledger.load_of("p2").participants, 4);
    assert!(ledger.report("p1", &room("b", 7, false)).is_empty());
}

#[test]
fn a_meeting_that_is_recorded_or_is_no_longer_is_news_until_it_moves() {
    let mut recorded = meeting("a", Some("p1"), 2);
    let mut ledger = ledger(&[recorded.clone()]);
    assert_eq!(ledger.report("p1", &room("a", 2, true)).len(), 1, "with as many participants as before");
    assert!(ledger.occupancy_of(&recorded).is_recorded);
    assert!(ledger.report("p1", &room("a", 2, true)).is_empty());
    assert_eq!(ledger.report("p1", &room("a", 2, false)).len(), 1);
    assert!(!ledger.occupancy_of(&recorded).is_recorded);

    // Another operator wrote it; this one first learns that the room is over.
    recorded.status.as_mut().unwrap().recording = true;
    let mut ledger = self::ledger(&[recorded.clone()]);
    assert!(ledger.occupancy_of(&recorded).is_recorded);
    assert_eq!(ledger.report("p1", &HashMap::new()).len(), 1);
    assert_eq!(ledger.occupancy_of(&recorded), Occupancy::default());
}

#[test]
fn a_status_from_before_a_move_says_nothing_about_a_recording() {
    let mut moved = meeting("a", Some("p1"), 3);
    moved.status.as_mut().unwrap().recording = true;
    let mut ledger = ledger(&[moved.clone()]);
    ledger.assign("a", &pod("p2"));
    assert_eq!(ledger.occupancy_of(&moved), Occupancy { participants: 3, is_recorded: false });
}

#[test]
fn what_a_new_list_does_not_name_is_gone() {
    let mut ledger = ledger(&[meeting("a", Some("p1"), 2), meeting("b", Some("p1"), 0)]);
    ledger.begin_list();
    ledger.observe(&meeting("b", Some("p1"), 0));
    let gone = ledger.end_list();
    assert_eq!(gone.len(), 1);
    assert_eq!(ledger.load_of("p1"), PodLoad { meetings: 1, ..PodLoad::default() });
}

#[test]
fn only_meetings_that_want_a_pod_are_a_need() {
    let mut ledger = ledger(&[meeting("a", None, 0), meeting("b", None, 0)]);
    assert!(ledger.need_of("lagoon").is_none());
    assert!(ledger.want("a", true));
    assert!(!ledger.want("a", true));
    assert_eq!(ledger.need_of("lagoon"), Need { shared: 1, dedicated: 0 });
    ledger.assign("a", &pod("p1"));
    assert!(ledger.need_of("lagoon").is_none());
    assert_eq!(Need { shared: 11, dedicated: 2 }.pods(5), 5);
}

#[test]
fn a_share_counts_what_has_a_place_or_has_one_made_and_not_the_meeting_itself() {
    let mut ledger = ledger(&[meeting("a", Some("p1"), 0), meeting("b", None, 0), meeting("c", None, 0)]);
    let beside = |ledger: &Ledger, uid: &str| ledger.usage_of_others(&meeting(uid, None, 0)).meetings;
    assert_eq!((beside(&ledger, "a"), beside(&ledger, "b"), beside(&ledger, "new")), (0, 1, 1));
    ledger.want("b", true);
    assert_eq!((beside(&ledger, "a"), beside(&ledger, "b"), beside(&ledger, "c")), (1, 1, 2));
    assert_eq!(ledger.holders_of("lagoon", 10).largest, [("crew".to_owned(), Usage { meetings: 1, dedicated: 0 })]);
    let mut foreign = meeting("c", None, 0);
    foreign.metadata.namespace = Some("bay".to_owned());
    assert_eq!(ledger.usage_of_others(&foreign).meetings, 0);
}

proptest! {
    /// For any sequence of events, the sums match the meetings.
    #[test]
    fn sums_are_those_of_the_meetings(steps in proptest::collection::vec((0..6_u8, 0..5_u8, 0..4_u8, 0..9_u32), 1..80)) {
        let mut ledger = Ledger::default();
        for (kind, who, pod_number, count) in steps {
            let (uid, pod_uid) = (format!("m{who}"), format!("p{pod_number}"));
            match kind {
                0 => drop(ledger.observe(&meeting(&uid, (pod_number > 0).then_some(pod_uid.as_str()), count))),
                1 => ledger.assign(&uid, &pod(&pod_uid)),
                2 => ledger.forget(&uid),
                3 => drop(ledger.remove(&uid)),
                4 => drop(ledger.want(&uid, count > 4)),
                _ => drop(ledger.report(&pod_uid, &room(&uid, count, count % 2 == 0))),
            }
            for number in 0..4 {
                let pod_uid = format!("p{number}");
                let on_it: Vec<_> = ledger.meetings.values().filter(|entry| entry.pod_uid() == Some(&pod_uid)).collect();
                let load = ledger.load_of(&pod_uid);
                prop_assert_eq!(load.meetings as usize, on_it.len());
                prop_assert_eq!(load.participants, on_it.iter().map(|entry| entry.participants()).sum::<u32>());
                prop_assert_eq!(load.active as usize, on_it.iter().filter(|entry| entry.participants() > 0).count());
            }
            let claims: Vec<_> = ledger.meetings.values().filter(|entry| entry.pod_uid().is_some() || entry.wants_pod).collect();
            let held = claims.iter().filter(|entry| entry.pod_uid().is_some()).count();
            prop_assert_eq!(ledger.reserved.of("lagoon", "crew").meetings as usize, claims.len());
            prop_assert_eq!(ledger.held.of("lagoon", "crew").meetings as usize, held);
            let beside = ledger.usage_of_others(&meeting(&uid, None, 0)).meetings as usize;
            prop_assert_eq!(beside, claims.iter().filter(|entry| entry.key.name != uid).count());
            let wanting = ledger.meetings.values().filter(|entry| entry.wants_pod && &*entry.pool == "lagoon").count();
            prop_assert_eq!(ledger.need_of("lagoon").shared as usize, wanting);
        }
    }
}

use std::collections::BTreeSet;

use convene_crds::{MeetingMove, MeetingMovePhase, MeetingSite, MeetingSpec, MeetingStatus, MovePod};
use convene_protocol::admin::{SiteReport, SiteState};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
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
    assert_eq!(
        ledger.load_of("p1"),
        PodLoad { meetings: 2, participants: 3, dedicated: 0, active: 1, ..PodLoad::default() }
    );
    ledger.forget("a");
    assert_eq!(
        ledger.load_of("p1"),
        PodLoad { meetings: 1, participants: 3, dedicated: 0, active: 1, ..PodLoad::default() }
    );
}

#[test]
fn participants_who_are_on_their_way_count_on_the_new_pod_until_they_are_no_longer_expected() {
    let there = |participants| meeting("a", Some("p1"), participants);
    let mut ledger = ledger(&[there(3), meeting("b", Some("p2"), 1)]);
    ledger.report("p1", &room("a", 5, false));
    ledger.assign("a", &pod("p2"));
    let load = |ledger: &Ledger| (ledger.load_of("p1").participants, ledger.load_of("p2").participants);
    assert_eq!(load(&ledger), (0, 6), "those of the last report");
    ledger.expect("a", 0);
    ledger.observe(&there(3));
    assert_eq!(load(&ledger), (0, 6), "the cache does not show the decision");
    ledger.observe(&meeting("a", Some("p2"), 3));
    ledger.expect("a", 4);
    let rooms = |participants| HashMap::from([("a".to_owned(), participants), ("b".to_owned(), 1)]);
    let report = |participants| {
        let occupancy = |(uid, participants)| (uid, Occupancy { participants, is_recorded: false });
        rooms(participants).into_iter().map(occupancy).collect()
    };
    for (arrived, wanted) in [(0, 5), (2, 5), (6, 7)] {
        ledger.report("p2", &report(arrived));
        assert_eq!(load(&ledger), (0, wanted), "{arrived}");
    }
    ledger.report("p2", &report(2));
    ledger.expect("a", 0);
    assert_eq!(load(&ledger), (0, 3));
}

#[test]
fn the_time_of_the_last_move_is_that_of_any_kind() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    for (handover, other, wanted) in
        [(None, None, None), (Some(3), None, Some(3)), (None, Some(4), Some(4)), (Some(3), Some(2), Some(3))]
    {
        let mut moved = meeting("a", Some("p1"), 3);
        let status = moved.status.as_mut().unwrap();
        status.pod.as_mut().unwrap().moved_at = other.map(|second| Time(at(second)));
        status.last_move = handover.map(|second| MeetingMove { since: Time(at(second)), ..new_record() });
        let hosted = ledger(&[moved]).hosted_on("p1");
        assert_eq!(hosted.iter().map(|one| one.moved_at).collect::<Vec<_>>(), [wanted.map(at)]);
    }
}

fn new_record() -> MeetingMove {
    let pod = || MovePod { name: "p".into(), uid: "p".into() };
    let (since, phase) = (Time(Timestamp::UNIX_EPOCH), MeetingMovePhase::Done);
    MeetingMove { from: pod(), to: pod(), since, phase, reason: String::new(), message: String::new() }
}

#[test]
fn after_a_decision_that_was_not_written_the_participants_are_where_they_were() {
    let mut ledger = ledger(&[meeting("a", Some("p1"), 3)]);
    ledger.assign("a", &pod("p2"));
    ledger.forget("a");
    assert_eq!((ledger.load_of("p1").participants, ledger.load_of("p2").participants), (3, 0));
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

fn spread(meeting: Meeting, sites: &[&str]) -> Meeting {
    let site = |uid: &&str| MeetingSite { uid: (*uid).to_owned(), ..MeetingSite::default() };
    let status = MeetingStatus { sites: sites.iter().map(site).collect(), ..meeting.status.unwrap_or_default() };
    Meeting { status: Some(status), ..meeting }
}

#[test]
fn participants_count_on_the_pod_that_serves_them() {
    let mut ledger = ledger(&[meeting("a", Some("p1"), 9), meeting("b", Some("p2"), 1)]);
    let loads =
        |ledger: &Ledger| ["p1", "p2", "p3"].map(|uid| (ledger.load_of(uid).participants, ledger.load_of(uid).guests));
    ledger.assign_sites("a", ["p2", "p3"].into_iter());
    assert_eq!(loads(&ledger), [(9, 0), (1, 1), (0, 1)], "before the cache shows it, and before anyone is there");
    assert_eq!(ledger.load_of("p2").unknown_guests, 1);
    assert_eq!((report(&mut ledger, "p1", &[("p2", 4)]), report(&mut ledger, "p1", &[("p2", 4)])), (1, 0));
    assert_eq!((loads(&ledger), ledger.load_of("p2").unknown_guests), ([(5, 0), (5, 1), (0, 1)], 0));
    assert_eq!(ledger.guest_participants_on("p2"), 4);
    assert_eq!(report(&mut ledger, "p2", &[("p3", 4)]), 0, "it is not on that pod");
    let written = spread(meeting("a", Some("p1"), 9), &["p2"]);
    ledger.observe(&written);
    assert_eq!(loads(&ledger), [(5, 0), (5, 1), (0, 1)], "an earlier write");
    ledger.forget_sites("a");
    assert_eq!(loads(&ledger), [(5, 0), (5, 1), (0, 0)]);
    ledger.assign_sites("a", std::iter::empty());
    assert_eq!(loads(&ledger), [(5, 0), (5, 1), (0, 0)], "they are still there");
    assert_eq!(ledger.guests_on("p2").count(), 1);
    let sites = ledger.sites_of(&written, Timestamp::UNIX_EPOCH);
    assert_eq!((sites.wanted.len(), sites.participants(), sites.on("p2").participants), (0, 4, 4));
    assert_eq!(ledger.written_sites_of(&written), None, "it is being written");
    ledger.observe(&meeting("a", Some("p1"), 9));
    assert_eq!(ledger.written_sites_of(&written), Some(&[][..]));
    ledger.assign("a", &pod("p2"));
    assert_eq!(loads(&ledger), [(0, 0), (10, 0), (0, 0)], "it moves to a pod that serves it already");
    ledger.remove("a");
    assert_eq!(loads(&ledger), [(0, 0), (1, 0), (0, 0)]);
}

fn report(ledger: &mut Ledger, pod: &str, served: &[(&str, u32)]) -> usize {
    report_states(ledger, pod, served, SiteState::Linked, 0)
}

fn report_states(ledger: &mut Ledger, pod: &str, served: &[(&str, u32)], state: SiteState, second: i64) -> usize {
    let site = |(uid, count): &(&str, u32)| SiteReport { pod: (*uid).to_owned(), state, participants: *count };
    let sites: Vec<_> = served.iter().map(site).collect();
    ledger.report_sites(pod, &HashMap::from([("a", &*sites)]), Timestamp::from_second(second).unwrap()).len()
}

#[test]
fn a_meeting_that_has_no_pod_or_another_one_is_served_by_none() {
    let mut ledger = ledger(&[spread(meeting("a", Some("p1"), 9), &["p2"])]);
    report(&mut ledger, "p1", &[("p2", 4)]);
    assert_eq!(ledger.load_of("p2").participants, 4);
    ledger.observe(&meeting("a", None, 0));
    assert_eq!(ledger.load_of("p2"), PodLoad::default());
    ledger.observe(&spread(meeting("a", Some("p3"), 9), &["p2"]));
    let load = ledger.load_of("p2");
    assert_eq!((load.participants, load.guests, load.unknown_guests), (0, 1, 1), "what p1 had reported is over");
}

#[test]
fn that_no_other_pod_serves_a_meeting_is_news_if_several_may() {
    for (max_pods, wanted) in [(1, [0, 0]), (3, [1, 0])] {
        let mut meeting = meeting("a", Some("p1"), 9);
        meeting.spec.spread.max_pods = max_pods;
        let mut ledger = ledger(&[meeting]);
        assert_eq!([(); 2].map(|()| report(&mut ledger, "p1", &[])), wanted);
    }
}

#[test]
fn a_link_is_lost_since_it_was_first_reported_so() {
    let written = spread(meeting("a", Some("p1"), 9), &["p2"]);
    let mut ledger = ledger(std::slice::from_ref(&written));
    let since = |ledger: &Ledger| {
        let sites = ledger.sites_of(&written, Timestamp::UNIX_EPOCH);
        sites.on("p2").lost_since.map(Timestamp::as_second)
    };
    for (state, second, wanted) in [
        (SiteState::Linked, 1, None),
        (SiteState::Lost, 2, Some(2)),
        (SiteState::Lost, 5, Some(2)),
        (SiteState::Linking, 6, Some(2)),
        (SiteState::Lost, 7, Some(2)),
        (SiteState::Linked, 8, None),
        (SiteState::Linking, 9, None),
        (SiteState::Lost, 10, Some(10)),
    ] {
        report_states(&mut ledger, "p1", &[("p2", 0)], state, second);
        assert_eq!(since(&ledger), wanted, "{second}");
    }
    let at = |second| Timestamp::from_second(second).unwrap();
    let sites = ledger.sites_of(&written, at(0));
    assert_eq!(sites.on("p2").losses, 2);
    ledger.avoid("a", "p2", at(10), at(20));
    let avoided = |second| ledger.sites_of(&written, at(second)).avoided.len();
    assert_eq!([avoided(19), avoided(20)], [1, 0]);
    let next = |ledger: &Ledger, second| {
        let [spare, lost] = [60, 15].map(SignedDuration::from_secs);
        ledger.next_step_of_sites("a", spare, lost, at(second)).map(Timestamp::as_second)
    };
    let found = [next(&ledger, 19), next(&ledger, 24), next(&ledger, 25)];
    assert_eq!(found, [Some(20), Some(25), None], "it may be tried again, and has been lost for 15 s");
    ledger.note_spare("a", true, at(3));
    ledger.note_spare("a", true, at(4));
    assert_eq!([next(&ledger, 24), next(&ledger, 25), next(&ledger, 63)], [Some(25), Some(63), None]);
    ledger.note_spare("a", false, at(5));
    assert_eq!(next(&ledger, 25), None);
}

proptest! {
    /// For any sequence of events, the sums match the meetings.
    #[test]
    fn sums_are_those_of_the_meetings(steps in proptest::collection::vec((0..9_u8, 0..5_u8, 0..4_u8, 0..9_u32), 1..80)) {
        let mut ledger = Ledger::default();
        for (kind, who, pod_number, count) in steps {
            let (uid, pod_uid) = (format!("m{who}"), format!("p{pod_number}"));
            match kind {
                0 => drop(ledger.observe(&meeting(&uid, (pod_number > 0).then_some(pod_uid.as_str()), count))),
                1 => ledger.assign(&uid, &pod(&pod_uid)),
                2 => ledger.forget(&uid),
                3 => ledger.remove(&uid),
                4 => drop(ledger.want(&uid, count > 4)),
                5 => ledger.expect(&uid, count),
                6 => ledger.assign_sites(&uid, ["p1", "p2", "p3"].into_iter().take(count as usize % 4)),
                7 => drop(report(&mut ledger, &pod_uid, &[("p2", count), ("p3", 1)])),
                _ => drop(ledger.report(&pod_uid, &room(&uid, count, count % 2 == 0))),
            }
            for number in 0..4 {
                let pod_uid = format!("p{number}");
                let on_it: Vec<_> = ledger.meetings.values().filter(|entry| entry.pod_uid() == Some(&pod_uid)).collect();
                let load = ledger.load_of(&pod_uid);
                prop_assert_eq!(load.meetings as usize, on_it.len());
                let guests: Vec<_> = ledger.meetings.values().filter_map(|entry| entry.on_other_pods().into_iter().find(|(uid, _)| ***uid == *pod_uid).map(|(_, count)| count)).collect();
                let own = on_it.iter().map(|entry| entry.local_participants()).sum::<u32>();
                prop_assert_eq!(load.participants, own + guests.iter().sum::<u32>());
                prop_assert_eq!(load.guests as usize, guests.len());
                prop_assert_eq!(ledger.guests_on(&pod_uid).count(), guests.len());
                prop_assert_eq!(ledger.guest_participants_on(&pod_uid), guests.iter().sum::<u32>());
                prop_assert!(load.unknown_guests <= load.guests);
                let is_there = |entry: &&Entry| {
                    entry.pod_uid() == Some(&*pod_uid) || entry.on_other_pods().keys().any(|site| ***site == *pod_uid)
                };
                let pipes = ledger.meetings.values().filter(is_there).map(Entry::count_pipes).sum::<u32>();
                prop_assert_eq!(load.pipes, pipes);
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

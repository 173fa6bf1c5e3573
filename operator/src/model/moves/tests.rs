use convene_crds::{MeetingStatus, MovePod};
use convene_protocol::admin::{MovePhase, MoveReport, RoomReport};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::fixtures::meeting_object;

fn after(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn record(from: &str, to: &str, phase: MeetingMovePhase) -> MeetingMove {
    let pod = |uid: &str| MovePod { name: format!("media-{uid}"), uid: uid.into() };
    let (reason, message) = ("PodDraining".to_owned(), "it drains".to_owned());
    MeetingMove { from: pod(from), to: pod(to), since: Time(after(100)), phase, reason, message }
}

fn copying() -> MeetingMove {
    record("p1", "p2", MeetingMovePhase::Copying)
}

fn moving() -> MeetingMove {
    record("p1", "p2", MeetingMovePhase::Moving)
}

fn key() -> Arc<MeetingKey> {
    Arc::new(MeetingKey { namespace: "crew".into(), name: "regatta".into() })
}

fn begun(participants: u32) -> Moves {
    let mut moves = Moves::default();
    moves.begin("m1", &key(), &copying(), participants, 10, after(0));
    moves
}

fn meeting(last_move: Option<MeetingMove>) -> Meeting {
    let mut meeting = meeting_object(json!({}), json!({}));
    meeting.metadata.uid = Some("m1".into());
    meeting.status = Some(MeetingStatus { last_move, participants: Some(4), ..MeetingStatus::default() });
    meeting
}

fn list(moving: Option<(&str, MovePhase)>) -> RoomList {
    let moving = moving.map(|(id, phase)| MoveReport { id: id.into(), phase, left: 0 });
    RoomList { rooms: vec![RoomReport { uid: "m1".into(), moving, ..RoomReport::default() }], ..RoomList::default() }
}

#[test]
fn a_meeting_leaves_one_pod_for_as_long_as_its_clients_may_take() {
    let mut moves = begun(3);
    assert_eq!(
        [("m1", 19), ("m1", 20), ("m2", 0)].map(|(uid, seconds)| moves.expected(uid, after(seconds))),
        [3, 0, 0]
    );
    let cases = [
        ("m1", "p1", 0, true),
        ("m1", "p1", 19, true),
        ("m1", "p1", 20, false),
        ("m1", "p2", 0, false),
        ("m2", "p1", 0, false),
    ];
    for (uid, pod, seconds, wanted) in cases {
        assert_eq!(moves.is_leaving(uid, pod, after(seconds)), wanted, "{uid} {pod} {seconds}");
    }
    assert_eq!([0, 20].map(|seconds| moves.expected_until("m1", after(seconds))), [Some(after(20)), None]);
    moves.on_written("m1", &moving());
    moves.on_left("m1", 10, after(15));
    assert!(moves.is_leaving("m1", "p1", after(34)), "the time counts from the notification of the clients");
    moves.end("m1");
    assert!(!moves.is_leaving("m1", "p1", after(0)) && moves.state("m1").is_none());
}

#[test]
fn arrivals_that_are_over_are_forgotten() {
    let mut moves = begun(1);
    moves.begin("m2", &key(), &copying(), 1, 10, after(60));
    assert_eq!(moves.arrivals.len(), 1);
}

#[test]
fn a_move_of_an_earlier_process_is_adopted_once() {
    for written in [copying(), moving()] {
        let mut moves = Moves::default();
        assert_eq!(moves.observe(&meeting(Some(written.clone())), 10, after(0)), Observed::Adopted);
        assert_eq!(moves.observe(&meeting(Some(written.clone())), 10, after(1)), Observed::Nothing);
        let state = moves.state("m1").unwrap();
        assert_eq!((&state.record, &state.progress, state.seen), (&written, &Progress::Adopted, None));
        assert_eq!((moves.expected("m1", after(59)), moves.expected("m1", after(60))), (4, 0));
    }
    for phase in [MeetingMovePhase::Done, MeetingMovePhase::Fallback] {
        let over = record("p1", "p2", phase);
        assert_eq!(Moves::default().observe(&meeting(Some(over)), 10, after(0)), Observed::Nothing);
    }
    assert_eq!(Moves::default().observe(&meeting(None), 10, after(0)), Observed::Nothing);
}

#[test]
fn the_memory_is_newer_than_the_cache() {
    let mut moves = begun(3);
    let older = MeetingMove { since: Time(after(50)), ..record("p1", "p2", MeetingMovePhase::Done) };
    for cached in [None, Some(older), Some(copying())] {
        assert_eq!(moves.observe(&meeting(cached), 10, after(1)), Observed::Nothing);
        assert_eq!(moves.state("m1").unwrap().progress, Progress::Carrying);
    }
    // The response to the write was lost.
    moves.observe(&meeting(Some(moving())), 10, after(1));
    assert_eq!((&moves.state("m1").unwrap().record, moves.is_leave_due("m1")), (&moving(), true));
    moves.on_left("m1", 10, after(2));
    moves.observe(&meeting(Some(moving())), 10, after(3));
    assert_eq!((&moves.state("m1").unwrap().progress, moves.is_leave_due("m1")), (&Progress::Left, false));
    let done = record("p1", "p2", MeetingMovePhase::Done);
    moves.on_over("m1", &done);
    assert_eq!(moves.observe(&meeting(Some(moving())), 10, after(4)), Observed::Nothing);
    assert!(moves.is_left("p1"), "its pod is not deleted before the end is on record");
    assert_eq!(moves.observe(&meeting(Some(done)), 10, after(5)), Observed::Over);
    assert!(moves.state("m1").is_none() && !moves.is_left("p1"));
}

#[test]
fn an_older_copy_of_a_meeting_does_not_begin_its_last_move_again() {
    for phase in [MeetingMovePhase::Done, MeetingMovePhase::Fallback] {
        let over = record("p1", "p2", phase);
        let mut moves = begun(3);
        moves.on_over("m1", &over);
        assert_eq!(moves.observe(&meeting(Some(over.clone())), 10, after(1)), Observed::Over);
        for older in [copying(), moving()] {
            let older = meeting(Some(older));
            assert_eq!(moves.observe(&older, 10, after(2)), Observed::Nothing);
            assert!(moves.state("m1").is_none());
            assert_eq!(moves.newest("m1", older.status.as_ref()), Some(&over));
        }
        let next = MeetingMove { since: Time(after(200)), ..copying() };
        let meeting = meeting(Some(next.clone()));
        assert_eq!(moves.newest("m1", meeting.status.as_ref()), Some(&next));
        assert_eq!(moves.observe(&meeting, 10, after(200)), Observed::Adopted);
        moves.forget("m1");
        assert_eq!((moves.newest("m1", None), moves.state("m1").is_none()), (None, true));
    }
}

#[test]
fn what_was_written_is_newer_than_the_cache() {
    let mut moves = Moves::default();
    let newest =
        |moves: &Moves, cached: Option<MeetingMove>| moves.newest("m1", meeting(cached).status.as_ref()).cloned();
    assert_eq!(newest(&moves, Some(copying())), Some(copying()));
    moves.on_recorded("m1", &moving());
    for older in [None, Some(copying()), Some(moving())] {
        assert_eq!(newest(&moves, older), Some(moving()));
    }
    let done = record("p1", "p2", MeetingMovePhase::Done);
    assert_eq!(newest(&moves, Some(done.clone())), Some(done));
}

#[test]
fn clients_that_move_get_their_time_from_the_report_on_and_no_more() {
    let id = compute_id(&moving());
    let leaving = list(Some((id.as_str(), MovePhase::Leaving)));
    let mut moves = Moves::default();
    moves.observe(&meeting(Some(moving())), 300, after(0));
    assert_eq!(moves.state("m1").unwrap().until, after(60));
    for seconds in [20, 200] {
        moves.report("p1", &leaving, after(seconds));
        assert_eq!(moves.state("m1").unwrap().until, after(380), "from the first report on");
    }
    assert_eq!(moves.expected_until("m1", after(100)), Some(after(380)));
}

#[test]
fn a_move_that_fell_back_keeps_no_room() {
    for is_known in [false, true] {
        let mut moves = begun(3);
        if is_known {
            moves.on_over("m1", &record("p1", "p2", MeetingMovePhase::Fallback));
        } else {
            moves.on_failed("m1", Reason::new("Refused", "it refused"));
        }
        assert!(!moves.is_leaving("m1", "p1", after(1)) && moves.expected("m1", after(1)) == 0);
        assert!(moves.state("m1").is_some(), "until it is on record");
    }
}

#[test]
fn reports_of_the_old_pod_enqueue_the_meeting_when_they_differ() {
    let mut moves = begun(3);
    let id = compute_id(&copying());
    let ours = |phase| list(Some((id.as_str(), phase)));
    let reports = [
        (list(None), Some(OldRoom::Apart)),
        (ours(MovePhase::Frozen), Some(OldRoom::Frozen)),
        (ours(MovePhase::Frozen), None),
        (ours(MovePhase::Leaving), Some(OldRoom::Leaving)),
        (ours(MovePhase::Over), None),
        (list(Some(("another", MovePhase::Leaving))), Some(OldRoom::Apart)),
        (RoomList::default(), Some(OldRoom::Ended)),
    ];
    for (report, wanted) in reports {
        let changed = moves.report("p1", &report, after(1));
        assert_eq!(changed.len(), usize::from(wanted.is_some()), "{report:?}");
        if wanted.is_some() {
            assert_eq!(moves.state("m1").unwrap().seen, wanted);
        }
    }
    assert!(moves.report("p2", &list(None), after(1)).is_empty());
    assert_eq!(["p1", "p2", "p3"].map(|pod| moves.on_pod(pod).len()), [1, 1, 0]);
    moves.forget("m1");
    assert!(moves.on_pod("p1").is_empty());
}

#[test]
fn each_move_of_a_meeting_has_its_name() {
    let (a, b) = ("5b6c0b3e-7f0e-4b6e-9d7c-0a1b2c3d4e5f", "11111111-2222-3333-4444-555555555555");
    let at = |seconds, record: MeetingMove| MeetingMove { since: Time(after(seconds)), ..record };
    let phase = MeetingMovePhase::Copying;
    let names = [at(1, record(a, b, phase)), at(2, record(b, a, phase)), at(3, record(a, b, phase))]
        .map(|one| compute_id(&one));
    assert_eq!(names[0], compute_id(&at(1, record(a, b, MeetingMovePhase::Moving))), "in each phase");
    assert!(names[0] != names[2] && names[0] != names[1]);
    let is_name = |name: &String| name.len() <= 64 && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
    assert!(names.iter().all(is_name), "{names:?}");
}

//! When which client of a moving room is notified, and when the move is over.

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ids(range: std::ops::Range<usize>) -> Vec<PeerId> {
    range.map(|number| PeerId(format!("p{number:02}"))).collect()
}

fn begun(clients: usize) -> Moving {
    let mut moving = Moving::frozen("m".into(), at(60));
    moving.begin(ids(0..clients).into(), BTreeMap::new(), DEADLINE, at(0));
    moving
}

#[test]
fn a_frozen_room_waits_and_then_resumes() {
    let mut moving = Moving::frozen("m".into(), at(60));
    assert_eq!(moving.due(true, at(59)), Due::Nothing, "whether or not clients are left");
    assert_eq!(moving.freeze_again("m", at(90)), Ok(()));
    assert_eq!(moving.freeze_again("other", at(90)), Err(MoveRefusal::OtherMove));
    assert_eq!(moving.due(false, at(89)), Due::Nothing);
    assert_eq!(moving.due(false, at(90)), Due::Resume);
    assert!(!moving.note_moved(&PeerId::from("p00")), "no client was asked to");
}

#[test]
fn ten_clients_move_at_a_time_and_the_next_follow_those_that_have() {
    let mut moving = begun(14);
    assert_eq!(moving.due(false, at(0)), Due::Notify(ids(0..10)));
    assert_eq!(moving.due(false, at(1)), Due::Nothing);
    assert!(moving.note_moved(&PeerId::from("p03")));
    moving.forget(&PeerId::from("p07"));
    assert_eq!(moving.due(false, at(1)), Due::Notify(ids(10..12)));
    assert_eq!(moving.report().left, 12);
    assert_eq!(moving.due(false, at(3)), Due::Notify(ids(12..14)), "the first ten are slow");
}

#[test]
fn after_half_of_the_time_all_are_notified() {
    let mut moving = begun(100);
    assert_eq!(moving.due(false, at(1)), Due::Notify(ids(0..10)));
    assert_eq!(moving.seconds_left(at(1)), 9);
    assert_eq!(moving.due(false, at(5)), Due::Notify(ids(10..100)));
    assert_eq!(moving.seconds_left(Duration::from_millis(5001)), 5, "rounded up");
}

#[test]
fn it_is_over_when_all_have_moved_or_left() {
    let mut moving = begun(2);
    assert_eq!(moving.due(false, at(0)), Due::Notify(ids(0..2)));
    assert!(moving.note_moved(&PeerId::from("p00")));
    assert!(moving.note_moved(&PeerId::from("p00")), "twice is once");
    assert_eq!(moving.due(false, at(1)), Due::Nothing);
    moving.forget(&PeerId::from("p01"));
    assert_eq!(moving.due(false, at(1)), Due::Over(Vec::new()));
    assert_eq!(moving.report(), MoveReport { id: "m".into(), phase: MovePhase::Over, left: 0 });
    assert_eq!(moving.due(false, at(2)), Due::Nothing, "clients close their connections");
    assert_eq!(moving.due(true, at(2)), Due::End);
}

#[test]
fn it_is_over_at_the_deadline_whoever_is_left() {
    let mut moving = begun(20);
    assert_eq!(moving.due(false, at(0)), Due::Notify(ids(0..10)));
    assert_eq!(moving.due(false, DEADLINE), Due::Over(ids(10..20)));
    assert_eq!(moving.due(false, at(11)), Due::Nothing);
    assert_eq!(moving.due(false, at(12)), Due::End, "they had 2 seconds to close");
    assert_eq!(begun(0).due(true, at(0)), Due::Over(Vec::new()), "no client understands");
}

#[test]
fn only_what_no_client_knows_of_is_canceled() {
    let moving = Moving::frozen("m".into(), at(60));
    assert_eq!((moving.check_cancel("m"), moving.check_cancel("n")), (Ok(()), Err(MoveRefusal::OtherMove)));
    assert_eq!(begun(1).check_cancel("m"), Err(MoveRefusal::Leaving));
    assert_eq!(begun(1).freeze_again("m", at(1)), Err(MoveRefusal::Leaving));
}

#[test]
fn those_who_moved_or_were_closed_are_known() {
    let mut moving = begun(3);
    moving.due(false, at(0));
    let [first, second, third] = ["p00", "p01", "p02"].map(PeerId::from);
    moving.note_moved(&first);
    moving.note_closed(&second);
    moving.forget(&third);
    assert_eq!([first, second, third].map(|id| moving.has_moved(&id)), [true, true, false]);
}

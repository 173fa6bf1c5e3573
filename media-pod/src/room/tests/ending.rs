//! Tests of leaving and of the end of the room.

use super::*;

#[test]
fn leaving_closes_what_was_owned_and_tells_the_others() {
    let (mut room, ada, bob) = pair();
    room.produce(ada, "video");
    room.accept_offers();
    room.forget();
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!(room.told(bob), ["consumerClosed", "peerClosed"]);
    assert_eq!(room.open_transports.len(), 1, "only bob's transport is left");
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn an_empty_room_ends_after_its_time_and_not_before() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.now += Duration::from_secs(1000);
    room.handle(Command::Tick);
    assert!(!room.is_shut, "a participant is there");
    room.handle(Command::Disconnected { connection: ada });
    room.now += Limits::default().empty_timeout.checked_sub(Duration::from_millis(1)).expect("more than 1 ms");
    room.handle(Command::Tick);
    assert!(!room.is_shut);
    room.now += Duration::from_millis(1);
    room.handle(Command::Tick);
    assert!(room.is_shut);
}

#[test]
fn ends_say_whether_to_come_back() {
    for (end, code) in [(End::Over, 4000), (End::Moved, 1012)] {
        let mut room = harness();
        let ada = room.connect(1, "ada");
        room.join(ada, "Ada");
        room.handle(Command::End(end));
        assert_eq!(room.closed.iter().map(|(to, code, _)| (*to, *code)).collect::<Vec<_>>(), [(ada, code)]);
        assert!(room.is_shut && room.open_transports.is_empty());
    }
}

#[test]
fn a_dead_worker_closes_all_clients_without_touching_its_handles() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.forget();
    room.handle(Command::Media(MediaEvent::WorkerDied));
    assert_eq!(room.closed, [(ada, 1012, "the media worker ended: please reconnect")]);
    assert!(room.is_shut && room.operations.is_empty());
}

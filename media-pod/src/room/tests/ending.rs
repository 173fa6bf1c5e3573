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

/// Ticks only when one is due, until the room is over.
fn ticks_until_over(room: &mut Harness) -> usize {
    for ticks in 0..100 {
        if room.is_shut {
            return ticks;
        }
        room.now = room.now.max(room.room.next_tick());
        room.handle(Command::Tick);
    }
    panic!("the room does not end");
}

#[test]
fn an_unattended_room_ticks_once_at_its_end() {
    let mut room = harness();
    assert_eq!(ticks_until_over(&mut room), 1);
    assert_eq!(room.now, Limits::default().empty_timeout);

    let mut room = harness();
    let ada = room.connect(1, "ada");
    assert_eq!(room.room.next_tick(), Duration::from_secs(1), "a client is there");
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!(ticks_until_over(&mut room), 1);

    let limits = Limits { empty_timeout: Duration::ZERO, ..Limits::default() };
    let mut room = Harness::new(limits);
    assert_eq!(room.room.next_tick(), Duration::from_secs(1), "its first participant has time to connect");
    assert_eq!(ticks_until_over(&mut room), 1);

    let limits = Limits { empty_timeout: Duration::MAX, ..Limits::default() };
    assert_eq!(Harness::new(limits).room.next_tick(), Duration::MAX);
}

#[test]
fn what_expired_in_an_unattended_room_does_not_count() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.handle(Command::Disconnected { connection: ada });
    room.set(|settings| settings.locked = true);
    let later = room.now + Duration::from_mins(4);
    while room.room.next_tick() < later {
        room.now = room.room.next_tick();
        room.handle(Command::Tick);
    }
    assert!(room.now < Duration::from_mins(2), "no tick without a deadline");
    room.now = later;
    let ada = room.connect(2, "ada");
    assert_eq!(room.closed.iter().map(|(to, ..)| *to).collect::<Vec<_>>(), [ada], "she left too long ago");
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

#[test]
fn a_lost_site_closes_its_clients_and_no_others_also_those_that_are_prepared() {
    let (mut room, ada, bob) = pair();
    room.set(|settings| settings.locked = true);
    let kim = room.prepare_as(7, "kim", guest("kim"));
    room.transport(kim, "producer");
    let kept = room.room.tracks.transports_of(&PeerId::from("bob"));
    let lost: Vec<_> = room.open_transports.iter().filter(|id| !kept.contains(id)).cloned().collect();
    assert_eq!((kept.len(), lost.len()), (1, 2));
    room.forget();
    room.handle(Command::Media(MediaEvent::SiteLost(lost.clone())));
    let reason = "a media pod of the meeting was lost: please reconnect";
    room.closed.sort_unstable();
    assert_eq!(room.closed, [(ada, 1012, reason), (kim, 1012, reason)]);
    assert!(!room.is_shut && lost.iter().all(|transport| !room.open_transports.contains(transport)));
    assert_eq!(room.told(bob), ["peerClosed"]);
    let ada = room.come_back(3, "ada");
    room.join(ada, "Ada");
    assert_eq!(room.closed.len(), 2, "who was in may return to a locked room");
    room.handle(Command::Media(MediaEvent::SiteLost(lost)));
    assert_eq!(room.closed.len(), 2, "nothing is left of it");
}

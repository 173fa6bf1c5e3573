//! Settings of a meeting and their changes: locks, sizes, removals, and returning participants.

use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use serde_json::json;

use super::{
    Command, ConnectionId, Harness, Limits, MediaEvent, MeetingSettings, Outgoing, PeerId, TransportId, harness,
};

const LOCKED: (u16, &str) = (4000, "the meeting is locked");

fn locked_with_ada() -> (Harness, ConnectionId) {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.set(|settings| settings.locked = true);
    (room, ada)
}

fn refused(room: &Harness, connection: ConnectionId) -> Option<(u16, &'static str)> {
    room.closed.iter().find(|(closed, ..)| *closed == connection).map(|(_, code, reason)| (*code, *reason))
}

#[test]
fn settings_are_those_of_the_meeting_until_it_changes_them() {
    let limits = Limits { peers: 7, empty_timeout: Duration::from_secs(9), ..Limits::default() };
    let mut room = Harness::with(limits, MeetingSettings { title: "Daily".into(), ..MeetingSettings::default() });
    let given = RoomSettings { title: "Daily".into(), max_participants: 7, empty_timeout_seconds: 9, locked: false };
    assert_eq!(room.room.settings(), given);
    let changed = RoomSettings { title: "Weekly".into(), max_participants: 1, empty_timeout_seconds: 3, locked: true };
    room.handle(Command::Update { settings: changed.clone(), returning: None });
    assert_eq!(room.room.settings(), changed);
    room.now += Duration::from_secs(3);
    room.handle(Command::Tick);
    assert!(room.is_shut, "the new time of an empty room counts at once");
}

#[test]
fn participants_stay_when_the_meeting_becomes_smaller() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    room.set(|settings| settings.max_participants = 1);
    room.handle(Command::Tick);
    assert_eq!((room.room.participants(), room.closed.len()), (2, 0));
    let eve = room.connect(3, "eve");
    assert_eq!(refused(&room, eve), Some((4000, "the meeting is full")));
    room.set(|settings| settings.max_participants = 3);
    let eve = room.connect(4, "eve");
    room.join(eve, "Eve");
}

#[test]
fn a_lock_holds_back_new_participants_only() {
    let (mut room, ada) = locked_with_ada();
    let bob = room.connect(2, "bob");
    assert_eq!(refused(&room, bob), Some(LOCKED));
    let half_open = room.connect(3, "ada");
    assert_eq!(refused(&room, ada), Some((4000, "replaced by a newer connection of the same peer")));
    let again = room.connect(4, "ada");
    assert_eq!(refused(&room, half_open), Some((4000, "replaced by a newer connection of the same peer")));
    room.join(again, "Ada");
    room.set(|settings| settings.locked = false);
    let bob = room.connect(5, "bob");
    room.join(bob, "Bob");
}

#[test]
fn a_participant_has_a_minute_to_return_to_a_locked_meeting() {
    let (mut room, ada) = locked_with_ada();
    room.handle(Command::Disconnected { connection: ada });
    room.now += Duration::from_secs(59);
    room.handle(Command::Tick);
    let again = room.connect(2, "ada");
    room.join(again, "Ada");
    room.handle(Command::Disconnected { connection: again });
    room.now += Duration::from_mins(1);
    room.handle(Command::Tick);
    let late = room.connect(3, "ada");
    assert_eq!(refused(&room, late), Some(LOCKED));
}

#[test]
fn a_client_that_has_to_reconnect_returns_to_a_locked_meeting() {
    let (mut room, ada) = locked_with_ada();
    let transport = TransportId(room.transport(ada, "producer"));
    room.handle(Command::Media(MediaEvent::TransportDisconnected(transport)));
    room.now += Limits::default().ice_grace;
    room.handle(Command::Tick);
    assert_eq!(refused(&room, ada), Some((1012, "media connection lost: please reconnect")));
    let again = room.connect(2, "ada");
    room.join(again, "Ada");
}

#[test]
fn a_client_that_has_not_joined_is_held_back_by_a_new_lock() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.set(|settings| settings.locked = true);
    assert_eq!(room.ask(ada, "join", json!({ "displayName": "Ada" })), Err((403, LOCKED.1.into())));
    room.handle(Command::Disconnected { connection: ada });
    let again = room.connect(2, "ada");
    assert_eq!(refused(&room, again), Some(LOCKED), "she was never in");
    let call = room.call("film", super::broadcasting::some_call(0, 0));
    let answer = room.sent.iter().find(|(to, _)| *to == call).map(|(_, answer)| answer);
    assert!(matches!(answer, Some(Outgoing::Failure { code: 403, .. })), "{answer:?}");
}

#[test]
fn a_draining_pod_accepts_returning_participants_only() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let bob = room.come_back(2, "bob");
    assert_eq!(refused(&room, bob), Some((1012, "this media pod is not accepting new participants: please reconnect")));
    let again = room.come_back(3, "ada");
    room.join(again, "Ada");
}

#[test]
fn a_removed_participant_leaves_nothing_behind() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    room.produce(bob, "audio");
    room.forget();
    room.handle(Command::Remove(PeerId::from("unknown")));
    assert!(room.closed.is_empty() && room.sent.is_empty());
    room.handle(Command::Remove(PeerId::from("bob")));
    assert_eq!(refused(&room, bob), Some((4000, "removed from the meeting")));
    assert_eq!(room.told(ada), ["consumerClosed", "peerClosed"]);
    assert!(!room.room.has(&PeerId::from("bob")));
    room.set(|settings| settings.locked = true);
    room.handle(Command::Disconnected { connection: bob });
    let again = room.connect(3, "bob");
    assert_eq!(refused(&room, again), Some(LOCKED), "a lock is for those who were removed too");
}

//! Tests of the state that must survive a crash of the pod.

use convene_protocol::handover::RoomMemory;

use super::matrix::{moderator, waits};
use super::*;

const LOCKED: Close = Some((4000, "the meeting is locked"));
const REMOVED: Close = Some((4000, "removed by a moderator"));
const COME_BACK: Close = Some((1012, "the meeting has moved: please reconnect"));

type Close = Option<(u16, &'static str)>;

/// A room of a meeting with a backup, which has not come yet.
fn waiting() -> Harness {
    Harness::with(Limits::default(), MeetingSettings { has_backup: true, ..MeetingSettings::default() })
}

fn step(room: &mut Harness, command: MoveCommand) -> Result<MoveAnswer, MoveRefusal> {
    room.handle(Command::Move(command));
    room.move_answers.pop().expect("each step is answered")
}

fn backup(room: &mut Harness) -> RoomMemory {
    match step(room, MoveCommand::Backup) {
        Ok(MoveAnswer::Backup(memory)) => *memory,
        other => panic!("{other:?}"),
    }
}

fn restore(room: &mut Harness, memory: &RoomMemory) -> Result<MoveAnswer, MoveRefusal> {
    let (memory, returning) = (Box::new(memory.clone()), Duration::from_mins(1));
    step(room, MoveCommand::Restore { id: "backup".into(), memory, returning })
}

fn closed(room: &Harness, connection: ConnectionId) -> Close {
    room.closed.iter().find(|(closed, ..)| *closed == connection).map(|(_, code, reason)| (*code, *reason))
}

fn tick(room: &mut Harness, seconds: u64) {
    room.now += Duration::from_secs(seconds);
    room.handle(Command::Tick);
}

/// A room in which a moderator has removed eve and then locked the meeting; ada is in it.
fn locked() -> Harness {
    let mut room = harness();
    let host = room.connect_as(1, "host", ParticipantGrant { guest: Some("g-host".into()), ..moderator() });
    room.join(host, "Host");
    for (connection, name) in [(2, "ada"), (3, "eve")] {
        let connection = room.connect(connection, name);
        room.join(connection, name);
    }
    let once = ParticipantGrant { once: Some("i-1".into()), ..guest("kim") };
    let kim = room.connect_as(4, "kim", once);
    room.join(kim, "Kim");
    room.ask(host, "removeParticipant", json!({ "peerId": "eve" })).expect("moderates");
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
    room.ask(host, "sendChatMessage", json!({ "text": "a secret" })).expect("chats");
    room
}

#[test]
fn a_room_without_its_backup_admits_no_client_and_with_it_as_before() {
    let memory = backup(&mut locked());
    let mut room = waiting();
    assert!(room.room.stats().awaits_backup);
    let [ada, eve, tom] = [(1, "ada"), (2, "eve"), (3, "tom")].map(|(number, name)| room.connect(number, name));
    room.next_request += 1;
    let join = json!({ "displayName": "Ada", "device": { "flag": "chrome" }, "rtpCapabilities": { "codecs": [] } });
    let request = ClientRequest::parse("join", join).expect("is valid");
    room.handle(Command::Request { connection: ada, id: 1, request });
    assert_eq!((room.sent.len(), room.closed.len(), room.room.stats().pending), (0, 0, 3));
    restore(&mut room, &memory).expect("is restored");
    assert_eq!([ada, eve, tom].map(|connection| closed(&room, connection)), [None, REMOVED, LOCKED]);
    assert!(
        room.sent.iter().any(|(to, sent)| *to == ada && matches!(sent, Outgoing::Success(1, _))),
        "{:?}",
        room.sent
    );
    assert!(!room.room.stats().awaits_backup);
    let other = ParticipantGrant { once: Some("i-1".into()), ..moderator() };
    let other = room.connect_as(5, "other", other);
    assert_eq!(closed(&room, other), Some((4000, "this invitation was used by another participant")));
    let kim = room.connect_as(6, "kim", ParticipantGrant { once: Some("i-1".into()), ..guest("kim") });
    room.join(kim, "Kim");
}

#[test]
fn a_backup_has_no_chat_and_people_only_if_they_are_recognized_by_it() {
    let memory = backup(&mut locked());
    assert!(memory.chat.messages.is_empty());
    let people: Vec<_> = memory.people.iter().map(|person| person.peer_id.as_str()).collect();
    assert_eq!(people, ["ada", "host", "kim"]);
    let (mut open, ..) = pair();
    assert_eq!(backup(&mut open), RoomMemory::default());
}

#[test]
fn without_the_backup_clients_come_back_and_no_moderator_is_let_in_either() {
    let mut room = waiting();
    let host = room.connect_as(1, "host", moderator());
    tick(&mut room, 5);
    assert_eq!(closed(&room, host), COME_BACK);
    let again = room.connect_as(2, "host", moderator());
    restore(&mut room, &RoomMemory::default()).expect("an operator that has none says so");
    assert_eq!(closed(&room, again), None);
    room.join(again, "Host");
}

#[test]
fn a_room_that_waits_passes_nothing_on() {
    let room = waiting();
    assert!(room.room.snapshot(true).is_none(), "the next room waits, too");
    let snapshot = harness().room.snapshot(true);
    let settings = MeetingSettings { has_backup: true, ..MeetingSettings::default() };
    let next = Room::new(Limits::default(), settings, json!({}), "1".into(), 0, snapshot);
    assert!(!next.stats().awaits_backup, "what the last room on this pod knew is newer");
}

#[test]
fn a_room_that_knows_nothing_yet_is_neither_stored_nor_moved() {
    let mut room = waiting();
    assert_eq!(step(&mut room, MoveCommand::Backup), Err(MoveRefusal::AwaitsBackup));
    let handover = MoveCommand::Handover { id: "m-1".into(), hold: Duration::from_mins(1) };
    assert_eq!(step(&mut room, handover), Err(MoveRefusal::AwaitsBackup));
}

#[test]
fn a_backup_does_not_replace_what_came_with_a_move() {
    let mut room = harness();
    let memory = Box::new(backup(&mut locked()));
    let moved = MoveCommand::Restore { id: "m-1".into(), memory, returning: Duration::from_mins(1) };
    step(&mut room, moved).expect("is restored");
    restore(&mut room, &RoomMemory::default()).expect("nothing to do");
    let tom = room.connect(1, "tom");
    assert_eq!(closed(&room, tom), LOCKED);
}

#[test]
fn no_one_else_closes_a_connection_that_waits() {
    let mut room = waiting();
    let ada = room.connect(1, "ada");
    let other = room.connect_as(2, "ada", guest("eve"));
    assert_eq!((closed(&room, ada), closed(&room, other)), (None, COME_BACK));
    let again = room.connect(3, "ada");
    assert_eq!(closed(&room, ada).map(|(code, _)| code), Some(4000), "the same person connects again");
    assert_eq!(closed(&room, again), None);
}

#[test]
fn the_room_of_a_meeting_that_is_on_another_pod_passes_nothing_on() {
    let mut room = locked();
    room.handle(Command::End(End::Moved));
    assert!(room.room.snapshot(false).is_none());
}

#[test]
fn a_room_in_use_keeps_what_it_knows() {
    let (mut room, ..) = pair();
    assert_eq!(restore(&mut room, &backup(&mut locked())), Err(MoveRefusal::HasPeople));
    assert!(room.room.snapshot(true).is_some());
}

#[test]
fn the_state_that_must_survive_changes_with_each_decision_and_with_those_who_may_return() {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    let kim = room.connect_as(2, "kim", waits());
    let (mut seen, mut count) = (vec![room.room.essence()], 1);
    assert_eq!(seen[0], Essence::default(), "an open room without decisions");
    let requests = [
        ("setRoomLobby", json!({ "enabled": true })),
        ("admitPeer", json!({ "peerId": "kim" })),
        ("setRoomLock", json!({ "locked": true })),
        ("setPermissions", json!({ "peerId": "kim", "publish": { "audio": false } })),
        ("removeParticipant", json!({ "peerId": "kim" })),
        ("setRoomLobby", json!({ "enabled": false })),
        ("setRoomLock", json!({ "locked": false })),
    ];
    for (method, data) in requests {
        room.ask(host, method, data).expect(method);
        if method == "admitPeer" {
            room.join(kim, "Kim");
        }
        seen.push(room.room.essence());
        seen.dedup();
        count += 1;
        assert_eq!(seen.len(), count, "{method} is not noticed");
    }
    let bob = room.connect(3, "bob");
    room.join(bob, "Bob");
    assert_eq!(Some(&room.room.essence()), seen.last(), "who is in an open room does not matter");
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
    let before = room.room.essence();
    room.handle(Command::Disconnected { connection: bob });
    assert_eq!(room.room.essence(), before, "he may return");
    tick(&mut room, 61);
    assert_ne!(room.room.essence(), before);
}

#[test]
fn a_broadcaster_does_not_enter_a_room_that_waits() {
    use crate::room::broadcaster::BroadcasterRequest;
    let mut room = waiting();
    let (call, peer) = (ConnectionId(9), PeerId::from("ffmpeg"));
    let grant = ParticipantGrant::default();
    room.handle(Command::Broadcaster(Box::new(BroadcasterCall {
        call,
        peer,
        grant,
        request: BroadcasterRequest::Join,
    })));
    let refused =
        |(to, sent): &(ConnectionId, Outgoing)| *to == call && matches!(sent, Outgoing::Failure { code: 503, .. });
    assert!(room.sent.iter().any(refused), "{:?}", room.sent);
}

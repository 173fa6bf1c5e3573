//! Tests of the meeting's move from one room to another.

use std::collections::BTreeMap;

use convene_protocol::admin::MovePhase;
use convene_protocol::handover::{RoomMemory, RoomSnapshot, SNAPSHOT_VERSION};

use super::matrix::{moderator, waits};
use super::*;

const MOVES: &str = "the meeting is moving: please reconnect";
const HOLD: Duration = Duration::from_mins(1);

impl Harness {
    fn step(&mut self, command: MoveCommand) -> Result<MoveAnswer, MoveRefusal> {
        self.handle(Command::Move(command));
        let answer = self.move_answers.pop().expect("each step is answered");
        assert!(self.move_answers.is_empty(), "answered twice");
        answer
    }

    fn freeze(&mut self, id: &str) -> Result<Handover, MoveRefusal> {
        match self.step(MoveCommand::Handover { id: id.into(), hold: HOLD })? {
            MoveAnswer::Handover(handover) => Ok(*handover),
            MoveAnswer::Done | MoveAnswer::Backup(_) => panic!("a handover has a snapshot"),
        }
    }

    fn leave_with(&mut self, tickets: &[(&str, &str)], seconds: u64) -> Result<MoveAnswer, MoveRefusal> {
        let tickets: BTreeMap<_, _> = tickets.iter().map(|(id, ticket)| ((*id).into(), (*ticket).into())).collect();
        self.step(MoveCommand::Leave { id: "m".into(), tickets, time: Duration::from_secs(seconds) })
    }

    fn arrive_from(&mut self, memory: RoomMemory) -> Result<MoveAnswer, MoveRefusal> {
        self.step(MoveCommand::Restore { id: "m".into(), memory: Box::new(memory), returning: HOLD })
    }

    /// A client that understands `moving`, joined.
    fn mover(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> ConnectionId {
        let connection = self.arrive(Connect { moves: true, ..client(connection, peer, grant) });
        self.join(connection, peer);
        connection
    }

    fn let_pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            if !self.is_shut {
                self.handle(Command::Tick);
            }
        }
    }

    fn notices(&self, connection: ConnectionId) -> Vec<(Option<String>, u64)> {
        let notice = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Notification(ServerNotification::Moving(notice)) if *to == connection => {
                Some((notice.ticket.clone(), notice.deadline_seconds))
            }
            _ => None,
        };
        self.sent.iter().filter_map(notice).collect()
    }

    fn was_sent(&self, connection: ConnectionId, method: &str) -> bool {
        self.told(connection).iter().any(|told| told == method)
    }
}

/// The room on the other pod, after the snapshot has traveled as JSON.
fn restored(memory: &RoomMemory) -> Harness {
    let snapshot = RoomSnapshot { v: SNAPSHOT_VERSION, meeting: meeting(), clients: Vec::new(), room: memory.clone() };
    let json = snapshot.write().expect("small enough");
    let read = RoomSnapshot::read(&json, "team", "standup", "u").expect("what a room writes is read");
    let mut room = harness();
    room.arrive_from(read.room).expect("an empty room");
    room
}

fn meeting() -> convene_protocol::admission::MeetingGrant {
    let settings = RoomSettings { max_participants: 10, ..RoomSettings::default() };
    convene_protocol::admission::MeetingGrant {
        namespace: "team".into(),
        name: "standup".into(),
        uid: "u".into(),
        settings,
        ..Default::default()
    }
}

fn host() -> ParticipantGrant {
    ParticipantGrant { guest: Some("host".into()), ..moderator() }
}

fn close_of(room: &Harness, connection: ConnectionId) -> Option<(u16, &'static str)> {
    room.closed.iter().find(|(closed, ..)| *closed == connection).map(|(_, code, reason)| (*code, *reason))
}

#[test]
fn what_moderators_decided_holds_at_once_in_the_restored_room() {
    let mut room = harness();
    let host = room.mover(1, "host", self::host());
    room.mover(2, "bob", guest("bob"));
    let eve = room.mover(3, "eve", guest("eve"));
    room.ask(eve, "sendChatMessage", json!({ "text": "hello" })).expect("the chat is on");
    room.ask(host, "removeParticipant", json!({ "peerId": "eve" })).expect("a moderator may");
    room.ask(host, "setPermissions", json!({ "peerId": "bob", "publish": { "audio": false } })).expect("too");
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("too");
    let memory = room.freeze("m").expect("the first move").memory;

    let mut next = restored(&memory);
    let stranger = next.connect(1, "kim");
    assert_eq!(close_of(&next, stranger), Some((4000, "the meeting is locked")));
    let banned = next.connect(2, "eve");
    assert_eq!(close_of(&next, banned), Some((4000, "removed by a moderator")));
    let bob = next.connect(3, "bob");
    next.join(bob, "Bob");
    let refused = next.ask(bob, "createWebRtcTransport", json!({ "producing": true })).and_then(|transport| {
        next.ask(bob, "produce", json!({ "transportId": transport["id"], "kind": "audio", "rtpParameters": {} }))
    });
    assert_eq!(refused.unwrap_err().0, 403);
    let page = next.ask(bob, "getChatHistory", json!({})).expect("the chat is on");
    assert_eq!((&page["messages"][0]["id"], &page["messages"][0]["text"]), (&json!(1), &json!("hello")));
    assert_eq!(next.ask(bob, "sendChatMessage", json!({ "text": "again" })).expect("allowed")["id"], 2);
}

#[test]
fn hands_stay_raised_and_invitations_used() {
    let invited = |name: &str| ParticipantGrant { once: Some("i".into()), ..guest(name) };
    let mut room = harness();
    let ada = room.mover(1, "ada", invited("ada"));
    room.ask(ada, "raiseHand", json!({ "raised": true })).expect("she has joined");
    let memory = room.freeze("m").expect("the first move").memory;

    let mut next = restored(&memory);
    let another = next.connect_as(1, "bob", invited("bob"));
    assert_eq!(close_of(&next, another), Some((4000, "this invitation was used by another participant")));
    let bob = next.connect(2, "carl");
    next.join(bob, "Carl");
    let ada = next.connect_as(3, "ada", invited("ada"));
    let answer = next.join(ada, "Ada");
    assert_eq!(answer["peers"][0]["peerId"], "carl");
    assert!(next.room.seats.get(&PeerId::from("ada")).expect("she is back").hand_raised);
    let own = json!({ "peerId": "ada", "raised": true });
    assert_eq!(next.last_told(ada, "handRaised"), Some(own), "or her page would show it as lowered");
    assert_eq!(next.last_told(bob, "handRaised"), None);
}

#[test]
fn the_lobby_keeps_names_and_places_and_participants_do_not_wait() {
    let mut room = harness();
    room.mover(1, "host", host());
    let waiting = |name: &str| ParticipantGrant { guest: Some(name.into()), ..waits() };
    for (number, name) in [(2, "zoe"), (3, "kim")] {
        room.now += Duration::from_secs(1);
        let one = room.arrive(Connect { moves: true, ..client(number, name, waiting(name)) });
        room.ask(one, "knock", json!({ "displayName": name.to_uppercase() })).expect("it waits");
    }
    let in_before = room.mover(4, "bob", guest("bob"));
    let handover = room.freeze("m").expect("the first move");
    let clients: Vec<_> = handover.clients.iter().map(|client| client.peer_id.as_str()).collect();
    assert_eq!(clients, ["bob", "host", "kim", "zoe"], "all of them get a ticket");
    assert_eq!(close_of(&room, in_before), None);

    let mut next = restored(&handover.memory);
    let host = next.connect_as(1, "host", host());
    next.join(host, "Host");
    next.connect_as(2, "new", waiting("new"));
    next.connect_as(3, "kim", waiting("kim"));
    next.connect_as(4, "zoe", waiting("zoe"));
    let ServerNotification::LobbyPeers(listed) = next.room.lobby.peers() else { panic!("the lobby lists its clients") };
    let names: Vec<_> = listed.peers.iter().map(|peer| peer.display_name.as_str()).collect();
    assert_eq!(names, ["ZOE", "KIM", ""]);
    let bob = next.connect_as(5, "bob", waiting("bob"));
    assert!(!next.was_sent(bob, "lobby"), "he was in the meeting");
}

#[test]
fn tickets_are_for_what_was_granted_and_not_for_what_moderators_changed() {
    let mut room = harness();
    let host = room.mover(1, "host", host());
    room.mover(2, "bob", guest("bob"));
    room.ask(host, "setModerator", json!({ "peerId": "bob", "moderator": true })).expect("a moderator may");
    let handover = room.freeze("m").expect("the first move");
    let bob = handover.clients.iter().find(|client| client.peer_id == "bob").expect("bob moves");
    assert!(!bob.grant.moderator);
    let mut next = restored(&handover.memory);
    let bob = next.connect_as(1, "bob", bob.grant.clone());
    next.join(bob, "Bob");
    next.ask(bob, "setRoomLock", json!({ "locked": true })).expect("the change has come along");
}

#[test]
fn a_moving_room_forwards_media_and_refuses_changes() {
    let mut room = harness();
    let ada = room.mover(1, "ada", host());
    let bob = room.mover(2, "bob", guest("bob"));
    let producer = room.produce(ada, "video");
    room.freeze("m").expect("the first move");
    let before = room.room.memory();
    for (method, data) in [
        ("createWebRtcTransport", json!({ "producing": true })),
        ("produce", json!({ "transportId": "1", "kind": "audio", "rtpParameters": {} })),
        ("sendChatMessage", json!({ "text": "hello" })),
        ("raiseHand", json!({ "raised": true })),
        ("changeDisplayName", json!({ "displayName": "Other" })),
        ("setRoomLock", json!({ "locked": true })),
        ("removeParticipant", json!({ "peerId": "bob" })),
        ("endMeeting", json!({})),
    ] {
        assert_eq!(room.ask(ada, method, data), Err((409, "moving".into())), "{method}");
    }
    assert_eq!(room.room.memory(), before);
    room.ask(ada, "pauseProducer", json!({ "producerId": producer })).expect("only media changes");
    room.ask(bob, "getChatHistory", json!({})).expect("a question");
    assert_eq!(room.ask(ada, "moved", json!({})), Err((409, "the meeting is not moving".into())), "not asked to yet");
    for prepares in [false, true] {
        let new = room.arrive(Connect { prepares, ..client(10 + u64::from(prepares), "new", guest("new")) });
        assert_eq!(close_of(&room, new), Some((1012, MOVES)));
    }
}

#[test]
fn chat_on_data_channels_gets_no_number_that_the_other_pod_gives_again() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce_data(ada, "chat");
    room.ask(bob, "getChatHistory", json!({ "follow": true })).expect("he has joined");
    let before = room.freeze("m").expect("the first move").memory.chat;
    room.forget();
    room.handle(Command::Media(MediaEvent::ChatMessage(heard(&producer, "late"))));
    assert!(!room.was_sent(bob, "chatMessage"));
    assert_eq!(room.room.memory().chat, before);
}

#[test]
fn a_move_is_canceled_or_given_up_and_the_room_goes_on() {
    let mut room = harness();
    let ada = room.mover(1, "ada", guest("ada"));
    room.freeze("m").expect("the first move");
    assert_eq!(room.step(MoveCommand::Cancel { id: "other".into() }), Err(MoveRefusal::OtherMove));
    assert_eq!(room.step(MoveCommand::Cancel { id: "m".into() }), Ok(MoveAnswer::Done));
    assert_eq!(room.step(MoveCommand::Cancel { id: "m".into() }), Ok(MoveAnswer::Done), "twice is once");
    room.ask(ada, "raiseHand", json!({ "raised": true })).expect("as before");
    let memory = room.freeze("m").expect("again").memory;
    assert!(memory.people[0].hand_raised);
    room.let_pass(59);
    assert_eq!(room.ask(ada, "raiseHand", json!({ "raised": false })).unwrap_err().0, 409);
    room.let_pass(1);
    room.ask(ada, "raiseHand", json!({ "raised": false })).expect("the operator has not come back");
    assert!(room.facts.contains(&Fact::Move("Expired")));
    assert_eq!(room.leave_with(&[], 10), Err(MoveRefusal::NotMoving), "its snapshot is old");
}

#[test]
fn a_move_in_a_move_is_refused_and_the_same_one_is_repeated() {
    let mut room = harness();
    room.mover(1, "ada", guest("ada"));
    let first = room.freeze("m").expect("the first move");
    assert_eq!(room.freeze("m"), Ok(first));
    assert_eq!(room.freeze("other"), Err(MoveRefusal::OtherMove));
    assert_eq!(room.arrive_from(RoomMemory::default()), Err(MoveRefusal::OtherMove));
    room.leave_with(&[], 10).expect("the clients move");
    assert_eq!(room.freeze("m"), Err(MoveRefusal::Leaving));
    assert_eq!(room.freeze("other"), Err(MoveRefusal::OtherMove));
    assert_eq!(room.step(MoveCommand::Cancel { id: "m".into() }), Err(MoveRefusal::Leaving));
}

#[test]
fn clients_move_one_after_the_other_and_no_one_is_seen_leaving() {
    let mut room = harness();
    let (ada, bob) = (room.mover(1, "ada", guest("ada")), room.mover(2, "bob", guest("bob")));
    let old = room.connect(3, "old");
    room.join(old, "Old");
    room.freeze("m").expect("the first move");
    room.forget();
    room.leave_with(&[("ada", "ticket-a"), ("unknown", "x")], 10).expect("they move");
    assert_eq!(close_of(&room, old), Some((1012, MOVES)));
    assert!(room.notices(old).is_empty(), "it does not understand them");
    assert_eq!(room.notices(ada), [(Some("ticket-a".into()), 10)]);
    assert_eq!(room.notices(bob), [(None, 10)]);
    room.leave_with(&[("bob", "ticket-b")], 10).expect("nothing more happens");
    assert_eq!(room.notices(bob).len(), 1);
    let report = room.room.move_report().expect("it moves");
    assert_eq!((report.phase, report.left), (MovePhase::Leaving, 2));

    room.ask(ada, "moved", json!({})).expect("she was asked to");
    room.handle(Command::Disconnected { connection: ada });
    assert!(!room.was_sent(bob, "peerClosed") && !room.was_sent(bob, "over"));
    room.notify(bob, "moved", json!({}));
    assert!(room.was_sent(bob, "over") && !room.is_shut);
    assert_eq!(room.room.move_report().expect("it ends").phase, MovePhase::Over);
    room.handle(Command::Disconnected { connection: bob });
    assert!(room.is_shut && room.open_transports.is_empty());
    assert!(room.room.snapshot(false).is_none(), "what it knew is on the other pod");
    assert!(room.facts.contains(&Fact::Move("Left")));
}

#[test]
fn a_participant_who_leaves_during_the_move_is_seen_leaving() {
    let mut room = harness();
    let (ada, bob) = (room.mover(1, "ada", guest("ada")), room.mover(2, "bob", guest("bob")));
    room.freeze("m").expect("the first move");
    room.leave_with(&[], 10).expect("they move");
    room.handle(Command::Disconnected { connection: ada });
    assert!(room.was_sent(bob, "peerClosed"));
}

#[test]
fn a_client_that_never_moves_is_closed_after_the_deadline() {
    let mut room = harness();
    let (ada, bob) = (room.mover(1, "ada", guest("ada")), room.mover(2, "bob", guest("bob")));
    room.freeze("m").expect("the first move");
    room.leave_with(&[], 10).expect("they move");
    room.ask(ada, "moved", json!({})).expect("she was asked to");
    room.let_pass(9);
    assert!(!room.was_sent(bob, "over"));
    room.let_pass(1);
    assert!(room.was_sent(ada, "over") && room.was_sent(bob, "over"));
    assert!(room.closed.is_empty());
    room.let_pass(2);
    assert_eq!((close_of(&room, ada), close_of(&room, bob)), (Some((1012, MOVES)), Some((1012, MOVES))));
    assert!(room.is_shut);
    let late: Vec<_> = room.facts.iter().filter(|fact| **fact == Fact::ClientMove("Late")).collect();
    assert_eq!(late.len(), 1);
}

#[test]
fn without_time_all_are_closed_at_once_and_those_that_understand_get_their_tickets() {
    let mut room = harness();
    let ada = room.mover(1, "ada", guest("ada"));
    let waiting = ParticipantGrant { guest: Some("kim".into()), ..waits() };
    let kim = room.arrive(Connect { moves: true, ..client(2, "kim", waiting) });
    let new = room.arrive(Connect { moves: true, ..client(3, "new", guest("new")) });
    room.freeze("m").expect("the first move");
    room.leave_with(&[("ada", "a"), ("kim", "k")], 0).expect("they move");
    assert_eq!(room.notices(ada), [(Some("a".into()), 0)]);
    assert_eq!(room.notices(kim), [(Some("k".into()), 0)]);
    assert_eq!(room.notices(new), [(None, 0)]);
    assert!([ada, kim, new].iter().all(|client| close_of(&room, *client) == Some((1012, MOVES))));
    assert!(room.is_shut && room.open_transports.is_empty());
}

#[test]
fn broadcasters_are_refused_first_and_gone_then() {
    use crate::room::broadcaster::BroadcasterRequest;
    let mut room = harness();
    room.mover(1, "ada", guest("ada"));
    let code = |room: &mut Harness, request| {
        let call = room.call("film", request);
        let answer = room.sent.iter().find_map(|(to, message)| match message {
            Outgoing::Failure { code, .. } if *to == call => Some(*code),
            _ => None,
        });
        answer.unwrap_or(200)
    };
    assert_eq!(code(&mut room, broadcasting::some_call(0, 0)), 200);
    room.freeze("m").expect("the first move");
    assert_eq!(code(&mut room, BroadcasterRequest::CreateWebRtcTransport), 409);
    assert_eq!(code(&mut room, BroadcasterRequest::PeerProducersInfos), 200, "a question");
    room.leave_with(&[], 10).expect("they move");
    assert!(room.room.seats.get(&PeerId::from("film")).is_none());
    assert_eq!(code(&mut room, BroadcasterRequest::RouterRtpCapabilities), 410);
}

#[test]
fn a_room_with_people_is_not_overwritten() {
    let mut room = harness();
    room.mover(1, "ada", guest("ada"));
    let memory = room.freeze("m").expect("the first move").memory;
    let mut next = restored(&memory);
    let ada = next.connect(1, "ada");
    next.join(ada, "Ada");
    next.ask(ada, "raiseHand", json!({ "raised": true })).expect("she has joined");
    assert_eq!(next.arrive_from(memory.clone()), Ok(MoveAnswer::Done), "the operator repeats the same");
    assert!(next.room.memory().people[0].hand_raised);
    let other = MoveCommand::Restore { id: "n".into(), memory: Box::new(memory), returning: HOLD };
    assert_eq!(next.step(other), Err(MoveRefusal::HasPeople));
    assert_eq!(next.room.restored(), Some("m"));
}

#[test]
fn a_repetition_brings_what_the_old_room_has_learned_in_between() {
    let mut room = harness();
    let host = room.mover(1, "host", moderator());
    let memory = room.freeze("m").expect("the first move").memory;
    let mut next = restored(&memory);
    room.let_pass(HOLD.as_secs());
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("no operator has come back");
    let memory = room.freeze("m").expect("the next operator repeats the move").memory;
    assert_eq!(next.arrive_from(memory), Ok(MoveAnswer::Done));
    assert!(next.room.memory().moderation.locked);
}

#[test]
fn a_restored_room_waits_for_its_people_even_if_empty_rooms_end_at_once() {
    let mut room = harness();
    room.mover(1, "ada", guest("ada"));
    let memory = room.freeze("m").expect("the first move").memory;
    let mut next = Harness::new(Limits { empty_timeout: Duration::ZERO, ..Limits::default() });
    next.arrive_from(memory).expect("an empty room");
    next.let_pass(59);
    assert!(!next.is_shut);
    next.set(|settings| settings.locked = true);
    let ada = next.connect(1, "ada");
    assert_eq!(close_of(&next, ada), None, "she was in the meeting");
    next.handle(Command::Disconnected { connection: ada });
    next.let_pass(1);
    assert!(next.is_shut, "the usual rule from then on");
}

#[test]
fn ending_wins_over_moving() {
    for (end, code) in [(End::Over, 4000), (End::Moved, 1012)] {
        let mut room = harness();
        let ada = room.mover(1, "ada", guest("ada"));
        room.freeze("m").expect("the first move");
        room.leave_with(&[], 10).expect("they move");
        room.handle(Command::End(end));
        assert_eq!(close_of(&room, ada).map(|(code, _)| code), Some(code));
        assert!(room.is_shut && room.room.snapshot(false).is_none() && room.room.move_report().is_none());
    }
}

/// A decision of a moderator, or something that a participant does; selected by small numbers.
fn act(room: &mut Harness, host: ConnectionId, number: &mut u64, (what, whom): (u8, u8)) {
    let peer = format!("p{}", whom % 6);
    let of_peer = json!({ "peerId": peer });
    *number += 1;
    let one = |room: &mut Harness| room.room.seats.connection_of(&PeerId::from(peer.as_str()));
    let (from, method, data) = match what {
        // A client without a proven identity would wait for the holder of its peerId.
        0..=2 if room.room.has(&PeerId::from(peer.as_str())) => return,
        0..=2 => {
            let grant = ParticipantGrant {
                guest: (whom % 3 > 0).then(|| peer.clone()),
                address: Some(format!("192.0.2.{}", whom % 4)),
                lobby: what == 1,
                once: (what == 2).then(|| format!("i{}", whom % 2)),
                ..ParticipantGrant::default()
            };
            let connection = room.connect_as(*number, &peer, grant);
            if one(room) == Some(connection) {
                room.join(connection, &peer);
            }
            return;
        }
        3 => {
            if let Some(connection) = one(room) {
                room.handle(Command::Disconnected { connection });
            }
            return;
        }
        4 => (Some(host), "removeParticipant", of_peer),
        5 => (Some(host), "setRoomLock", json!({ "locked": whom % 2 == 0 })),
        6 => (Some(host), "setRoomLobby", json!({ "enabled": whom % 2 == 0 })),
        7 => (Some(host), "admitPeer", of_peer),
        8 => (Some(host), "setModerator", json!({ "peerId": peer, "moderator": whom % 2 == 0 })),
        9 => (Some(host), "setPermissions", json!({ "peerId": peer, "publish": { "video": whom % 2 == 0 } })),
        10 => (one(room), "raiseHand", json!({ "raised": true })),
        _ => (one(room), "sendChatMessage", json!({ "text": "a \"text\"\n" })),
    };
    if let Some(connection) = from {
        let _ = room.ask(connection, method, data);
    }
}

/// How a room receives a client: refused with a reason, in the lobby, or in, with its permissions and its hand.
fn reception(room: &mut Harness, peer: &str, grant: ParticipantGrant) -> String {
    let connection = room.connect_as(1_000_000, peer, grant);
    if let Some(close) = close_of(room, connection) {
        return format!("{close:?}");
    }
    let id = PeerId::from(peer);
    match room.room.seats.get(&id) {
        Some(peer) => format!("{:?} {:?} {}", peer.arrival, peer.grant, peer.hand_raised),
        None => format!("waits: {}", room.room.lobby.contains(&id)),
    }
}

proptest! {
    /// A snapshot that is restored and taken again is the same, and the restored room receives a client as the old room would have if all had
    /// just left it.
    #[test]
    fn a_restored_room_is_the_old_one(
        acts in proptest::collection::vec((0u8..12, 0u8..12), 0..60),
        visitor in (0u8..8, 0u8..4, any::<bool>(), any::<bool>()),
    ) {
        let mut room = harness();
        let host = room.mover(1, "host", self::host());
        let mut number = 1;
        for one in acts {
            act(&mut room, host, &mut number, one);
        }
        let memory = room.freeze("m").expect("the first move").memory;
        let mut next = restored(&memory);
        prop_assert_eq!(next.room.memory(), memory);

        room.step(MoveCommand::Cancel { id: "m".into() }).expect("it was not told");
        for id in room.room.seats.ids_where(|_, _| true) {
            let connection = room.room.seats.connection_of(&id).expect("it is there");
            room.handle(Command::Disconnected { connection });
        }
        for connection in room.room.lobby.connections().collect::<Vec<_>>() {
            room.handle(Command::Disconnected { connection });
        }
        let (whom, address, has_guest, is_invited) = visitor;
        let peer = format!("p{whom}");
        let grant = ParticipantGrant {
            guest: has_guest.then(|| peer.clone()),
            address: Some(format!("192.0.2.{address}")),
            once: is_invited.then(|| "i0".to_owned()),
            ..ParticipantGrant::default()
        };
        prop_assert_eq!(reception(&mut next, &peer, grant.clone()), reception(&mut room, &peer, grant));
    }
}

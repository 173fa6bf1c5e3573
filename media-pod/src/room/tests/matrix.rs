//! Tests of permissions: every role, request and access mode, each in its own room; and that a participant who is not a moderator
//! cannot change anything of another one.

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::ClientRequest;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Command, ConnectionId, Harness, Operation, PeerId, harness};

/// Answered with success.
const OK: u16 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Moderator,
    HiddenModerator,
    Participant,
    /// May receive, and nothing else.
    Listener,
    Hidden,
    Recorder,
    Viewer,
    /// A moderator who has not joined.
    AtTheDoor,
    /// A client that has not joined and does not moderate.
    New,
    /// In the lobby.
    Waiting,
}

const ROLES: [Role; 10] = [
    Role::Moderator,
    Role::HiddenModerator,
    Role::Participant,
    Role::Listener,
    Role::Hidden,
    Role::Recorder,
    Role::Viewer,
    Role::AtTheDoor,
    Role::New,
    Role::Waiting,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Open,
    Token,
    Lobby,
}

/// Requests, with what they need.
fn actions() -> Vec<(&'static str, Value, Needs)> {
    let bob = json!({ "peerId": "bob" });
    let kim = json!({ "peerId": "kim" });
    vec![
        ("admitPeer", kim.clone(), Needs::Moderator),
        ("refusePeer", kim, Needs::Moderator),
        ("admitAll", json!({}), Needs::Moderator),
        ("setRoomLock", json!({ "locked": true }), Needs::Moderator),
        ("setRoomLobby", json!({ "enabled": true }), Needs::Moderator),
        ("muteParticipant", json!({ "peerId": "bob", "source": "audio" }), Needs::Moderator),
        ("muteParticipant", json!({ "source": "video" }), Needs::Moderator),
        ("askToUnmute", bob.clone(), Needs::Moderator),
        ("removeParticipant", bob.clone(), Needs::Moderator),
        ("setPermissions", json!({ "peerId": "bob", "publish": { "audio": false } }), Needs::Moderator),
        ("setPermissions", json!({ "peerId": "bob", "viewer": true }), Needs::Moderator),
        ("setModerator", json!({ "peerId": "bob", "moderator": true }), Needs::Moderator),
        ("lowerHand", bob, Needs::Moderator),
        ("endMeeting", json!({}), Needs::Moderator),
        ("raiseHand", json!({ "raised": true }), Needs::Seen),
        ("sendReaction", json!({ "reaction": "clap" }), Needs::Seen),
        ("sendChatMessage", json!({ "text": "hello" }), Needs::Message),
        ("produceData", json!({ "label": "chat", "sctpStreamParameters": {} }), Needs::Data),
        ("produce", json!({ "kind": "audio", "rtpParameters": {} }), Needs::Publish),
        ("produce", json!({ "kind": "video", "rtpParameters": {} }), Needs::Publish),
        ("produce", json!({ "kind": "video", "rtpParameters": {}, "appData": { "share": true } }), Needs::Publish),
        ("getChatHistory", json!({}), Needs::Joined),
        ("changeDisplayName", json!({ "displayName": "Someone else" }), Needs::Joined),
        ("createWebRtcTransport", json!({ "producing": true }), Needs::Seat),
        ("knock", json!({ "displayName": "Eve" }), Needs::Lobby),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Moderator,
    Seen,
    Message,
    Data,
    Publish,
    Joined,
    Seat,
    Lobby,
}

fn expected(role: Role, needs: Needs) -> u16 {
    let is_joined = !matches!(role, Role::AtTheDoor | Role::New);
    match (needs, role) {
        (Needs::Lobby, Role::Waiting) => OK,
        (_, Role::Waiting) => 403,
        (Needs::Seat, _) | (Needs::Moderator, Role::Moderator | Role::HiddenModerator) => OK,
        (Needs::Lobby, _) | (Needs::Moderator, Role::AtTheDoor) => 409,
        (Needs::Moderator, _) => 403,
        _ if !is_joined => 409,
        (Needs::Joined, _) => OK,
        (_, Role::Hidden | Role::HiddenModerator)
        | (Needs::Message | Needs::Data | Needs::Publish, Role::Listener)
        | (Needs::Data | Needs::Publish, Role::Viewer) => 403,
        _ => OK,
    }
}

fn grant(role: Role, access: Access) -> ParticipantGrant {
    let nothing = PublishGrant { audio: false, video: false, share: false };
    let is_listener = role == Role::Listener;
    ParticipantGrant {
        identity: (access == Access::Token).then(|| "user-eve".into()),
        moderator: matches!(role, Role::Moderator | Role::HiddenModerator | Role::AtTheDoor),
        lobby: access == Access::Lobby || role == Role::Waiting,
        publish: if is_listener { nothing } else { PublishGrant::default() },
        publish_data: !is_listener,
        hidden: matches!(role, Role::Hidden | Role::HiddenModerator),
        recorder: role == Role::Recorder,
        viewer: role == Role::Viewer,
        ..ParticipantGrant::default()
    }
}

pub(super) fn moderator() -> ParticipantGrant {
    ParticipantGrant { moderator: true, ..ParticipantGrant::default() }
}

pub(super) fn waits() -> ParticipantGrant {
    ParticipantGrant { lobby: true, ..ParticipantGrant::default() }
}

/// A room with a host, with bob who sends, and with kim in the lobby.
fn room_with_host() -> (Harness, ConnectionId, ConnectionId) {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    room.produce(bob, "audio");
    room.produce_data(bob, "chat");
    room.connect_as(3, "kim", waits());
    (room, host, bob)
}

fn enter(room: &mut Harness, host: ConnectionId, role: Role, access: Access) -> ConnectionId {
    let eve = room.connect_as(4, "eve", grant(role, access));
    if role != Role::Waiting && room.told(eve).contains(&"lobby".to_owned()) {
        room.ask(host, "admitPeer", json!({ "peerId": "eve" })).expect("eve waits");
    }
    if !matches!(role, Role::AtTheDoor | Role::New | Role::Waiting) {
        room.join(eve, "Eve");
    }
    eve
}

fn code_of(room: &mut Harness, eve: ConnectionId, method: &str, mut data: Value) -> u16 {
    if method.starts_with("produce") {
        let transport = room.ask(eve, "createWebRtcTransport", json!({ "producing": true }));
        data["transportId"] = transport.map_or(json!("none"), |made| made["id"].clone());
    }
    room.ask(eve, method, data).err().map_or(OK, |(code, _)| code)
}

#[test]
fn each_role_may_do_what_it_allows_and_nothing_else() {
    for access in [Access::Open, Access::Token, Access::Lobby] {
        for role in ROLES {
            for (method, data, needs) in actions() {
                let (mut room, host, _) = room_with_host();
                let eve = enter(&mut room, host, role, access);
                let before = room.room.stats();
                let code = code_of(&mut room, eve, method, data.clone());
                assert_eq!(code, expected(role, needs), "{access:?} {role:?} {method} {data}");
                if code != OK && !method.starts_with("produce") {
                    assert_eq!(room.room.stats(), before, "{role:?} {method} changes nothing");
                    assert!(room.closed.is_empty() && !room.is_shut, "{role:?} {method} closes no client");
                }
            }
        }
    }
}

#[test]
fn moderators_get_an_error_for_an_unknown_participant() {
    let (mut room, host, _) = room_with_host();
    for (method, mut data, needs) in actions() {
        if needs == Needs::Moderator && data.get("peerId").is_some() {
            for unknown in ["unknown", "", &"é".repeat(500)] {
                data["peerId"] = json!(unknown);
                let (code, reason) = room.ask(host, method, data.clone()).expect_err("no such participant");
                assert_eq!(code, 404, "{method}");
                assert!(reason.len() < 200, "{reason}");
            }
        }
    }
}

/// The attempts of a client without permissions.
fn attempt() -> impl Strategy<Value = (&'static str, Value)> {
    let whom = prop_oneof![Just("host"), Just("bob"), Just("kim"), Just("eve"), Just("unknown")];
    let source = prop_oneof![Just("audio"), Just("video"), Just("share")];
    (0usize..24, whom, source, any::<bool>(), 0u64..40).prop_map(|(what, whom, source, flag, id)| {
        let (peer, id) = (json!({ "peerId": whom }), id.to_string());
        match what {
            0 => ("admitPeer", peer),
            1 => ("refusePeer", peer),
            2 => ("admitAll", json!({})),
            3 => ("setRoomLock", json!({ "locked": flag })),
            4 => ("muteParticipant", json!({ "peerId": whom, "source": source })),
            5 => ("muteParticipant", json!({ "source": source })),
            6 => ("askToUnmute", peer),
            7 => ("removeParticipant", peer),
            8 => (
                "setPermissions",
                json!({ "peerId": whom, "publish": { source: flag }, "publishData": flag, "viewer": flag }),
            ),
            9 => ("setModerator", json!({ "peerId": whom, "moderator": flag })),
            10 => ("lowerHand", peer),
            11 => ("endMeeting", json!({})),
            12 => ("raiseHand", json!({ "raised": flag })),
            13 => ("sendReaction", json!({ "reaction": "party" })),
            14 => ("knock", json!({ "displayName": whom })),
            15 => ("closeProducer", json!({ "producerId": id })),
            16 => ("pauseProducer", json!({ "producerId": id })),
            17 => ("resumeProducer", json!({ "producerId": id })),
            18 => ("pauseConsumer", json!({ "consumerId": id })),
            19 => ("createWebRtcTransport", json!({ "producing": flag, "consuming": !flag })),
            20 => ("produce", json!({ "transportId": id, "kind": "video", "rtpParameters": {} })),
            21 => ("produceData", json!({ "transportId": id, "label": "chat", "sctpStreamParameters": {} })),
            22 => ("restartIce", json!({ "transportId": id })),
            _ => ("join", json!({ "displayName": "Eve", "rtpCapabilities": {} })),
        }
    })
}

/// Whether an operation changes something of another participant.
fn changed(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::PauseProducer(id) | Operation::ResumeProducer(id) | Operation::CloseProducer(id) => Some(&id.0),
        Operation::CloseDataProducer(id) => Some(&id.0),
        Operation::CloseTransport(id) | Operation::RestartIce(id) => Some(&id.0),
        _ => None,
    }
}

proptest! {
    /// Whatever a client without moderation requests, in any order and role: the others keep their streams and permissions.
    #[test]
    fn non_moderators_change_nothing_of_others(
        role in proptest::sample::select(vec![Role::Participant, Role::Listener, Role::Hidden, Role::Recorder, Role::New, Role::Waiting]),
        attempts in proptest::collection::vec(attempt(), 0..60),
    ) {
        let (mut room, host, bob) = room_with_host();
        let eve = enter(&mut room, host, role, Access::Open);
        room.forget();
        let others = ["host", "bob"].map(PeerId::from);
        let theirs = |room: &Harness| {
            let of_peer = |id: &PeerId| {
                let (peer, tracks) = (room.room.seats.get(id).expect("it is in the room"), &room.room.tracks);
                let producers: Vec<_> =
                    tracks.producers_of(id).map(|(id, state)| (id.0.clone(), state.is_paused)).collect();
                let data: Vec<_> = room.room.data.producers_of(id).into_iter().map(|id| id.0).collect();
                let transports: Vec<_> = tracks.transports_of(id).into_iter().map(|id| id.0).collect();
                (peer.grant.clone(), peer.hand_raised, producers, data, transports)
            };
            let is_waiting = room.room.lobby.contains(&PeerId::from("kim"));
            (others.each_ref().map(of_peer), room.room.state(), is_waiting)
        };
        let before = theirs(&room);
        let owned: Vec<&str> = before.0.iter().flat_map(|(_, _, producers, data, transports)| {
            producers.iter().map(|(id, _)| id).chain(data).chain(transports).map(String::as_str)
        }).collect();
        prop_assert!(owned.len() >= 5, "there is something to change");
        for (number, (method, data)) in attempts.into_iter().enumerate() {
            let request = ClientRequest::parse(method, data).expect("readable");
            let connection = eve;
            if number % 5 == 4 {
                room.handle(Command::Notification { connection, request });
            } else {
                room.next_request += 1;
                room.handle(Command::Request { connection, id: room.next_request, request });
            }
            let touched = room.operations.drain(..).find(|operation| changed(operation).is_some_and(|id| owned.contains(&id)));
            prop_assert!(touched.is_none(), "{} does {:?}", method, touched);
            prop_assert_eq!(&theirs(&room), &before, "{}", method);
        }
        prop_assert!(room.closed.iter().all(|(closed, ..)| *closed != host && *closed != bob));
        prop_assert!(!room.is_shut);
    }
}

//! Invariants of a room, for any sequence of events.

use super::*;

/// Actions of a hostile or unlucky crowd, selected by small numbers.
#[derive(Clone, Debug)]
enum Act {
    Connect(u64, u8, u8),
    Prepare(u64, u8, u8),
    StopPreparing,
    Disconnect(u64),
    Ask(u64, usize, u64),
    Answer(u64, u64, bool),
    Broadcast(u8, usize, u64),
    Lost(u64),
    Wait(u64),
    Remove(u8),
    Lock(bool),
    Move(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u64..12, 0u8..4, 0u8..32).prop_map(|(connection, peer, rights)| Act::Connect(connection, peer, rights)),
        (0u64..12, 0u8..4, any::<u8>()).prop_map(|(connection, peer, rights)| Act::Prepare(connection, peer, rights)),
        Just(Act::StopPreparing),
        (0u64..12).prop_map(Act::Disconnect),
        (0u64..12, 0usize..25, 0u64..60).prop_map(|(connection, what, id)| Act::Ask(connection, what, id)),
        (0u64..12, 0u64..6, any::<bool>()).prop_map(|(connection, id, is_ok)| Act::Answer(connection, id, is_ok)),
        (0u8..4, 0usize..9, 0u64..60).prop_map(|(peer, what, id)| Act::Broadcast(peer, what, id)),
        (0u64..60).prop_map(Act::Lost),
        (0u64..40).prop_map(Act::Wait),
        (0u8..4).prop_map(Act::Remove),
        any::<bool>().prop_map(Act::Lock),
        (0u8..8).prop_map(Act::Move),
    ]
}

/// A step of one of two moves.
pub(super) fn some_step(what: u8) -> MoveCommand {
    let id = format!("m-{}", what % 2);
    match what / 2 {
        0 => MoveCommand::Handover { id, hold: Duration::from_mins(1) },
        1 => MoveCommand::Cancel { id },
        2 => MoveCommand::Leave {
            id,
            tickets: [("peer-1".to_owned(), "t".to_owned())].into(),
            time: Duration::from_secs(5),
        },
        _ => MoveCommand::Restore { id, memory: Box::default(), returning: Duration::from_mins(1) },
    }
}

/// A grant with the permissions that the bits select.
pub(super) fn some_grant(rights: u8) -> ParticipantGrant {
    let has = |bit: u8| rights & (1 << bit) != 0;
    ParticipantGrant {
        moderator: has(0),
        lobby: has(1),
        hidden: has(2) && has(3),
        subscribe: !has(3),
        once: has(4).then(|| "once".to_owned()),
        guest: has(5).then(|| format!("guest-{}", has(6))),
        address: has(7).then(|| "192.0.2.1".to_owned()),
        ..ParticipantGrant::default()
    }
}

pub(super) fn some_request(what: usize, id: u64) -> ClientRequest {
    let peer = json!({ "peerId": format!("peer-{}", id % 4) });
    let flag = id.is_multiple_of(2);
    let id = id.to_string();
    let (method, data) = match what {
        0 => ("join", json!({ "displayName": "Someone", "rtpCapabilities": {} })),
        1 => ("createWebRtcTransport", json!({ "appData": { "direction": "producer" } })),
        2 => ("createWebRtcTransport", json!({ "consuming": true })),
        3 => ("produce", json!({ "transportId": id, "kind": "video", "rtpParameters": {} })),
        4 => ("closeProducer", json!({ "producerId": id })),
        5 => ("pauseConsumer", json!({ "consumerId": id })),
        6 => ("restartIce", json!({ "transportId": id })),
        7 => ("getRtcStatsUrl", json!({})),
        8 => ("sendChatMessage", json!({ "text": "hello" })),
        11 => ("admitPeer", peer),
        12 => ("refusePeer", peer),
        13 => ("admitAll", json!({})),
        14 => ("setRoomLock", json!({ "locked": flag })),
        15 => ("muteParticipant", json!({ "source": if flag { "video" } else { "share" } })),
        16 => ("askToUnmute", peer),
        17 => ("removeParticipant", peer),
        18 => {
            ("setPermissions", json!({ "peerId": peer["peerId"], "publish": { "video": flag }, "publishData": flag }))
        }
        19 => ("setModerator", json!({ "peerId": peer["peerId"], "moderator": flag })),
        20 => ("raiseHand", json!({ "raised": flag })),
        21 => ("sendReaction", json!({ "reaction": "heart" })),
        22 => ("endMeeting", json!({})),
        23 => ("knock", json!({ "displayName": "Someone" })),
        9 => ("produceData", json!({ "transportId": id, "label": "chat", "sctpStreamParameters": {} })),
        _ => ("resumeProducer", json!({ "producerId": id })),
    };
    ClientRequest::parse(method, data).expect("readable")
}

proptest! {
    /// Whatever happens: every request of a live connection is answered once, no client gets a message after its close,
    /// no transport is closed twice (the harness asserts it), and when all are gone nothing is left open.
    #[test]
    fn nothing_outlives_its_owner(acts in proptest::collection::vec(act(), 0..120)) {
        let mut room = harness();
        let mut used = BTreeSet::new();
        for act in acts {
            match act {
                Act::Connect(connection, peer, rights) => {
                    if used.insert(connection) {
                        let moves = connection.is_multiple_of(2);
                        room.arrive(Connect { moves, ..client(connection, &format!("peer-{peer}"), some_grant(rights)) });
                    }
                }
                Act::Prepare(connection, peer, rights) => {
                    if used.insert(connection) {
                        room.prepare_as(connection, &format!("peer-{peer}"), some_grant(rights));
                    }
                }
                Act::Move(what) => {
                    room.handle(Command::Move(some_step(what)));
                    prop_assert_eq!(room.move_answers.drain(..).count(), 1);
                }
                Act::StopPreparing => room.handle(Command::StopPreparing),
                Act::Disconnect(connection) => room.handle(Command::Disconnected { connection: ConnectionId(connection) }),
                Act::Ask(connection, what, id) => {
                    let connection = ConnectionId(connection);
                    room.next_request += 1;
                    let request = Command::Request { connection, id: room.next_request, request: some_request(what, id) };
                    let before = room.sent.len();
                    room.handle(request);
                    let asked = room.next_request;
                    let answers = room.sent[before..].iter().filter(|(_, message)| {
                        matches!(message, Outgoing::Success(of, _) | Outgoing::Failure { id: of, .. } if *of == asked)
                    });
                    // A client in the lobby gets this answer once it is admitted, also to the `join` with which it entered.
                    let is_held = (what == 7 || what == 0) && room.room.lobby.id_on(connection).is_some()
                        || room.room.pending.id_on(connection).is_some();
                    prop_assert!(answers.count() == 1 || is_held);
                }
                Act::Answer(connection, id, is_ok) => {
                    room.handle(Command::Answered { connection: ConnectionId(connection), id, is_ok });
                }
                Act::Broadcast(peer, what, id) => {
                    let before = room.sent.len();
                    let call = room.call(&format!("peer-{peer}"), broadcasting::some_call(what, id));
                    let answers = room.sent[before..].iter().filter(|(to, _)| *to == call);
                    prop_assert_eq!(answers.count(), 1);
                }
                Act::Lost(id) => {
                    room.handle(Command::Media(MediaEvent::TransportDisconnected(TransportId(id.to_string()))));
                }
                Act::Remove(peer) => room.handle(Command::Remove(PeerId(format!("peer-{peer}")))),
                Act::Lock(is_locked) => room.set(|settings| settings.locked = is_locked),
                Act::Wait(seconds) => {
                    room.now += Duration::from_secs(seconds);
                    room.handle(Command::Tick);
                }
            }
        }
        for connection in 0..12 {
            room.handle(Command::Disconnected { connection: ConnectionId(connection) });
        }
        for peer in 0..4 {
            room.call(&format!("peer-{peer}"), crate::room::broadcaster::BroadcasterRequest::Leave);
        }
        prop_assert!(room.open_transports.is_empty());
        prop_assert_eq!(room.room.stats(), crate::room::RoomStats::default());
        prop_assert_eq!(room.room.participants(), 0);
    }
}

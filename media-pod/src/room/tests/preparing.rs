//! Prepared connections: what they may do, how they enter, and that nothing is left of those that do not.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{ClientRequest, DownlinkBwe};
use serde_json::{Value, json};

use super::matrix::{moderator, waits};
use super::{
    Command, Connect, ConnectionId, End, Fact, Harness, Limits, MediaEvent, TransportId, client, guest, harness,
};

const NO_LONGER_PREPARED: Option<(u16, &str)> = Some((1012, "this connection is no longer prepared"));

impl Harness {
    pub(super) fn prepare_as(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> ConnectionId {
        self.arrive(Connect { prepares: true, ..client(connection, peer, grant) })
    }

    /// Prepares a guest with both transports.
    fn prepare(&mut self, connection: u64, peer: &str) -> ConnectionId {
        self.prepare_media(connection, peer, guest(peer))
    }

    fn prepare_media(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> ConnectionId {
        let connection = self.prepare_as(connection, peer, grant);
        self.transport(connection, "producer");
        self.transport(connection, "consumer");
        connection
    }

    fn enter(&mut self, connection: ConnectionId, name: &str) -> Result<Value, (u16, String)> {
        let data = json!({ "displayName": name, "device": { "flag": "chrome" }, "rtpCapabilities": { "codecs": [] } });
        self.ask(connection, "join", data)
    }

    /// Sends a request whose answer may come later.
    fn request(&mut self, connection: ConnectionId, id: u64, method: &str) {
        let request = ClientRequest::parse(method, json!({ "displayName": "Someone" })).expect("readable");
        self.handle(Command::Request { connection, id, request });
    }

    fn wait_for(&mut self, time: Duration) {
        self.now += time;
        self.handle(Command::Tick);
    }

    fn prepared(&self) -> usize {
        self.room.stats().prepared
    }
}

/// A room with a host.
fn hosted() -> (Harness, ConnectionId) {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    (room, host)
}

fn room_of_one() -> Harness {
    Harness::new(Limits { peers: 1, ..Limits::default() })
}

#[test]
fn a_prepared_connection_is_not_noticed_and_learns_nothing() {
    let (mut room, host) = hosted();
    room.produce(host, "audio");
    room.forget();
    let before = room.room.stats();
    let ada = room.prepare(2, "ada");
    room.ask(host, "sendChatMessage", json!({ "text": "hello" })).expect("may write");
    room.ask(host, "raiseHand", json!({ "raised": true })).expect("may raise a hand");
    room.ask(host, "setRoomLobby", json!({ "enabled": true })).expect("moderates");
    assert_eq!(room.told(ada), ["mediasoupVersion", "mediasoup-version", "answer", "answer"]);
    assert!(!room.told(host).iter().any(|told| ["newPeer", "lobbyPeers"].contains(&told.as_str())));
    let stats = room.room.stats();
    assert_eq!((stats.participants, stats.joining, stats.waiting), (before.participants, 0, 0));
    assert_eq!((stats.prepared, stats.holdings.transports), (1, before.holdings.transports + 2));
    assert!(!room.room.has(&"ada".into()) && room.room.peers().len() == 1);
    room.forget();
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!((room.told(host), room.prepared()), (vec![], 0));
    assert_eq!(room.room.stats().holdings.transports, before.holdings.transports);
}

#[test]
fn a_prepared_connection_may_prepare_and_enter_and_nothing_else() {
    let transport = |id: &str| json!({ "transportId": id });
    for info in ClientRequest::TABLE {
        let (mut room, host) = hosted();
        let ada = room.prepare_as(2, "ada", moderator());
        let own = room.transport(ada, "producer");
        let producer = room.produce(host, "audio");
        let data = json!({
            "transportId": own, "producerId": producer, "consumerId": "1", "dataProducerId": "1", "dataConsumerId": "1",
            "kind": "audio", "rtpParameters": {}, "sctpStreamParameters": {}, "label": "chat", "dtlsParameters": {},
            "producing": true, "displayName": "Ada", "peerId": "host", "peerIds": [], "text": "hello", "raised": true,
            "reaction": "clap", "locked": true, "enabled": true, "source": "audio", "moderator": false, "priority": 1,
            "spatialLayer": 0,
        });
        let before = (room.room.stats(), room.room.state());
        let answer = room.ask(ada, info.name, data);
        match info.name {
            "getRtcStatsUrl"
            | "getRouterRtpCapabilities"
            | "createWebRtcTransport"
            | "connectWebRtcTransport"
            | "restartIce"
            | "getTransportStats" => {
                assert!(answer.is_ok(), "{}: {answer:?}", info.name);
                assert_eq!(room.prepared(), 1, "{}", info.name);
            }
            "join" => assert!(answer.is_ok() && room.room.participants() == 2),
            "knock" => assert_eq!(answer, Err((409, "you were admitted already".into()))),
            name => {
                assert_eq!(answer, Err((403, "join first".into())), "{name}");
                assert_eq!((room.room.stats(), room.room.state()), before, "{name}");
            }
        }
    }
    let mut room = harness();
    let (ada, bob) = (room.prepare_as(1, "ada", guest("ada")), room.prepare_as(2, "bob", guest("bob")));
    let own = room.transport(ada, "producer");
    for method in ["restartIce", "getTransportStats"] {
        assert_eq!(room.ask(bob, method, transport(&own)).map_err(|(code, _)| code), Err(404), "{method}");
    }
}

#[test]
fn transports_become_those_of_the_seat() {
    let (mut room, host) = hosted();
    let ada = room.prepare(2, "ada");
    let transports: Vec<_> = room.open_transports.iter().cloned().collect();
    for transport in &transports {
        room.handle(Command::Media(MediaEvent::TransportConnected(transport.clone())));
    }
    let producer = room.produce(host, "audio");
    room.forget();
    room.facts.clear();
    room.now += Duration::from_mins(5);
    let joined = room.enter(ada, "Ada").expect("may join");
    assert_eq!(joined["peers"][0]["peerId"], "host");
    assert_eq!(room.told(ada)[..3], ["permissions", "answer", "roomState"].map(str::to_owned));
    assert!(room.told(host).contains(&"newPeer".to_owned()));
    assert!(room.offers().iter().any(|(to, ..)| *to == ada), "it receives {producer} on its prepared transport");
    assert_eq!((room.prepared(), room.room.participants()), (0, 2));
    assert_eq!(room.facts, [Fact::MediaConnected(Duration::ZERO), Fact::Joined(Duration::ZERO)]);
    let sending = transports.iter().find_map(|transport| {
        let data = json!({ "transportId": transport.0, "kind": "audio", "rtpParameters": {} });
        room.ask(ada, "produce", data).ok()
    });
    assert!(sending.is_some(), "it sends on its prepared transport");
    room.handle(Command::Disconnected { connection: ada });
    assert!(transports.iter().all(|transport| transport.0 == "1" || !room.open_transports.contains(transport)));
}

#[test]
fn statistics_keep_their_form_after_entering() {
    let mut room = harness();
    let ada = room.prepare(1, "ada");
    let transport = room.transport(ada, "producer");
    let stats = json!({ "transportId": transport });
    assert_eq!(room.ask(ada, "getTransportStats", stats.clone()), Ok(json!({ "stats": [1] })));
    room.enter(ada, "Ada").expect("may join");
    assert_eq!(room.ask(ada, "getTransportStats", stats), Ok(json!({ "stats": [1] })));
}

/// A room, a connection that was prepared in it, and the reason for which it may not enter.
type Refused = (&'static str, fn() -> (Harness, ConnectionId), (u16, &'static str));

#[test]
fn entering_is_decided_when_it_happens() {
    let cases: [Refused; 5] = [
        (
            "locked",
            || {
                let (mut room, host) = hosted();
                let ada = room.prepare(2, "ada");
                room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
                (room, ada)
            },
            (4000, "the meeting is locked"),
        ),
        (
            "full",
            || {
                let mut room = room_of_one();
                let ada = room.prepare(1, "ada");
                let bob = room.connect(2, "bob");
                room.join(bob, "Bob");
                (room, ada)
            },
            (4000, "the meeting is full"),
        ),
        (
            "in use",
            || {
                let mut room = harness();
                let ada = room.prepare(1, "ada");
                let other = room.connect_as(2, "ada", guest("another"));
                room.join(other, "Other");
                (room, ada)
            },
            (4000, "this peerId is in use"),
        ),
        (
            "the invitation is used",
            || {
                let invited = |id: &str| ParticipantGrant { once: Some("once".into()), ..guest(id) };
                let mut room = harness();
                let ada = room.prepare_media(1, "ada", invited("ada"));
                let bob = room.connect_as(2, "bob", invited("bob"));
                room.join(bob, "Bob");
                (room, ada)
            },
            (4000, "this invitation was used by another participant"),
        ),
        (
            "the lobby is full",
            || {
                let mut room = Harness::new(Limits { lobby: 1, ..Limits::default() });
                room.connect_as(1, "kim", waits());
                let ada = room.prepare_media(2, "ada", ParticipantGrant { lobby: true, ..guest("ada") });
                (room, ada)
            },
            (4000, "the lobby is full"),
        ),
    ];
    for (name, opened, reason) in cases {
        let (mut room, ada) = opened();
        assert_eq!(room.was_closed(ada), None, "{name}");
        let others = room.open_transports.len() - 2;
        room.enter(ada, "Ada").expect_err(name);
        assert_eq!(room.was_closed(ada), Some(reason), "{name}");
        assert_eq!(room.prepared(), 0, "{name}");
        assert_eq!((room.open_transports.len(), room.room.stats().holdings.transports), (others, others), "{name}");
    }
}

#[test]
fn a_banned_person_cannot_enter_and_loses_what_was_prepared() {
    let (mut room, host) = hosted();
    let known = || ParticipantGrant { identity: Some("user-bob".into()), ..ParticipantGrant::default() };
    let bob = room.connect_as(2, "bob", known());
    room.join(bob, "Bob");
    let (tab, other) = (room.prepare_as(3, "bob-2", known()), room.prepare(4, "ada"));
    room.ask(host, "removeParticipant", json!({ "peerId": "bob" })).expect("moderates");
    assert_eq!(room.was_closed(tab), Some((4000, "removed by a moderator")));
    let again = room.prepare_as(5, "bob", known());
    room.enter(again, "Bob").expect_err("banned");
    assert_eq!(room.was_closed(again), Some((4000, "removed by a moderator")));
    assert_eq!((room.was_closed(other), room.prepared()), (None, 1));
}

#[test]
fn the_operator_removes_prepared_connections_of_the_person_too() {
    let (mut room, _) = hosted();
    let ada = room.connect(2, "ada");
    room.join(ada, "Ada");
    let same_person = room.prepare_as(3, "ada-2", guest("ada"));
    let (same_id, other) = (room.prepare_as(4, "ada", guest("ada")), room.prepare(5, "bob"));
    room.handle(Command::Remove("ada".into()));
    for connection in [ada, same_person, same_id] {
        assert_eq!(room.was_closed(connection), Some((4000, "removed from the meeting")));
    }
    assert_eq!((room.was_closed(other), room.prepared()), (None, 1));
}

#[test]
fn another_tab_with_the_same_peer_id_goes_on_until_the_click() {
    let mut room = harness();
    let prepared = room.prepare(1, "ada");
    let joined = room.connect(2, "ada");
    room.join(joined, "Ada");
    let second = room.prepare(3, "ada");
    assert!(room.closed.is_empty());
    // The older connection enters later than the newer one.
    room.enter(prepared, "Ada").expect("the same person");
    assert_eq!(room.closed, [(joined, 4000, "replaced by a newer connection of the same peer")]);
    room.enter(second, "Ada").expect("the same person");
    assert_eq!(room.was_closed(prepared), Some((4000, "replaced by a newer connection of the same peer")));
    assert_eq!((room.room.participants(), room.open_transports.len()), (1, 2));
}

#[test]
fn a_client_without_proof_waits_for_the_silence_of_the_holder() {
    let from = |address: &str| ParticipantGrant { address: Some(address.into()), ..ParticipantGrant::default() };
    let mut room = harness();
    let old = room.connect_as(1, "demo", from("192.0.2.1"));
    room.join(old, "Demo");
    let new = room.prepare_as(2, "demo", from("192.0.2.1"));
    room.transport(new, "consumer");
    assert!(room.pinged.is_empty());
    room.request(new, 71, "join");
    assert_eq!((room.pinged.as_slice(), room.room.stats().pending), ([old].as_slice(), 1));
    assert_eq!(room.room.stats().holdings.transports, 2, "kept while it is pending");
    room.wait_for(Duration::from_secs(3));
    assert_eq!(room.was_closed(old), Some((1012, "no sign of life: please reconnect")));
    assert_eq!((room.room.participants(), room.open_transports.len()), (1, 1));
    let third = room.prepare_as(3, "demo", from("192.0.2.1"));
    room.transport(third, "consumer");
    room.request(third, 72, "join");
    room.handle(Command::SignOfLife { connection: new });
    assert_eq!(room.was_closed(third), Some((4000, "this peerId is in use")));
    assert_eq!(room.open_transports.len(), 1);
}

#[test]
fn a_join_is_held_in_the_lobby_and_answered_after_admission() {
    let (mut room, host) = hosted();
    let kim = room.prepare_as(2, "kim", ParticipantGrant { lobby: true, ..guest("kim") });
    room.transport(kim, "consumer");
    room.forget();
    room.request(kim, 71, "join");
    assert_eq!((room.told(kim), room.told(host)), (vec!["lobby".to_owned()], vec!["lobbyPeers".to_owned()]));
    room.ask(kim, "knock", json!({ "displayName": "Kim" })).expect("waits");
    assert_eq!(room.last_told(host, "lobbyPeers").expect("told")["peers"][0]["displayName"], "Kim");
    assert_eq!((room.prepared(), room.open_transports.len()), (0, 2));
    room.forget();
    room.ask(host, "admitPeer", json!({ "peerId": "kim" })).expect("kim waits");
    assert_eq!(room.told(kim)[..4], ["lobby", "permissions", "answer", "roomState"].map(str::to_owned));
    assert_eq!((room.room.participants(), room.open_transports.len()), (2, 2));
}

#[test]
fn transports_can_be_connected_and_repaired_in_the_lobby() {
    let (mut room, _) = hosted();
    let kim = room.prepare_as(2, "kim", ParticipantGrant { lobby: true, ..guest("kim") });
    let transport = room.transport(kim, "consumer");
    room.request(kim, 71, "join");
    room.ask(kim, "connectWebRtcTransport", json!({ "transportId": transport, "dtlsParameters": {} }))
        .expect("connects");
    room.ask(kim, "restartIce", json!({ "transportId": transport })).expect("is repaired");
    let (code, _) = room.ask(kim, "createWebRtcTransport", json!({ "consuming": true })).expect_err("not in the lobby");
    assert_eq!(code, 403);
    let eve = room.connect_as(3, "eve", ParticipantGrant { lobby: true, ..guest("eve") });
    let data = json!({ "transportId": transport, "dtlsParameters": {} });
    assert_eq!(room.ask(eve, "connectWebRtcTransport", data).expect_err("not hers").0, 403);
}

#[test]
fn a_knock_is_enough_to_enter_the_lobby() {
    let (mut room, host) = hosted();
    let kim = room.prepare_as(2, "kim", ParticipantGrant { lobby: true, ..guest("kim") });
    room.ask(kim, "knock", json!({ "displayName": "Kim" })).expect("waits");
    let waiting = json!({ "peers": [{ "peerId": "kim", "displayName": "Kim" }] });
    assert_eq!(room.last_told(host, "lobbyPeers"), Some(waiting));
}

/// How the connection leaves, given the room and its host.
type Way = (&'static str, fn(&mut Harness, ConnectionId, ConnectionId));

#[test]
fn every_way_out_of_the_lobby_closes_the_transports() {
    let ways: [Way; 5] = [
        ("refused", |room, host, _| {
            room.ask(host, "refusePeer", json!({ "peerId": "kim" })).expect("kim waits");
        }),
        ("left", |room, _, kim| room.handle(Command::Disconnected { connection: kim })),
        ("expired", |room, _, _| room.wait_for(Limits::default().lobby_timeout)),
        ("removed", |room, _, _| room.handle(Command::Remove("kim".into()))),
        ("ended", |room, _, _| room.handle(Command::End(End::Over))),
    ];
    for (name, leave) in ways {
        let (mut room, host) = hosted();
        let others = room.open_transports.clone();
        let kim = room.prepare_as(2, "kim", ParticipantGrant { lobby: true, ..guest("kim") });
        room.transport(kim, "consumer");
        room.request(kim, 71, "join");
        assert_eq!(room.open_transports.len(), others.len() + 1, "{name}");
        leave(&mut room, host, kim);
        assert!(room.open_transports.is_subset(&others), "{name}");
        assert_eq!(room.room.stats().holdings.transports, room.open_transports.len(), "{name}");
    }
}

#[test]
fn it_is_closed_with_the_room() {
    for (end, close) in
        [(End::Over, (4000, "meeting ended")), (End::Moved, (1012, "the meeting is moving: please reconnect"))]
    {
        let mut room = harness();
        let ada = room.prepare(1, "ada");
        room.handle(Command::End(end));
        assert_eq!((room.was_closed(ada), room.prepared()), (Some(close), 0));
        assert!(room.is_shut && room.open_transports.is_empty());
    }
    let mut room = harness();
    let ada = room.prepare(1, "ada");
    room.forget();
    room.handle(Command::Media(MediaEvent::WorkerDied));
    assert_eq!(room.was_closed(ada), Some((1012, "the media worker ended: please reconnect")));
    assert!(room.is_shut && room.operations.is_empty());
}

#[test]
fn it_does_not_keep_a_room_open() {
    let mut room = harness();
    let ada = room.prepare(1, "ada");
    assert_eq!(room.room.next_tick(), Duration::from_secs(1), "it has deadlines");
    room.wait_for(Limits::default().empty_timeout);
    assert_eq!(room.was_closed(ada), Some((1012, "the room was empty")));
    assert!(room.is_shut && room.open_transports.is_empty());
}

#[test]
fn it_is_closed_when_it_waits_for_too_long_or_loses_its_media() {
    let (mut room, _) = hosted();
    let ada = room.prepare(2, "ada");
    room.wait_for(Duration::from_secs(599));
    let bob = room.prepare(3, "bob");
    assert_eq!(room.was_closed(ada), None);
    room.wait_for(Duration::from_secs(1));
    assert_eq!((room.was_closed(ada), room.was_closed(bob)), (NO_LONGER_PREPARED, None));
    let lost = TransportId(room.transport(bob, "consumer"));
    room.handle(Command::Media(MediaEvent::TransportDisconnected(lost)));
    room.wait_for(Duration::from_secs(29));
    assert_eq!(room.was_closed(bob), None);
    room.wait_for(Duration::from_secs(1));
    assert_eq!((room.was_closed(bob), room.prepared()), (NO_LONGER_PREPARED, 0));
}

#[test]
fn media_that_was_lost_before_the_click_gets_time_to_reconnect() {
    let (mut room, _) = hosted();
    let ada = room.prepare(2, "ada");
    let lost = TransportId(room.transport(ada, "consumer"));
    room.handle(Command::Media(MediaEvent::TransportDisconnected(lost)));
    room.now += Duration::from_secs(29);
    room.enter(ada, "Ada").expect("may join");
    room.wait_for(Duration::from_secs(29));
    assert_eq!(room.was_closed(ada), None);
    room.wait_for(Duration::from_secs(1));
    assert_eq!(room.was_closed(ada), Some((1012, "media connection lost: please reconnect")));
}

#[test]
fn the_oldest_makes_place_and_participants_are_not_affected() {
    let mut room = Harness::new(Limits { prepared: 2, transports: 4, transports_per_peer: 4, ..Limits::default() });
    let (first, second) = (room.prepare(1, "a"), room.prepare(2, "b"));
    for connection in [first, second] {
        room.transport(connection, "producer");
        room.transport(connection, "producer");
        let data = json!({ "producing": true });
        assert_eq!(room.ask(connection, "createWebRtcTransport", data).map_err(|(code, _)| code), Err(429));
    }
    room.prepare(3, "c");
    assert_eq!(room.closed, [(first, 1012, "this connection is no longer prepared")]);
    assert_eq!((room.prepared(), room.open_transports.len()), (2, 6));
    assert!(room.facts.contains(&Fact::LimitReached("prepared connections")));
    let host = room.connect(4, "host");
    room.join(host, "Host");
    room.produce(host, "audio");
}

#[test]
fn a_draining_pod_prepares_no_client() {
    let (mut room, host) = hosted();
    let ada = room.prepare(2, "ada");
    room.handle(Command::StopPreparing);
    assert_eq!((room.was_closed(ada), room.was_closed(host)), (NO_LONGER_PREPARED, None));
    let connect = Connect { comes_back_only: true, prepares: true, ..client(3, "bob", guest("bob")) };
    let connection = room.arrive(connect);
    let reason = "this media pod is not accepting new participants: please reconnect";
    assert_eq!((room.was_closed(connection), room.prepared()), (Some((1012, reason)), 0));
}

#[test]
fn events_of_its_media_reach_no_client() {
    let (mut room, _) = hosted();
    let ada = room.prepare(2, "ada");
    let transport = TransportId(room.transport(ada, "consumer"));
    room.forget();
    room.facts.clear();
    let estimate = DownlinkBwe { desired_bitrate: 3, effective_desired_bitrate: 2, available_bitrate: 1 };
    room.handle(Command::CutOff { connection: ada });
    room.handle(Command::Media(MediaEvent::TransportConnected(transport.clone())));
    room.handle(Command::Media(MediaEvent::DownlinkBwe(transport, estimate)));
    room.handle(Command::SignOfLife { connection: ada });
    room.handle(Command::Answered { connection: ada, id: 1, is_ok: true });
    room.wait_for(Duration::from_secs(1));
    assert!(room.sent.is_empty() && room.facts.is_empty() && room.closed.is_empty());
    assert_eq!(room.prepared(), 1, "also while its socket is cut");
}

#[test]
fn hidden_participants_and_recorders_enter_from_a_prepared_connection() {
    let (mut room, host) = hosted();
    room.forget();
    let hidden = ParticipantGrant { hidden: true, ..guest("hidden") };
    let recorder = ParticipantGrant { recorder: true, ..guest("recorder") };
    for (number, grant) in [(2, hidden), (3, recorder)] {
        let connection = room.prepare_as(number, &format!("p{number}"), grant);
        room.transport(connection, "consumer");
        room.enter(connection, "Someone").expect("may join");
    }
    let stats = room.room.stats();
    assert_eq!((stats.participants, stats.hidden, stats.recorders), (1, 1, 1));
    assert_eq!(room.told(host), ["newPeer"], "of the recorder");
}

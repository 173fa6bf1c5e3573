//! Tests of the lobby: waiting, admission, and its effect on later connections.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ServerNotification;
use serde_json::{Value, json};

use super::matrix::{moderator, waits};
use super::{Command, ConnectionId, End, Fact, Harness, Limits, Outgoing, harness};

fn with_host() -> (Harness, ConnectionId) {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    (room, host)
}

impl Harness {
    /// The data of the last notification of a method to a connection.
    pub(super) fn last_told(&self, connection: ConnectionId, method: &str) -> Option<Value> {
        let told = self.sent.iter().rev().filter(|(to, _)| *to == connection);
        told.filter_map(|(_, message)| match message {
            Outgoing::Notification(told) => Some(json!(told)),
            _ => None,
        })
        .find(|told| told["method"] == method)
        .map(|told| told["data"].clone())
    }

    pub(super) fn was_closed(&self, connection: ConnectionId) -> Option<(u16, &'static str)> {
        let closed = self.closed.iter().find(|(closed, ..)| *closed == connection);
        closed.map(|(_, code, reason)| (*code, *reason))
    }
}

#[test]
fn a_waiting_client_and_the_moderators_are_notified() {
    let (mut room, host) = with_host();
    assert_eq!(room.last_told(host, "lobbyPeers"), Some(json!({ "peers": [] })));
    let kim = room.connect_as(2, "kim", waits());
    assert_eq!(room.told(kim), ["mediasoupVersion", "mediasoup-version", "lobby"]);
    assert_eq!(room.last_told(host, "lobbyPeers"), Some(json!({ "peers": [{ "peerId": "kim", "displayName": "" }] })));
    room.now += Duration::from_secs(1);
    let named = ParticipantGrant { name: Some("Ana from Lisbon".into()), ..waits() };
    room.connect_as(3, "ana", named);
    room.ask(kim, "knock", json!({ "displayName": " Kim " })).expect("may knock");
    let both = json!({ "peers": [
        { "peerId": "kim", "displayName": "Kim" }, { "peerId": "ana", "displayName": "Ana from Lisbon" },
    ] });
    assert_eq!(room.last_told(host, "lobbyPeers"), Some(both.clone()));
    let second = room.connect_as(4, "second", moderator());
    room.join(second, "Second");
    assert_eq!(room.last_told(second, "lobbyPeers"), Some(both));
    room.handle(Command::Disconnected { connection: kim });
    assert_eq!(room.last_told(host, "lobbyPeers").map(|told| told["peers"][0]["peerId"].clone()), Some(json!("ana")));
    assert_eq!((room.room.participants(), room.room.stats().waiting), (2, 1));
}

#[test]
fn a_client_that_knows_of_no_lobby_waits_for_its_first_answer() {
    let (mut room, host) = with_host();
    let old = room.connect_as(2, "old", waits());
    room.forget();
    for (id, method) in [(71, "getRtcStatsUrl"), (72, "getRouterRtpCapabilities")] {
        let request = convene_protocol::message::ClientRequest::parse(method, json!({})).expect("readable");
        room.handle(Command::Request { connection: old, id, request });
    }
    assert_eq!(room.told(old), [""; 0], "held");
    room.ask(host, "admitPeer", json!({ "peerId": "old" })).expect("old waits");
    assert_eq!(room.told(old), ["lobby", "permissions", "answer", "answer"]);
    let answered = room.sent.iter().filter_map(|(to, message)| match message {
        Outgoing::Success(id, _) if *to == old => Some(*id),
        _ => None,
    });
    assert_eq!(answered.collect::<Vec<_>>(), [71, 72]);
    room.join(old, "Old");
    assert_eq!(room.room.participants(), 2);
}

#[test]
fn held_requests_and_knocks_are_bounded() {
    let (mut room, _) = with_host();
    let eve = room.connect_as(2, "eve", waits());
    let mut refused = 0;
    for id in 1000..1020 {
        let request = convene_protocol::message::ClientRequest::parse("getRouterRtpCapabilities", json!({}));
        room.handle(Command::Request { connection: eve, id, request: request.expect("readable") });
        refused = room.told(eve).iter().filter(|told| *told == "error").count();
    }
    assert_eq!(refused, 16);
    let knock =
        |room: &mut Harness, number: u8| room.ask(eve, "knock", json!({ "displayName": format!("Eve {number}") }));
    for number in 0..10 {
        knock(&mut room, number).expect("may knock");
    }
    assert_eq!(knock(&mut room, 10).map_err(|(code, _)| code), Err(429));
}

#[test]
fn a_denied_client_is_closed_and_an_unknown_one_is_an_error() {
    let (mut room, host) = with_host();
    let kim = room.connect_as(2, "kim", waits());
    room.ask(host, "refusePeer", json!({ "peerId": "kim" })).expect("kim waits");
    assert_eq!(room.was_closed(kim), Some((4000, "refused by a moderator")));
    let gone = Err((404, "no client with this peerId is waiting in the lobby".to_owned()));
    assert_eq!(room.ask(host, "refusePeer", json!({ "peerId": "kim" })), gone);
    assert_eq!(room.ask(host, "admitPeer", json!({ "peerId": "kim" })), gone);
    assert_eq!(room.last_told(host, "lobbyPeers"), Some(json!({ "peers": [] })));
}

#[test]
fn all_clients_can_be_admitted_at_once_and_moderators_never_wait() {
    let (mut room, host) = with_host();
    let all = [2, 3, 4].map(|number| room.connect_as(number, &format!("p{number}"), waits()));
    let other = room.connect_as(5, "other", ParticipantGrant { lobby: true, ..moderator() });
    assert!(!room.told(other).contains(&"lobby".to_owned()));
    room.ask(host, "admitAll", json!({})).expect("moderates");
    for connection in all {
        room.join(connection, "P");
    }
    assert_eq!((room.room.participants(), room.room.stats().waiting), (4, 0));
}

#[test]
fn an_admitted_client_returns_within_a_minute_without_waiting() {
    let (mut room, host) = with_host();
    let kim = room.connect_as(2, "kim", waits());
    room.ask(host, "admitPeer", json!({ "peerId": "kim" })).expect("kim waits");
    room.handle(Command::Disconnected { connection: kim });
    room.now += Duration::from_secs(59);
    room.handle(Command::Tick);
    let again = room.connect_as(3, "kim", waits());
    room.join(again, "Kim");
    room.handle(Command::Disconnected { connection: again });
    room.now += Duration::from_mins(1);
    room.handle(Command::Tick);
    let late = room.connect_as(4, "kim", waits());
    assert_eq!(room.last_told(late, "lobby"), Some(json!({ "state": "waiting" })));
    let known = |id: &str| ParticipantGrant { identity: Some(id.into()), ..waits() };
    let other = room.connect_as(5, "kim", known("user-2"));
    assert_eq!(room.was_closed(other), Some((4000, "this peerId is in use")), "also in the lobby");
    let first = room.connect_as(6, "lee", known("user-2"));
    let again = room.connect_as(7, "lee", known("user-2"));
    assert_eq!(room.was_closed(first), Some((4000, "replaced by a newer connection of the same peer")));
    assert_eq!((room.was_closed(late), room.was_closed(again)), (None, None));
}

#[test]
fn a_lobby_is_bounded_in_people_and_time_and_keeps_the_room() {
    let mut room = Harness::new(Limits { lobby: 2, ..Limits::default() });
    let first = room.connect_as(1, "a", waits());
    let second = room.connect_as(2, "b", waits());
    let third = room.connect_as(3, "c", waits());
    assert_eq!(room.was_closed(third), Some((4000, "the lobby is full")));
    assert!(room.facts.contains(&Fact::LimitReached("lobby")));
    room.now += Duration::from_mins(14);
    room.handle(Command::Tick);
    assert!(!room.is_shut && room.was_closed(first).is_none(), "a meeting without moderator waits");
    room.now += Duration::from_mins(1);
    room.handle(Command::Tick);
    for connection in [first, second] {
        assert_eq!(room.was_closed(connection), Some((4000, "no moderator admitted you")));
    }
    assert!(!room.is_shut, "the time of an empty room begins when the last has gone");
    room.now += Limits::default().empty_timeout;
    room.handle(Command::Tick);
    assert!(room.is_shut);
}

#[test]
fn a_lock_does_not_hold_back_a_client_that_is_admitted() {
    let (mut room, host) = with_host();
    let kim = room.connect_as(2, "kim", waits());
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
    let late = room.connect_as(3, "late", waits());
    assert_eq!(room.was_closed(late), Some((4000, "the meeting is locked")));
    room.ask(host, "admitPeer", json!({ "peerId": "kim" })).expect("kim waits");
    room.join(kim, "Kim");
}

#[test]
fn a_waiting_client_learns_of_every_end() {
    for (end, code) in [(End::Over, 4000), (End::Moved, 1012)] {
        let mut room = harness();
        let kim = room.connect_as(1, "kim", waits());
        room.handle(Command::End(end));
        assert_eq!(room.was_closed(kim).map(|(code, _)| code), Some(code));
        assert_eq!(room.room.stats().waiting, 0);
    }
    let mut room = harness();
    let kim = room.connect_as(1, "kim", waits());
    room.handle(Command::Media(super::MediaEvent::WorkerDied));
    assert_eq!(room.was_closed(kim), Some((1012, "the media worker ended: please reconnect")));
    let mut room = harness();
    let kim = room.connect_as(1, "kim", waits());
    assert!(room.room.has(&"kim".into()), "the operator may remove who waits");
    room.handle(Command::Remove("kim".into()));
    assert_eq!(room.was_closed(kim), Some((4000, "removed from the meeting")));
}

#[test]
fn only_moderators_are_notified_of_the_lobby() {
    let (mut room, _) = with_host();
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    let kim = room.connect_as(3, "kim", waits());
    let is_about_kim = |message: &Outgoing| {
        matches!(message, Outgoing::Notification(ServerNotification::LobbyPeers(_) | ServerNotification::NewPeer(_)))
    };
    assert!(!room.sent.iter().any(|(to, message)| *to == bob && is_about_kim(message)));
    room.handle(Command::Disconnected { connection: kim });
    assert!(!room.told(bob).contains(&"peerClosed".to_owned()));
}

/// A client that has a seat but has not joined is no participant: what moderators decide meanwhile applies to it.
#[test]
fn a_client_that_has_not_joined_yet_waits_in_a_lobby_that_is_turned_on() {
    let (mut room, host) = with_host();
    let eve = room.connect_as(2, "eve", ParticipantGrant::default());
    let bob = room.connect_as(3, "bob", ParticipantGrant::default());
    room.join(bob, "Bob");
    room.ask(host, "setRoomLobby", json!({ "enabled": true })).expect("moderates");
    let joined = room.ask(eve, "join", json!({ "displayName": "Eve" }));
    assert_eq!(joined, Err((403, "a moderator has changed who may join".into())));
    assert_eq!(room.was_closed(eve).map(|(code, _)| code), Some(1012));
    assert_eq!(room.was_closed(bob), None);
    let again = room.connect_as(4, "eve", ParticipantGrant::default());
    assert_eq!(room.told(again).last().map(String::as_str), Some("lobby"));
}

//! Tests of ownership of a peerId, bans, and the state that outlives the room.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use serde_json::json;

use super::matrix::moderator;
use crate::room::Snapshot;

use super::{
    Command, Connect, ConnectionId, End, Harness, Limits, MediaEvent, MeetingSettings, PeerId, guest, harness,
};

const IN_USE: Option<(u16, &str)> = Some((4000, "this peerId is in use"));
const REMOVED: Option<(u16, &str)> = Some((4000, "removed by a moderator"));
const LOCKED: Option<(u16, &str)> = Some((4000, "the meeting is locked"));

fn from(address: &str) -> ParticipantGrant {
    ParticipantGrant { address: Some(address.into()), ..ParticipantGrant::default() }
}

fn guest_from(id: &str, address: &str) -> ParticipantGrant {
    ParticipantGrant { address: Some(address.into()), ..guest(id) }
}

fn known(identity: &str) -> ParticipantGrant {
    ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() }
}

impl Harness {
    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.handle(Command::Tick);
    }

    /// The next room of a meeting.
    fn successor(keepsake: Option<Snapshot>) -> Self {
        let mut next = harness();
        next.room = super::Room::new(Limits::default(), MeetingSettings::default(), json!({}), "1".into(), 0, keepsake);
        next
    }
}

#[test]
fn a_seat_is_given_to_proof_and_to_nothing_else() {
    let cases: [(&str, ParticipantGrant, ParticipantGrant, bool); 9] = [
        ("the same guest", guest("g"), guest("g"), true),
        ("the same guest elsewhere", guest_from("g", "192.0.2.1"), guest_from("g", "192.0.2.2"), true),
        ("the same identity", known("ada"), known("ada"), true),
        ("another guest", guest_from("g", "192.0.2.1"), guest_from("h", "192.0.2.1"), false),
        ("another identity", known("ada"), known("eve"), false),
        ("an identity of a guest", guest("g"), known("g"), false),
        ("nothing against a guest", guest_from("g", "192.0.2.1"), from("192.0.2.1"), false),
        ("a guest against nothing", from("192.0.2.1"), guest_from("g", "192.0.2.1"), false),
        ("nothing from another address", from("192.0.2.1"), from("192.0.2.2"), false),
    ];
    for (name, holder, claimant, is_theirs) in cases {
        let mut room = harness();
        let first = room.connect_as(1, "ada", holder);
        room.join(first, "Ada");
        let second = room.connect_as(2, "ada", claimant);
        room.wait(10);
        if is_theirs {
            assert_eq!(room.was_closed(first).map(|(code, _)| code), Some(4000), "{name}");
            assert_eq!(room.was_closed(second), None, "{name}");
        } else {
            assert_eq!((room.was_closed(first), room.was_closed(second)), (None, IN_USE), "{name}");
        }
    }
}

#[test]
fn the_secret_of_a_session_is_proof() {
    let mut room = harness();
    let old = room.connect_as(1, "ada", from("192.0.2.1"));
    room.join(old, "Ada");
    room.set(|settings| settings.locked = true);
    let (connection, grant) = (ConnectionId(2), from("192.0.2.99"));
    let connected = |proves| {
        let (peer, grant) = (PeerId::from("ada"), grant.clone());
        let (prepares, moves) = (false, false);
        let comes_back_only = true;
        Command::Connected(Connect { connection, peer, grant, replicas: 0, comes_back_only, proves, prepares, moves })
    };
    room.handle(connected(Some(ConnectionId(7))));
    assert_eq!(room.was_closed(connection), IN_USE, "another connection's");
    room.closed.clear();
    room.handle(connected(Some(old)));
    assert_eq!((room.was_closed(connection), room.was_closed(old).is_some()), (None, true));
    room.ask(connection, "join", json!({ "displayName": "Ada" })).expect("no lock is for who was in");
}

#[test]
fn an_unproven_client_gets_only_the_seat_of_a_dead_connection() {
    let mut room = harness();
    let old = room.connect_as(1, "demo", from("192.0.2.1"));
    room.join(old, "Demo");
    let new = room.connect_as(2, "demo", from("192.0.2.1"));
    assert_eq!(room.pinged, [old]);
    room.handle(Command::SignOfLife { connection: old });
    assert_eq!((room.was_closed(old), room.was_closed(new)), (None, IN_USE));

    let third = room.connect_as(3, "demo", from("192.0.2.1"));
    room.handle(Command::Request {
        connection: third,
        id: 77,
        request: super::ClientRequest::parse("getRouterRtpCapabilities", json!({})).expect("readable"),
    });
    assert_eq!(room.told(third), [""; 0], "answered when it is in");
    room.wait(2);
    assert_eq!(room.was_closed(old), None);
    room.wait(1);
    assert_eq!(room.was_closed(old), Some((1012, "no sign of life: please reconnect")));
    assert_eq!(room.told(third), ["mediasoupVersion", "mediasoup-version", "permissions", "answer"]);
    room.join(third, "Demo");
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn a_newer_claim_takes_the_place_of_an_older_one_and_one_that_leaves_is_forgotten() {
    let mut room = harness();
    room.connect_as(1, "demo", from("192.0.2.1"));
    let second = room.connect_as(2, "demo", from("192.0.2.1"));
    let third = room.connect_as(3, "demo", from("192.0.2.1"));
    assert_eq!(room.was_closed(second), Some((4000, "replaced by a newer connection of the same peer")));
    room.handle(Command::Disconnected { connection: third });
    room.wait(5);
    assert_eq!(room.room.stats().pending, 0);
    assert_eq!(room.closed.len(), 1, "the first stays");
}

#[test]
fn a_claim_is_settled_as_soon_as_the_holder_leaves() {
    let mut room = harness();
    let old = room.connect_as(1, "demo", from("192.0.2.1"));
    room.join(old, "Demo");
    let new = room.connect_as(2, "demo", from("192.0.2.1"));
    room.handle(Command::Disconnected { connection: old });
    room.join(new, "Demo");
    room.wait(5);
    assert_eq!(room.closed, []);
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn nothing_unproven_passes_a_lock() {
    let mut room = harness();
    let demo = room.connect_as(1, "demo", from("192.0.2.1"));
    room.join(demo, "Demo");
    room.set(|settings| settings.locked = true);
    let again = room.connect_as(2, "demo", from("192.0.2.1"));
    assert_eq!(room.was_closed(again), IN_USE);
    room.handle(Command::Disconnected { connection: demo });
    let late = room.connect_as(3, "demo", from("192.0.2.1"));
    assert_eq!(room.was_closed(late), LOCKED);
}

#[test]
fn a_returning_guest_passes_the_lock_with_any_peer_id() {
    let mut room = harness();
    let ada = room.connect_as(1, "ada", guest("g-ada"));
    room.join(ada, "Ada");
    room.set(|settings| settings.locked = true);
    room.handle(Command::Disconnected { connection: ada });
    let eve = room.connect_as(2, "ada", guest("g-eve"));
    assert_eq!(room.was_closed(eve), LOCKED, "the peerId is no ticket");
    let ada = room.connect_as(3, "another", guest("g-ada"));
    assert_eq!(room.was_closed(ada), None);
    room.ask(ada, "join", json!({ "displayName": "Ada" })).expect("was in");
}

#[test]
fn a_removed_guest_stays_out_by_browser_and_waits_by_address() {
    let mut room = harness();
    let host = room.connect_as(1, "host", ParticipantGrant { identity: Some("host".into()), ..moderator() });
    let bob = room.connect_as(2, "bob", guest_from("g-bob", "192.0.2.1"));
    let tab = room.connect_as(3, "bob-2", guest_from("g-bob", "192.0.2.1"));
    let ada = room.connect_as(4, "ada", guest_from("g-ada", "192.0.2.2"));
    for (connection, name) in [(host, "Host"), (bob, "Bob"), (tab, "Bob"), (ada, "Ada")] {
        room.join(connection, name);
    }
    room.ask(host, "removeParticipant", json!({ "peerId": "bob" })).expect("moderates");
    assert_eq!((room.was_closed(bob), room.was_closed(tab)), (REMOVED, REMOVED), "both are the same guest's");
    let reload = room.connect_as(5, "fresh", guest_from("g-bob", "192.0.2.77"));
    assert_eq!(room.was_closed(reload), REMOVED, "a reload or another network is not enough");
    let stolen = room.connect_as(6, "ada", guest_from("g-bob", "192.0.2.1"));
    assert_eq!(room.was_closed(stolen), IN_USE, "nor is the peerId of another guest");
    assert_eq!(room.was_closed(ada), None);

    let other_browser = room.connect_as(7, "fresh", guest_from("g-new", "192.0.2.1"));
    assert_eq!(room.told(other_browser), ["mediasoupVersion", "mediasoup-version", "lobby"]);
    let colleague = room.connect_as(8, "kim", ParticipantGrant { address: Some("192.0.2.1".into()), ..known("kim") });
    room.join(colleague, "Kim");
    let stranger = room.connect_as(9, "tom", guest_from("g-tom", "192.0.2.3"));
    room.join(stranger, "Tom");
    room.ask(host, "admitPeer", json!({ "peerId": "fresh" })).expect("waits");
    room.join(other_browser, "Admitted");
    room.wait(15 * 60);
    let later = room.connect_as(10, "later", guest_from("g-later", "192.0.2.1"));
    room.join(later, "Later");
}

#[test]
fn a_moderator_may_remove_another_tab_and_still_return() {
    let mut room = harness();
    let host = room.connect_as(1, "host", ParticipantGrant { moderator: true, ..guest("g-host") });
    let tab = room.connect_as(2, "tab", ParticipantGrant { moderator: true, ..guest("g-host") });
    room.join(host, "Host");
    room.join(tab, "Host");
    room.ask(host, "removeParticipant", json!({ "peerId": "tab" })).expect("moderates");
    assert_eq!((room.was_closed(tab), room.was_closed(host)), (REMOVED, None));
    let again = room.connect_as(3, "host", ParticipantGrant { moderator: true, ..guest("g-host") });
    room.join(again, "Host");
}

#[test]
fn an_admitted_guest_need_not_wait_again() {
    let waits = |id: &str| ParticipantGrant { lobby: true, ..guest(id) };
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    let kim = room.connect_as(2, "kim", waits("g-kim"));
    room.ask(host, "admitPeer", json!({ "peerId": "kim" })).expect("waits");
    room.join(kim, "Kim");
    room.handle(Command::Disconnected { connection: kim });
    room.wait(600);
    let again = room.connect_as(3, "other-id", waits("g-kim"));
    room.join(again, "Kim");
    let eve = room.connect_as(4, "kim", waits("g-eve"));
    assert_eq!(room.told(eve).last().map(String::as_str), Some("lobby"));
}

#[test]
fn a_lobby_at_run_time_lets_newcomers_wait() {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    room.ask(host, "setRoomLobby", json!({ "enabled": true })).expect("moderates");
    assert_eq!(room.last_told(host, "roomState").map(|state| state["lobby"].clone()), Some(json!(true)));
    let ada = room.connect(2, "ada");
    assert_eq!(room.told(ada).last().map(String::as_str), Some("lobby"));
    room.ask(host, "setRoomLobby", json!({ "enabled": false })).expect("moderates");
    let bob = room.connect(3, "bob");
    room.join(bob, "Bob");
    assert_eq!(room.room.stats().waiting, 1, "a moderator decides about those who wait already");
}

/// A meeting with a lock, a removed guest, a raised hand and a chat message.
fn eventful() -> (Harness, ConnectionId) {
    let mut room = harness();
    let host = room.connect_as(1, "host", moderator());
    let ada = room.connect_as(2, "ada", guest("g-ada"));
    let bob = room.connect_as(3, "bob", guest("g-bob"));
    for (connection, name) in [(host, "Host"), (ada, "Ada"), (bob, "Bob")] {
        room.join(connection, name);
    }
    room.ask(host, "removeParticipant", json!({ "peerId": "bob" })).expect("moderates");
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
    room.ask(ada, "raiseHand", json!({ "raised": true })).expect("is in");
    room.ask(ada, "sendChatMessage", json!({ "text": "hello" })).expect("is in");
    (room, ada)
}

#[test]
fn after_an_interruption_everything_goes_on_as_decided() {
    for is_broken in [true, false] {
        let (mut room, _) = eventful();
        room.handle(Command::Media(MediaEvent::WorkerDied));
        let mut next = Harness::successor(room.room.snapshot(is_broken));
        let bob = next.connect_as(1, "bob", guest("g-bob"));
        assert_eq!(next.was_closed(bob), REMOVED);
        let eve = next.connect_as(2, "eve", guest("g-eve"));
        assert_eq!(next.was_closed(eve), LOCKED);
        let ada = next.connect_as(3, "ada", guest("g-ada"));
        next.join(ada, "Ada");
        let history = next.ask(ada, "getChatHistory", json!({})).expect("is in");
        assert_eq!(history["messages"][0]["text"], "hello");
        let host = next.connect_as(4, "host", moderator());
        let answer = next.join(host, "Host");
        assert_eq!(answer["peers"][0]["handRaised"], json!(true));
    }
}

#[test]
fn an_empty_meeting_keeps_what_was_decided_and_forgets_what_was_said() {
    let (mut room, ada) = eventful();
    room.handle(Command::Disconnected { connection: ada });
    room.handle(Command::Disconnected { connection: ConnectionId(1) });
    room.now += Limits::default().empty_timeout;
    room.handle(Command::Tick);
    assert!(room.is_shut);
    let mut next = Harness::successor(room.room.snapshot(false));
    let bob = next.connect_as(1, "bob", guest("g-bob"));
    assert_eq!(next.was_closed(bob), REMOVED);
    let ada = next.connect_as(2, "ada", guest("g-ada"));
    assert_eq!(next.was_closed(ada), LOCKED, "no participant was in when it ended");
    let host = next.connect_as(3, "host", moderator());
    next.join(host, "Host");
    let history = next.ask(host, "getChatHistory", json!({})).expect("is in");
    assert_eq!(history["messages"], json!([]));
}

#[test]
fn a_meeting_that_was_ended_leaves_nothing() {
    let (mut room, _) = eventful();
    room.handle(Command::End(End::Over));
    assert!(room.room.snapshot(false).is_none());
    let (mut room, _) = eventful();
    room.ask(ConnectionId(1), "endMeeting", json!({})).expect("moderates");
    assert!(room.room.snapshot(false).is_none());
}

/// A locked meeting that has just moved here.
fn moved() -> Harness {
    let returning = Some(Duration::from_mins(1));
    let mut room =
        Harness::with(Limits::default(), MeetingSettings { is_locked: true, returning, ..MeetingSettings::default() });
    room.handle(Command::Tick);
    room
}

fn tell_returning(room: &mut Harness, people: &[&ParticipantGrant]) {
    let returning = people.iter().filter_map(|grant| grant.person()).collect();
    let settings = room.room.settings();
    room.handle(Command::Update { settings, returning: Some(returning) });
}

#[test]
fn after_a_move_a_locked_meeting_is_open_only_to_its_former_participants() {
    let mut room = moved();
    assert!(room.room.stats().awaits_returning);
    let ada = room.connect_as(1, "ada", guest("g-ada"));
    let eve = room.connect_as(2, "eve", guest("g-eve"));
    let demo = room.connect_as(3, "demo", from("192.0.2.1"));
    assert_eq!(room.was_closed(demo), LOCKED, "it has no proof of identity");
    assert_eq!(room.closed.len(), 1, "the others wait for the list");
    tell_returning(&mut room, &[&guest("g-ada"), &guest("g-bob")]);
    assert_eq!((room.was_closed(ada), room.was_closed(eve)), (None, LOCKED));
    room.join(ada, "Ada");
    let bob = room.connect_as(4, "bob", guest("g-bob"));
    room.join(bob, "Bob");
    let tom = room.connect_as(5, "tom", guest("g-tom"));
    assert_eq!(room.was_closed(tom), LOCKED);
    room.wait(60);
    let late = room.connect_as(6, "late", guest("g-bob"));
    room.handle(Command::Disconnected { connection: bob });
    assert_eq!(room.was_closed(late), None, "in until now");
}

#[test]
fn a_stranger_does_not_displace_one_who_waits_for_the_list_of_participants() {
    let mut room = moved();
    let ada = room.connect_as(1, "ada", guest("g-ada"));
    let eve = room.connect_as(2, "ada", guest("g-eve"));
    assert_eq!(room.was_closed(eve).map(|(code, _)| code), Some(1012));
    tell_returning(&mut room, &[&guest("g-ada")]);
    assert_eq!(room.was_closed(ada), None);
    room.join(ada, "Ada");
}

#[test]
fn without_the_list_people_are_asked_to_come_back_and_then_the_lock_holds() {
    let mut room = moved();
    let ada = room.connect_as(1, "ada", guest("g-ada"));
    room.wait(5);
    assert_eq!(room.was_closed(ada), Some((1012, "the meeting has moved: please reconnect")));
    let again = room.connect_as(2, "ada", guest("g-ada"));
    room.wait(60);
    assert_eq!(room.was_closed(again), LOCKED);
    assert!(!room.room.stats().awaits_returning);
    let late = room.connect_as(3, "ada", guest("g-ada"));
    assert_eq!(room.was_closed(late), LOCKED);
}

#[test]
fn only_locked_meetings_report_their_people() {
    let mut room = harness();
    let ada = room.connect_as(1, "ada", guest("g-ada"));
    room.join(ada, "Ada");
    let bob = room.connect_as(2, "bob", guest("g-bob"));
    room.join(bob, "Bob");
    room.connect_as(3, "eve", guest("g-eve"));
    assert_eq!(room.room.people_of_a_locked_meeting(), [""; 0]);
    room.set(|settings| settings.locked = true);
    room.handle(Command::Disconnected { connection: bob });
    let mut expected: Vec<_> = [guest("g-ada"), guest("g-bob")].iter().filter_map(ParticipantGrant::person).collect();
    expected.sort();
    assert_eq!(room.room.people_of_a_locked_meeting(), expected, "who has not joined was not in");
    room.wait(60);
    assert_eq!(room.room.people_of_a_locked_meeting().len(), 1);
}

//! Viewers: what they may do, what the others learn of them, and how they come on stage.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ServerNotification as Told;
use serde_json::json;

use super::matrix::moderator;
use super::{Command, ConnectionId, Harness, Limits, Outgoing, PeerId, client, guest};

fn viewer(name: &str) -> ParticipantGrant {
    ParticipantGrant { viewer: true, ..guest(name) }
}

impl Harness {
    fn second(&mut self) {
        self.now += Duration::from_secs(1);
        self.handle(Command::Tick);
    }

    fn view(&mut self, connection: u64, peer: &str) -> ConnectionId {
        let connection = self.connect_as(connection, peer, viewer(peer));
        self.join(connection, peer);
        connection
    }
}

/// A host, bob who sends, and vera who views.
fn stage() -> (Harness, ConnectionId, ConnectionId, ConnectionId) {
    let mut room = Harness::new(Limits { transports_per_peer: 16, ..Limits::default() });
    let (host, bob) = (room.connect_as(1, "host", moderator()), room.connect_as(2, "bob", guest("bob")));
    room.join(host, "Host");
    room.join(bob, "Bob");
    room.produce(bob, "audio");
    let vera = room.view(3, "vera");
    room.second();
    (room, host, bob, vera)
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_viewer_sees_all_and_is_only_counted() {
    let mut room = Harness::new(Limits::default());
    let host = room.connect_as(1, "host", moderator());
    room.join(host, "Host");
    room.produce(host, "video");
    room.forget();
    let vera = room.connect_as(2, "vera", viewer("vera"));
    let answer = room.join(vera, "Vera");
    assert_eq!(answer["peers"][0]["peerId"], "host");
    assert_eq!(room.offers().len(), 1, "the host's camera");
    assert_eq!(room.last_told(vera, "permissions").expect("told")["viewer"], true);
    assert_eq!(room.told(host), none(), "nothing before the next second");
    room.second();
    assert_eq!(room.last_told(host, "viewers"), Some(json!({ "count": 1 })));
    assert_eq!(room.last_told(vera, "viewers"), Some(json!({ "count": 1 })));
    assert_eq!((room.room.participants(), room.room.stats().viewers), (2, 1));
    room.forget();
    room.ask(vera, "changeDisplayName", json!({ "displayName": "V" })).expect("may");
    room.handle(Command::Disconnected { connection: vera });
    assert_eq!(room.told(host), none());
    room.second();
    assert_eq!(room.told(host), ["viewers"]);
    assert_eq!(room.last_told(host, "viewers"), Some(json!({ "count": 0 })));
}

#[test]
fn a_crowd_costs_one_notification_a_second() {
    let (mut room, host, _, _) = stage();
    room.forget();
    for number in 10..60 {
        room.view(number, &format!("viewer-{number}"));
    }
    assert_eq!(room.told(host), none());
    room.second();
    assert_eq!(room.told(host), ["viewers"]);
    room.forget();
    room.second();
    assert_eq!(room.told(host), none(), "nothing has changed");
    assert!(room.pinged.is_empty() || !room.pinged.iter().any(|one| one.0 >= 10), "viewers are not watched");
}

#[test]
fn viewers_count_for_the_limit_of_the_meeting() {
    let mut room = Harness::new(Limits { peers: 2, ..Limits::default() });
    room.view(1, "one");
    room.view(2, "two");
    let late = room.connect_as(3, "late", viewer("late"));
    assert_eq!(room.closed.last().map(|(connection, ..)| *connection), Some(late));
}

#[test]
fn a_hand_is_known_to_moderators_and_its_viewer() {
    let (mut room, host, bob, vera) = stage();
    let wolf = room.view(4, "wolf");
    room.second();
    room.forget();
    for connection in [wolf, vera] {
        room.ask(connection, "raiseHand", json!({ "raised": true })).expect("may");
    }
    assert_eq!(room.told(wolf), ["handRaised", "answer"]);
    room.second();
    assert_eq!(room.told(bob), none());
    let hands = json!({ "count": 2, "hands": [
        { "peerId": "wolf", "displayName": "wolf" }, { "peerId": "vera", "displayName": "vera" },
    ] });
    assert_eq!(room.last_told(host, "viewerHands"), Some(hands.clone()));
    // Another moderator learns of them at once.
    room.ask(host, "setModerator", json!({ "peerId": "bob", "moderator": true })).expect("moderates");
    assert_eq!(room.last_told(bob, "viewerHands"), Some(hands));
    room.ask(host, "lowerHand", json!({ "peerId": "wolf" })).expect("moderates");
    assert_eq!(room.last_told(wolf, "handRaised"), Some(json!({ "peerId": "wolf", "raised": false })));
    room.handle(Command::Disconnected { connection: vera });
    room.second();
    assert_eq!(room.last_told(host, "viewerHands"), Some(json!({ "count": 0, "hands": [] })));
}

#[test]
fn only_the_first_hands_are_listed() {
    let (mut room, host, _, _) = stage();
    for number in 10..90 {
        let one = room.view(number, &format!("viewer-{number}"));
        room.ask(one, "raiseHand", json!({ "raised": true })).expect("may");
    }
    room.second();
    let told = room.last_told(host, "viewerHands").expect("told");
    assert_eq!((told["count"].as_u64(), told["hands"].as_array().map(Vec::len)), (Some(80), Some(50)));
    assert_eq!(told["hands"][0]["peerId"], "viewer-10");
}

#[test]
fn a_viewer_comes_on_stage_sends_and_leaves_it() {
    let (mut room, host, bob, vera) = stage();
    room.ask(vera, "raiseHand", json!({ "raised": true })).expect("may");
    room.second();
    room.forget();
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": false })).expect("moderates");
    assert_eq!(room.told(bob), ["newPeer"]);
    assert_eq!(room.told(vera), ["handRaised", "permissions", "newDataConsumer"]);
    let permissions = room.last_told(vera, "permissions").expect("told");
    assert_eq!((&permissions["viewer"], &permissions["publish"]["audio"]), (&json!(false), &json!(true)));
    room.produce(vera, "audio");
    assert_eq!(room.offers().len(), 2, "to host and bob");
    room.second();
    assert_eq!(room.last_told(bob, "viewers"), Some(json!({ "count": 0 })));
    assert_eq!(room.last_told(host, "viewerHands"), Some(json!({ "count": 0, "hands": [] })));
    room.ask(vera, "raiseHand", json!({ "raised": true })).expect("may");
    assert_eq!(room.last_told(bob, "handRaised"), Some(json!({ "peerId": "vera", "raised": true })));
    room.forget();
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": true })).expect("moderates");
    assert_eq!(room.told(bob), ["handRaised", "consumerClosed", "peerClosed"]);
    assert_eq!(room.room.tracks.counts(&PeerId::from("vera")).producers, 0);
    assert_eq!(room.last_told(vera, "permissions").expect("told")["viewer"], true);
    let transport = room.transport(vera, "producer");
    let produce = json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    assert_eq!(room.ask(vera, "produce", produce).map_err(|(code, _)| code), Err(403));
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": false })).expect("moderates");
    assert_eq!(room.last_told(bob, "newPeer").expect("told")["sends"]["audio"], false);
    room.forget();
    room.produce(vera, "audio");
    assert_eq!(room.last_told(bob, "peerSends").expect("told")["sends"]["audio"], true);
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": true })).expect("moderates");
    room.forget();
    room.handle(Command::Disconnected { connection: vera });
    assert_eq!(room.told(bob), none(), "it was gone before");
}

#[test]
fn what_moderators_decided_lasts_for_those_who_prove_who_they_are() {
    let (mut room, host, bob, _) = stage();
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": false })).expect("moderates");
    room.ask(host, "setPermissions", json!({ "peerId": "bob", "viewer": true })).expect("moderates");
    let again = |room: &mut Harness, connection: u64, name: &str, grant| {
        let connection = room.connect_as(connection, name, grant);
        room.last_told(connection, "permissions").expect("told")["viewer"].clone()
    };
    assert_eq!(again(&mut room, 11, "vera", viewer("vera")), false);
    assert_eq!(again(&mut room, 12, "bob", guest("bob")), true);
    assert!(room.closed.iter().any(|(connection, ..)| *connection == bob), "replaced");
    // Without a proof only the restriction lasts.
    let plain = |is_viewer| ParticipantGrant { viewer: is_viewer, ..ParticipantGrant::default() };
    for (number, name, is_viewer) in [(20, "kim", true), (21, "tom", false)] {
        let one = room.connect_as(number, name, plain(is_viewer));
        room.join(one, name);
        let change = json!({ "peerId": name, "viewer": !is_viewer });
        room.ask(host, "setPermissions", change).expect("moderates");
        room.handle(Command::Disconnected { connection: one });
    }
    assert_eq!(again(&mut room, 30, "kim", plain(true)), true);
    assert_eq!(again(&mut room, 31, "tom", plain(false)), true);
}

#[test]
fn a_moderator_is_no_viewer_and_a_recorder_stays_visible() {
    let (mut room, host, bob, vera) = stage();
    let myself = room.ask(host, "setPermissions", json!({ "peerId": "host", "viewer": true }));
    assert_eq!(myself.map_err(|(code, _)| code), Err(409));
    room.ask(host, "setModerator", json!({ "peerId": "vera", "moderator": true })).expect("moderates");
    assert_eq!(room.last_told(bob, "newPeer").expect("told")["moderator"], true);
    room.ask(host, "setPermissions", json!({ "peerId": "vera", "viewer": true })).expect("moderates");
    let permissions = room.last_told(vera, "permissions").expect("told");
    assert_eq!((&permissions["viewer"], &permissions["moderator"]), (&json!(true), &json!(false)));
    let tape = room.connect_as(5, "tape", ParticipantGrant { recorder: true, ..guest("tape") });
    room.join(tape, "Tape");
    let hide = room.ask(host, "setPermissions", json!({ "peerId": "tape", "viewer": true }));
    assert_eq!(hide.map_err(|(code, _)| code), Err(409));
}

#[test]
fn reactions_of_viewers_have_no_name_and_many_are_sampled() {
    let (mut room, host, bob, vera) = stage();
    room.forget();
    room.ask(vera, "sendReaction", json!({ "reaction": "clap" })).expect("may");
    assert_eq!(room.last_told(bob, "reaction"), Some(json!({ "reaction": "clap" })));
    room.ask(bob, "sendReaction", json!({ "reaction": "clap" })).expect("may");
    assert_eq!(room.last_told(host, "reaction"), Some(json!({ "peerId": "bob", "reaction": "clap" })));
    room.second();
    let crowd: Vec<_> = (10..60).map(|number| room.view(number, &format!("viewer-{number}"))).collect();
    room.forget();
    for one in crowd {
        room.ask(one, "sendReaction", json!({ "reaction": "party" })).expect("succeeds");
    }
    assert_eq!(room.told(host).len(), 10);
    room.forget();
    room.now += Duration::from_millis(300);
    room.ask(bob, "sendReaction", json!({ "reaction": "clap" })).expect("may");
    assert_eq!(room.told(host), ["reaction"], "viewers take nothing from the stage");
}

#[test]
fn viewers_write_in_turn() {
    let (mut room, _, bob, vera) = stage();
    let follow = |room: &mut Harness, one| room.ask(one, "getChatHistory", json!({ "follow": true }));
    follow(&mut room, bob).expect("may");
    let crowd: Vec<_> = (10..20).map(|number| room.view(number, &format!("viewer-{number}"))).collect();
    let write = |room: &mut Harness, one| room.ask(one, "sendChatMessage", json!({ "text": "hi" })).err();
    let refused: Vec<_> = crowd.iter().filter_map(|one| write(&mut room, *one)).map(|(code, _)| code).collect();
    assert_eq!(refused, [429; 5]);
    assert_eq!(write(&mut room, bob), None, "those on stage do not wait for viewers");
    room.second();
    assert_eq!(write(&mut room, vera), None);
}

#[test]
fn a_viewer_writes_slowly_and_on_no_data_channel() {
    let (mut room, _, _, vera) = stage();
    room.forget();
    let write = |room: &mut Harness| room.ask(vera, "sendChatMessage", json!({ "text": "hi" })).err();
    assert_eq!(write(&mut room), None);
    assert!(room.operations.is_empty(), "no channel is created for it: {:?}", room.operations);
    assert_eq!(write(&mut room).map(|(code, _)| code), Some(429));
    room.second();
    room.second();
    assert_eq!(write(&mut room), None);
    assert!(room.data_offers(vera).is_empty());
}

#[test]
fn whatever_was_decided_a_recorder_is_seen_and_a_hidden_participant_is_no_viewer() {
    let (mut room, host, _, _) = stage();
    let known = |grant: ParticipantGrant| ParticipantGrant { identity: Some("kim".into()), ..grant };
    let kim = room.connect_as(5, "kim", known(ParticipantGrant::default()));
    room.join(kim, "Kim");
    room.ask(host, "setPermissions", json!({ "peerId": "kim", "viewer": true })).expect("moderates");
    let viewers = room.room.stats().viewers;
    let tape = room.connect_as(6, "tape", known(ParticipantGrant { recorder: true, ..ParticipantGrant::default() }));
    room.join(tape, "Tape");
    assert_eq!(room.last_told(host, "newPeer").expect("seen")["recorder"], true);
    let ghost = room.connect_as(7, "ghost", known(ParticipantGrant { hidden: true, ..ParticipantGrant::default() }));
    room.join(ghost, "Ghost");
    assert_eq!(room.room.stats().viewers, viewers);
}

#[test]
fn a_moderator_does_not_become_a_viewer_by_another_page_of_its_own() {
    let mut room = Harness::new(Limits::default());
    let ada = || ParticipantGrant { identity: Some("ada".into()), ..moderator() };
    let (first, second) = (room.connect_as(1, "ada-1", ada()), room.connect_as(2, "ada-2", ada()));
    room.join(first, "Ada");
    room.join(second, "Ada");
    let answer = room.ask(first, "setPermissions", json!({ "peerId": "ada-2", "viewer": true }));
    assert_eq!(answer.map_err(|(code, _)| code), Err(409));
}

#[test]
fn a_viewer_cannot_be_asked_to_unmute() {
    let (mut room, host, _, _) = stage();
    assert_eq!(room.ask(host, "askToUnmute", json!({ "peerId": "vera" })).map_err(|(code, _)| code), Err(409));
}

#[test]
fn a_hand_stays_raised_over_a_reconnection() {
    let (mut room, host, _, vera) = stage();
    room.ask(vera, "raiseHand", json!({ "raised": true })).expect("may");
    room.handle(Command::Disconnected { connection: vera });
    room.second();
    let again = room.view(9, "vera");
    assert_eq!(room.last_told(again, "handRaised"), Some(json!({ "peerId": "vera", "raised": true })));
    room.second();
    assert_eq!(room.last_told(host, "viewerHands").expect("told")["count"], 1);
}

#[test]
fn a_large_audience_moves_in_larger_groups() {
    let mut room = Harness::new(Limits { peers: 1000, unjoined: 1000, ..Limits::default() });
    for number in 0..400 {
        let connect =
            super::Connect { moves: true, ..client(number, &format!("v-{number}"), viewer(&format!("v-{number}"))) };
        let connection = room.arrive(connect);
        room.join(connection, "V");
    }
    room.handle(Command::Move(super::MoveCommand::Handover { id: "m".into(), hold: Duration::from_mins(1) }));
    room.forget();
    let time = Duration::from_secs(10);
    room.handle(Command::Move(super::MoveCommand::Leave {
        id: "m".into(),
        tickets: std::collections::BTreeMap::new(),
        time,
    }));
    let told = |(_, message): &&(ConnectionId, Outgoing)| matches!(message, Outgoing::Notification(Told::Moving(_)));
    assert_eq!(room.sent.iter().filter(told).count(), 20);
}

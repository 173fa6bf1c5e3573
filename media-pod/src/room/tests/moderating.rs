//! Actions of moderators, and what the others see of them.

use std::time::Duration;

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use serde_json::json;

use super::matrix::moderator;
use super::{Command, ConnectionId, Fact, Harness, Limits, Operation, PeerId, ProducerId};

fn known(identity: &str) -> ParticipantGrant {
    ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() }
}

/// A host, bob who is known and sends, and ada who listens.
fn call() -> (Harness, ConnectionId, ConnectionId, ConnectionId) {
    let mut room = Harness::new(Limits { transports_per_peer: 16, ..Limits::default() });
    let host = room.connect_as(1, "host", moderator());
    let bob = room.connect_as(2, "bob", known("user-bob"));
    let ada = room.connect(3, "ada");
    for (connection, name) in [(host, "Host"), (bob, "Bob"), (ada, "Ada")] {
        room.join(connection, name);
    }
    (room, host, bob, ada)
}

fn share(room: &mut Harness, connection: ConnectionId) -> Result<String, u16> {
    let transport = room.transport(connection, "producer");
    let data = json!({ "transportId": transport, "kind": "video", "rtpParameters": {}, "appData": { "share": true } });
    let made = room.ask(connection, "produce", data).map_err(|(code, _)| code)?;
    Ok(made["id"].as_str().expect("an id").to_owned())
}

#[test]
fn a_muted_participant_is_paused_for_all_and_may_resume() {
    let (mut room, host, bob, ada) = call();
    let audio = room.produce(bob, "audio");
    room.produce(bob, "video");
    room.forget();
    room.ask(host, "muteParticipant", json!({ "peerId": "bob", "source": "audio" })).expect("moderates");
    assert_eq!(room.told(ada), ["consumerPaused", "peerSends"]);
    assert_eq!(room.operations, [Operation::PauseProducer(ProducerId(audio.clone()))]);
    assert_eq!(room.last_told(bob, "mutedByModerator"), Some(json!({ "source": "audio", "peerId": "host" })));
    room.forget();
    room.ask(host, "muteParticipant", json!({ "peerId": "bob", "source": "audio" })).expect("moderates");
    assert_eq!(room.told(bob), [""; 0], "it was so before");
    room.forget();
    room.ask(host, "askToUnmute", json!({ "peerId": "bob" })).expect("moderates");
    assert_eq!(room.told(bob), ["unmuteRequested"]);
    room.ask(bob, "resumeProducer", json!({ "producerId": audio })).expect("by themselves");
    assert_eq!(room.told(ada), ["consumerResumed", "peerSends"]);
    assert!(room.facts.contains(&Fact::Moderated("muteParticipant")));
}

#[test]
fn muting_all_spares_moderators() {
    let (mut room, host, bob, _) = call();
    let hosts = room.produce(host, "audio");
    let bobs = room.produce(bob, "audio");
    room.forget();
    room.ask(host, "muteParticipant", json!({ "source": "audio" })).expect("moderates");
    assert!(room.operations.contains(&Operation::PauseProducer(ProducerId(bobs))));
    assert!(!room.operations.contains(&Operation::PauseProducer(ProducerId(hosts))));
}

#[test]
fn a_screen_is_closed_and_may_be_shared_again() {
    let (mut room, host, bob, ada) = call();
    let screen = share(&mut room, bob).expect("may share");
    room.produce(bob, "video");
    room.forget();
    room.ask(host, "muteParticipant", json!({ "peerId": "bob", "source": "share" })).expect("moderates");
    assert_eq!(room.told(ada), ["peerSends", "consumerClosed"]);
    assert_eq!(room.operations.last(), Some(&Operation::CloseProducer(ProducerId(screen))));
    assert_eq!(room.last_told(bob, "mutedByModerator"), Some(json!({ "source": "share", "peerId": "host" })));
    share(&mut room, bob).expect("may share again");
}

#[test]
fn revoked_rights_close_streams_and_last() {
    let (mut room, host, bob, ada) = call();
    room.produce(bob, "audio");
    room.produce(bob, "video");
    room.produce_data(bob, "chat");
    room.forget();
    let change = json!({ "peerId": "bob", "publish": { "audio": false }, "publishData": false });
    room.ask(host, "setPermissions", change).expect("moderates");
    assert_eq!(room.told(ada), ["peerChanged", "peerSends", "consumerClosed", "dataConsumerClosed"]);
    let bobs = PeerId::from("bob");
    let (tracks, channels) = (room.room.tracks.counts(&bobs), room.room.data.counts(&bobs));
    assert_eq!((tracks.producers, channels.data_producers), (1, 0));
    let told = room.last_told(bob, "permissions").expect("told");
    assert_eq!(
        (&told["publish"]["audio"], &told["publish"]["video"], &told["publishData"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert_eq!(room.last_told(bob, "mutedByModerator"), Some(json!({ "source": "audio", "peerId": "host" })));
    let transport = room.transport(bob, "producer");
    let produce = json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    assert_eq!(room.ask(bob, "produce", produce), Err((403, "you may not send audio".into())));
    let said = room.ask(bob, "sendChatMessage", json!({ "text": "hi" }));
    assert_eq!(said, Err((403, "you may not send messages".into())));
    // Neither a new connection nor another peerId helps.
    let again = room.connect_as(4, "robert", known("user-bob"));
    assert_eq!(room.last_told(again, "permissions").map(|told| told["publish"]["audio"].clone()), Some(json!(false)));
    room.ask(host, "setPermissions", json!({ "peerId": "bob", "publish": { "audio": true } })).expect("moderates");
    room.produce(bob, "audio");
}

#[test]
fn moderation_is_handed_over_and_the_last_moderator_stays() {
    let (mut room, host, bob, ada) = call();
    let lay_down = json!({ "peerId": "host", "moderator": false });
    assert_eq!(room.ask(host, "setModerator", lay_down.clone()).map_err(|(code, _)| code), Err(409));
    for id in ["bob", "ada"] {
        room.ask(host, "setModerator", json!({ "peerId": id, "moderator": true })).expect("moderates");
    }
    assert_eq!(room.last_told(bob, "lobbyPeers"), Some(json!({ "peers": [] })));
    let told = room.last_told(ada, "peerChanged").expect("told");
    assert_eq!((&told["peerId"], &told["moderator"], &told["guest"]), (&json!("ada"), &json!(true), &json!(true)));
    room.ask(bob, "setModerator", lay_down).expect("bob moderates now");
    let refused = room.ask(host, "setRoomLock", json!({ "locked": true }));
    assert_eq!(refused, Err((403, "only a moderator may do this".into())));
    // A participant with a proven identity keeps it on another connection; any client can use the peerId of one without.
    let tom = room.connect_as(4, "tom", ParticipantGrant::default());
    room.join(tom, "Tom");
    room.ask(bob, "setModerator", json!({ "peerId": "tom", "moderator": true })).expect("moderates");
    room.handle(Command::Disconnected { connection: tom });
    let bob = room.connect_as(5, "bob", known("user-bob"));
    let ada = room.connect(6, "ada");
    let tom = room.connect_as(7, "tom", ParticipantGrant::default());
    let moderates = |connection| room.last_told(connection, "permissions").map(|told| told["moderator"].clone());
    assert_eq!((moderates(bob), moderates(ada)), (Some(json!(true)), Some(json!(true))));
    assert_eq!(moderates(tom), Some(json!(false)));
}

#[test]
fn a_removed_participant_stays_out_by_peer_id_and_identity() {
    let (mut room, host, bob, ada) = call();
    let tablet = room.connect_as(4, "bobs-tablet", known("user-bob"));
    room.forget();
    room.ask(host, "removeParticipant", json!({ "peerId": "bob" })).expect("moderates");
    let removed = Some((4000, "removed by a moderator"));
    assert_eq!((room.was_closed(bob), room.was_closed(tablet)), (removed, removed));
    assert_eq!(room.told(ada), ["peerClosed"]);
    room.handle(Command::Disconnected { connection: bob });
    for (number, peer, grant) in [(5, "bob", known("user-bob")), (6, "other", known("user-bob"))] {
        let again = room.connect_as(number, peer, grant);
        assert_eq!(room.was_closed(again), removed, "{peer}");
    }
    let myself = room.ask(host, "removeParticipant", json!({ "peerId": "host" }));
    assert_eq!(myself.map_err(|(code, _)| code), Err(409));
}

#[test]
fn a_lock_of_moderators_stands_beside_that_of_the_meeting() {
    let (mut room, host, _, ada) = call();
    assert_eq!(room.last_told(ada, "roomState"), Some(json!({ "title": "", "locked": false, "lobby": false })));
    room.ask(host, "setRoomLock", json!({ "locked": true })).expect("moderates");
    assert_eq!(room.last_told(ada, "roomState"), Some(json!({ "title": "", "locked": true, "lobby": false })));
    assert!(!room.room.settings().locked, "the meeting itself is not locked");
    let late = room.connect(4, "late");
    assert_eq!(room.was_closed(late), Some((4000, "the meeting is locked")));
    let second = room.connect_as(5, "second", moderator());
    room.join(second, "Second");
    room.set(|settings| (settings.locked, settings.title) = (true, "Daily".into()));
    assert_eq!(room.last_told(ada, "roomState"), Some(json!({ "title": "Daily", "locked": true, "lobby": false })));
    room.forget();
    room.ask(host, "setRoomLock", json!({ "locked": false })).expect("moderates");
    assert_eq!(room.told(ada), [""; 0], "the meeting is locked still");
    let late = room.connect(6, "late");
    assert_eq!(room.was_closed(late), Some((4000, "the meeting is locked")));
}

#[test]
fn the_end_is_answered_and_then_all_are_closed() {
    let (mut room, host, bob, _) = call();
    let kim = room.connect_as(4, "kim", super::matrix::waits());
    room.ask(host, "endMeeting", json!({})).expect("moderates");
    let ended = Some((4000, "the meeting was ended by a moderator"));
    assert_eq!((room.was_closed(host), room.was_closed(bob), room.was_closed(kim)), (ended, ended, ended));
    assert!(room.is_shut && room.open_transports.is_empty());
}

#[test]
fn hands_and_reactions_are_seen_by_all_and_bounded() {
    let (mut room, host, bob, ada) = call();
    room.forget();
    for _ in 0..2 {
        room.ask(bob, "raiseHand", json!({ "raised": true })).expect("has joined");
    }
    assert_eq!(room.told(ada), ["handRaised"], "once");
    let late = room.connect(4, "late");
    let peers = room.join(late, "Late")["peers"].clone();
    let hands: Vec<bool> = peers.as_array().expect("peers").iter().map(|peer| peer["handRaised"] == true).collect();
    assert_eq!(hands, [false, true, false], "ada, bob, host");
    room.ask(host, "lowerHand", json!({ "peerId": "bob" })).expect("moderates");
    assert_eq!(room.last_told(bob, "handRaised"), Some(json!({ "peerId": "bob", "raised": false })));
    let clap = |room: &mut Harness| room.ask(bob, "sendReaction", json!({ "reaction": "clap" }));
    clap(&mut room).expect("has joined");
    assert_eq!(room.last_told(ada, "reaction"), Some(json!({ "peerId": "bob", "reaction": "clap" })));
    assert_eq!(room.last_told(bob, "reaction"), None);
    assert_eq!(clap(&mut room).map_err(|(code, _)| code), Err(429));
    room.now += Duration::from_millis(200);
    clap(&mut room).expect("a moment later");
}

#[test]
fn a_hidden_moderator_acts_without_a_name() {
    let (mut room, _, bob, ada) = call();
    let ghost = room.connect_as(4, "ghost", ParticipantGrant { hidden: true, ..moderator() });
    room.join(ghost, "Ghost");
    room.produce(bob, "audio");
    room.ask(ghost, "muteParticipant", json!({ "peerId": "bob", "source": "audio" })).expect("moderates");
    assert_eq!(room.last_told(bob, "mutedByModerator"), Some(json!({ "source": "audio" })));
    assert!(
        !room.told(ada).contains(&"newPeer".to_owned())
            || room.last_told(ada, "newPeer").is_some_and(|told| told["peerId"] != "ghost")
    );
    let shown = room.ask(ada, "setPermissions", json!({ "peerId": "ghost", "publish": PublishGrant::default() }));
    assert_eq!(shown.map_err(|(code, _)| code), Err(403));
}

//! Permissions granted by tokens: sending, receiving, visibility, and the display name.

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use serde_json::{Value, json};

use super::matrix::moderator;
use super::{Command, ConnectionId, Harness, Limits, MeetingSettings, Outgoing, PeerId, harness};

fn produce(room: &mut Harness, of: ConnectionId, kind: &str, app_data: &Value) -> Result<(), String> {
    let transport = room.transport(of, "producer");
    let data = json!({ "transportId": transport, "kind": kind, "rtpParameters": {}, "appData": app_data });
    room.ask(of, "produce", data).map(drop).map_err(|(code, reason)| format!("{code} {reason}"))
}

fn granted(audio: bool, video: bool, share: bool) -> ParticipantGrant {
    ParticipantGrant { publish: PublishGrant { audio, video, share }, ..ParticipantGrant::default() }
}

/// The ways in which clients name a stream, with the permission that it needs: 0 audio, 1 video, 2 screen.
fn ways() -> [(&'static str, Value, usize); 9] {
    [
        ("audio", json!({}), 0),
        ("audio", json!({ "source": "audio" }), 0),
        ("audio", json!({ "source": "video" }), 0),
        ("audio", json!({ "source": "screensharing" }), 2),
        ("video", json!({}), 1),
        ("video", json!({ "source": "video" }), 1),
        ("video", json!({ "source": "audio" }), 1),
        ("video", json!({ "source": "screensharing" }), 2),
        ("video", json!({ "share": true }), 2),
    ]
}

#[test]
fn each_kind_of_media_needs_its_right_however_it_is_called() {
    let refusals = ["403 you may not send audio", "403 you may not send video", "403 you may not share a screen"];
    for right in 0..3 {
        for (kind, app_data, needed) in ways() {
            let mut room = harness();
            let ada = room.connect_as(1, "ada", granted(right == 0, right == 1, right == 2));
            room.join(ada, "Ada");
            let expected = if needed == right { Ok(()) } else { Err(refusals[needed].to_owned()) };
            assert_eq!(produce(&mut room, ada, kind, &app_data), expected, "{kind} {app_data} with right {right}");
        }
    }
}

#[test]
fn a_meeting_without_screens_has_none_whatever_is_granted() {
    let mut room =
        Harness::with(Limits::default(), MeetingSettings { has_screen_share: false, ..MeetingSettings::default() });
    let ada = room.connect_as(1, "ada", moderator());
    room.join(ada, "Ada");
    let refused = Err("403 screen sharing is off in this meeting".to_owned());
    assert_eq!(produce(&mut room, ada, "video", &json!({ "share": true })), refused);
    produce(&mut room, ada, "video", &json!({})).expect("cameras are");
    let told = room.last_told(ada, "permissions").expect("told");
    assert_eq!((&told["screenShare"], &told["publish"]["share"]), (&json!(false), &json!(false)));
}

#[test]
fn a_participant_without_subscribe_is_offered_nothing() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.produce(ada, "audio");
    let deaf = room.connect_as(2, "deaf", ParticipantGrant { subscribe: false, ..ParticipantGrant::default() });
    room.join(deaf, "Deaf");
    room.produce(ada, "video");
    room.produce_data(ada, "chat");
    assert!(!room.told(deaf).iter().any(|told| told.starts_with("newConsumer") || told.starts_with("newData")));
    assert!(room.room.tracks.received_by(&PeerId::from("deaf")).is_empty());
    assert_eq!(room.ask(deaf, "getChatHistory", json!({ "follow": true })).map_err(|(code, _)| code), Err(403));
}

#[test]
fn hidden_participants_are_not_seen_and_take_no_seat() {
    let mut room = Harness::new(Limits { peers: 1, unseated: 1, ..Limits::default() });
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.produce(ada, "audio");
    room.forget();
    let hidden = ParticipantGrant { hidden: true, ..ParticipantGrant::default() };
    let ghost = room.connect_as(2, "ghost", hidden.clone());
    let peers = room.join(ghost, "Ghost")["peers"].clone();
    assert_eq!(peers[0]["peerId"], "ada");
    assert!(room.told(ghost).contains(&"newConsumer".to_owned()), "receives");
    room.ask(ghost, "changeDisplayName", json!({ "displayName": "Boo" })).expect("no participant sees it");
    room.handle(Command::Disconnected { connection: ghost });
    assert_eq!(room.told(ada), [""; 0]);
    let ghost = room.connect_as(3, "ghost", hidden.clone());
    room.join(ghost, "Ghost");
    assert_eq!((room.room.participants(), room.room.stats().hidden), (1, 1));
    let second = room.connect_as(4, "second", hidden);
    assert_eq!(room.was_closed(second), Some((4000, "too many hidden participants or recorders")));
    room.handle(Command::Disconnected { connection: ada });
    room.now += Limits::default().empty_timeout;
    room.handle(Command::Tick);
    assert!(room.is_shut, "who is hidden keeps no room");
}

#[test]
fn a_recorder_is_seen_as_such_and_takes_no_seat() {
    let mut room = Harness::new(Limits { peers: 1, ..Limits::default() });
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let recorder = ParticipantGrant { recorder: true, ..granted(false, false, false) };
    let recorder = room.connect_as(2, "recorder", recorder);
    room.join(recorder, "Recorder");
    let told = room.last_told(ada, "newPeer").expect("seen");
    assert_eq!(
        (&told["peerId"], &told["recorder"], &told["publish"]["audio"]),
        (&json!("recorder"), &json!(true), &json!(false))
    );
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn a_name_that_was_given_is_the_name() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let named = ParticipantGrant { name: Some("Dr. Bob".into()), identity: Some("user-2".into()), ..moderator() };
    let bob = room.connect_as(2, "bob", named);
    room.join(bob, "The Boss");
    let told = room.last_told(ada, "newPeer").expect("seen");
    let shown = (&told["displayName"], &told["guest"], &told["moderator"]);
    assert_eq!(shown, (&json!("Dr. Bob"), &json!(false), &json!(true)));
    let renamed = room.ask(bob, "changeDisplayName", json!({ "displayName": "The Boss" }));
    assert_eq!(renamed, Err((403, "your name was given to you and cannot be changed".into())));
}

#[test]
fn a_personal_invitation_belongs_to_its_first_user() {
    let mut room = harness();
    let once = || ParticipantGrant { once: Some("i-1".into()), ..ParticipantGrant::default() };
    let ada = room.connect_as(1, "ada", once());
    room.join(ada, "Ada");
    let eve = room.connect_as(2, "eve", once());
    assert_eq!(room.was_closed(eve), Some((4000, "this invitation was used by another participant")));
    room.handle(Command::Disconnected { connection: ada });
    let again = room.connect_as(3, "ada", once());
    room.join(again, "Ada");
    let eve = room.connect_as(4, "eve", once());
    assert_eq!(room.was_closed(eve).map(|(code, _)| code), Some(4000));
}

#[test]
fn a_peer_id_of_a_known_participant_is_not_taken_over() {
    let mut room = harness();
    let known = |identity: &str| ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() };
    let ada = room.connect_as(1, "ada", known("user-1"));
    room.join(ada, "Ada");
    for (number, grant) in [(2, ParticipantGrant::default()), (3, known("user-2"))] {
        let eve = room.connect_as(number, "ada", grant);
        assert_eq!(room.was_closed(eve), Some((4000, "this peerId is in use")));
    }
    assert_eq!(room.was_closed(ada), None);
    let call = room.call("ada", super::broadcasting::some_call(1, 0));
    let answer = room.sent.iter().find(|(to, _)| *to == call).map(|(_, answer)| answer);
    assert!(matches!(answer, Some(Outgoing::Failure { code: 403, .. })), "{answer:?}");
    let again = room.connect_as(4, "ada", known("user-1"));
    room.join(again, "Ada");
    assert_eq!(room.was_closed(ada), Some((4000, "replaced by a newer connection of the same peer")));
    // Nor while they are away, into a locked meeting.
    room.handle(Command::Disconnected { connection: again });
    room.set(|settings| settings.locked = true);
    let eve = room.connect(5, "ada");
    assert_eq!(room.was_closed(eve), Some((4000, "the meeting is locked")));
    let ada = room.connect_as(6, "ada", known("user-1"));
    room.join(ada, "Ada");
}

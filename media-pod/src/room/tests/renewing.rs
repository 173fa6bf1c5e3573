//! Participants whose transports were lost with the media pod that served them, and who create others on the same connection.

use std::time::Duration;

use super::{Command, Connect, ConnectionId, Harness, Limits, MediaEvent, MoveCommand, PeerId, client, guest};

const SITE_LOST: &str = "a media pod of the meeting was lost: please reconnect";

/// Two participants who understand moves, and send audio and video.
fn two() -> (Harness, ConnectionId, ConnectionId) {
    let mut room = Harness::new(Limits { transports_per_peer: 16, ..Limits::default() });
    let [ada, bob] = [(1, "ada"), (2, "bob")].map(|(number, name)| {
        let connection = room.arrive(Connect { moves: true, ..client(number, name, guest(name)) });
        room.join(connection, name);
        room.produce(connection, "audio");
        room.produce(connection, "video");
        connection
    });
    room.accept_offers();
    room.forget();
    (room, ada, bob)
}

impl Harness {
    fn lose(&mut self, id: &str) {
        let lost = self.room.tracks.transports_of(&PeerId::from(id)).into_iter().collect();
        self.handle(Command::Media(MediaEvent::SiteLost(lost)));
    }

    fn seconds(&mut self, count: u64) {
        for _ in 0..count {
            self.now += Duration::from_secs(1);
            self.handle(Command::Tick);
        }
    }
}

#[test]
fn a_participant_stays_and_gets_everything_on_new_transports() {
    let (mut room, ada, bob) = two();
    room.lose("ada");
    assert_eq!(room.told(ada), ["transportsLost"]);
    assert_eq!(room.told(bob), ["consumerClosed", "consumerClosed"]);
    assert_eq!(room.room.tracks.counts(&PeerId::from("ada")).consumers, 0);
    room.forget();
    room.transport(ada, "consumer");
    assert_eq!(room.told(ada), ["answer", "newConsumer", "newConsumer", "newDataConsumer"]);
    room.produce(ada, "audio");
    assert_eq!(room.told(bob), ["newConsumer"]);
    room.forget();
    room.seconds(3);
    assert_eq!(room.last_told(bob, "peerSends").expect("the camera is missing")["sends"]["video"], false);
    assert!(room.closed.is_empty());
    room.forget();
    room.seconds(5);
    assert!(!room.told(bob).contains(&"peerSends".to_owned()));
}

#[test]
fn nothing_is_announced_if_all_is_sent_again() {
    let (mut room, ada, bob) = two();
    room.lose("ada");
    room.transport(ada, "consumer");
    room.produce(ada, "audio");
    room.produce(ada, "video");
    room.seconds(5);
    let told = room.told(bob);
    assert!(!told.contains(&"peerSends".to_owned()) && !told.contains(&"peerClosed".to_owned()), "{told:?}");
}

#[test]
fn offers_have_other_ids_than_before() {
    let (mut room, ada, _) = two();
    room.lose("ada");
    room.transport(ada, "consumer");
    assert!(room.offers().iter().filter(|(to, ..)| *to == ada).all(|(_, id, _)| *id > 2));
    // Late answers to offers from before change nothing.
    for id in 1..=2 {
        room.handle(Command::Answered { connection: ada, id, is_ok: false });
    }
    assert_eq!(room.room.tracks.counts(&PeerId::from("ada")).consumers, 2);
}

#[test]
fn a_newcomer_learns_what_is_about_to_be_sent_again() {
    let (mut room, _, bob) = two();
    room.lose("ada");
    let kim = room.connect_as(3, "kim", guest("kim"));
    let answer = room.join(kim, "Kim");
    assert_eq!((&answer["peers"][0]["peerId"], &answer["peers"][0]["sends"]["audio"]), (&"ada".into(), &true.into()));
    assert!(!room.told(bob).contains(&"peerSends".to_owned()));
}

#[test]
fn a_mute_meanwhile_reaches_the_client() {
    let (mut room, ada, bob) = two();
    let host = room.connect_as(3, "host", super::matrix::moderator());
    room.join(host, "Host");
    room.lose("ada");
    room.ask(host, "muteParticipant", super::json!({ "peerId": "ada", "source": "audio" })).expect("moderates");
    assert!(room.told(ada).contains(&"mutedByModerator".to_owned()));
    assert!(!room.told(bob).contains(&"mutedByModerator".to_owned()));
}

#[test]
fn who_creates_no_transports_in_time_has_to_reconnect_and_may() {
    let (mut room, ada, bob) = two();
    room.set(|settings| settings.locked = true);
    room.lose("ada");
    room.seconds(2);
    assert!(room.closed.is_empty());
    room.seconds(1);
    assert_eq!(room.closed, [(ada, 1012, SITE_LOST)]);
    assert!(room.told(bob).contains(&"peerClosed".to_owned()));
    let again = room.connect_as(9, "ada", guest("ada"));
    room.join(again, "Ada");
    assert_eq!(room.closed.len(), 1);
}

#[test]
fn the_time_of_a_client_without_connection_begins_when_it_is_back() {
    let (mut room, ada, _) = two();
    room.handle(Command::CutOff { connection: ada });
    room.lose("ada");
    room.seconds(8);
    assert!(room.closed.is_empty());
    room.handle(Command::SignOfLife { connection: ada });
    room.seconds(2);
    assert!(room.closed.is_empty());
    room.transport(ada, "consumer");
    room.seconds(3);
    assert!(room.closed.is_empty());
}

#[test]
fn a_client_that_cannot_create_any_reconnects_at_once() {
    let (mut room, ada, _) = two();
    room.handle(Command::Move(MoveCommand::Handover { id: "m".into(), hold: Duration::from_mins(1) }));
    room.lose("ada");
    assert_eq!(room.closed, [(ada, 1012, SITE_LOST)]);
}

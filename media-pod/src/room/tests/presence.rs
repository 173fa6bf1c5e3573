//! Tests of participants who vanish, and of the notifications to the others.

use super::*;
use convene_protocol::message::ServerNotification as Told;

impl Harness {
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.handle(Command::Tick);
        }
    }

    /// The notifications to a participant about another's connection, in order.
    fn presence_told(&self, to: ConnectionId, of: &str) -> Vec<bool> {
        let told = |(receiver, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Notification(Told::PeerChanged(changed)) if *receiver == to && changed.peer_id == of => {
                Some(changed.connected)
            }
            _ => None,
        };
        self.sent.iter().filter_map(told).collect()
    }

    fn score(&mut self, producer: &str, score: u8) {
        let score = json!([{ "encodingIdx": 0, "score": score }]);
        self.handle(Command::Media(MediaEvent::ProducerScore(ProducerId::from(producer), score)));
    }
}

#[test]
fn a_silent_participant_is_pinged_and_present_while_it_answers() {
    let (mut room, ada, bob) = pair();
    for _ in 0..10 {
        room.pass(1);
        for connection in std::mem::take(&mut room.pinged) {
            room.handle(Command::SignOfLife { connection });
        }
    }
    assert!(room.presence_told(ada, "bob").is_empty());
    assert!(room.presence_told(bob, "ada").is_empty());
}

#[test]
fn an_unanswered_ping_means_lost_until_a_sign_of_life() {
    let (mut room, ada, bob) = pair();
    for _ in 0..5 {
        room.pass(1);
        if room.pinged.contains(&ada) {
            room.handle(Command::SignOfLife { connection: ada });
        }
    }
    assert_eq!(room.presence_told(ada, "bob"), [false]);
    assert!(room.presence_told(bob, "ada").is_empty());
    let eve = room.connect(3, "eve");
    assert_eq!(room.join(eve, "Eve")["peers"][1]["connected"], false);
    room.handle(Command::SignOfLife { connection: bob });
    assert_eq!(room.presence_told(ada, "bob"), [false, true]);
    assert_eq!(room.presence_told(eve, "bob"), [true]);
}

#[test]
fn a_participant_with_active_media_is_not_pinged() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(bob, "audio");
    room.score(&producer, 10);
    room.pass(10);
    assert!(!room.pinged.contains(&bob));
    room.score(&producer, 0);
    room.pass(3);
    assert_eq!(room.presence_told(ada, "bob"), [false]);
    room.score(&producer, 10);
    room.pass(1);
    assert_eq!(room.presence_told(ada, "bob"), [false, true]);
}

#[test]
fn only_a_longer_cut_is_announced() {
    let (mut room, ada, bob) = pair();
    room.handle(Command::CutOff { connection: bob });
    room.pass(1);
    room.handle(Command::SignOfLife { connection: bob });
    assert!(room.presence_told(ada, "bob").is_empty());
    room.handle(Command::CutOff { connection: bob });
    room.pass(2);
    assert_eq!(room.presence_told(ada, "bob"), [false]);
    room.handle(Command::SignOfLife { connection: bob });
    assert_eq!(room.presence_told(ada, "bob"), [false, true]);
}

#[test]
fn a_cut_with_active_media_is_no_loss() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(bob, "video");
    room.score(&producer, 10);
    room.handle(Command::CutOff { connection: bob });
    for _ in 0..5 {
        room.packets += 10;
        room.pass(1);
    }
    assert!(room.presence_told(ada, "bob").is_empty());
    room.pass(2);
    assert_eq!(room.presence_told(ada, "bob"), [false], "nothing has come since, whatever the score says");
    room.handle(Command::SignOfLife { connection: bob });
    assert_eq!(room.presence_told(ada, "bob"), [false, true]);
}

#[test]
fn a_late_room_marks_no_participant_as_lost() {
    let (mut room, ada, _) = pair();
    room.pass(2);
    room.now += Duration::from_secs(30);
    room.handle(Command::Tick);
    assert!(room.presence_told(ada, "bob").is_empty());
    for connection in std::mem::take(&mut room.pinged) {
        room.handle(Command::SignOfLife { connection });
    }
    room.pass(1);
    assert!(room.presence_told(ada, "bob").is_empty());
}

#[test]
fn a_late_answer_extends_the_patience() {
    let (mut room, ada, bob) = pair();
    let mut told = Vec::new();
    for second in 0..40 {
        room.pass(1);
        // The answers come three seconds late.
        if second % 4 == 3 {
            room.handle(Command::SignOfLife { connection: bob });
        }
        told = room.presence_told(ada, "bob");
    }
    assert!(told.len() <= 4, "{told:?}");
    assert_eq!(told.last(), Some(&true));
}

#[test]
fn hidden_and_unjoined_peers_are_not_announced() {
    let (mut room, ada, _) = pair();
    room.connect(3, "eve");
    let hidden = ParticipantGrant { hidden: true, ..guest("kim") };
    let kim = room.connect_as(4, "kim", hidden);
    room.join(kim, "Kim");
    room.pass(10);
    assert!(room.presence_told(ada, "eve").is_empty());
    assert!(room.presence_told(ada, "kim").is_empty());
}

//! Rooms with more streams than each participant can be sent.

use super::*;
use crate::room::people::offers::Offered;
use convene_protocol::message::{MediaKind, Sends, ServerNotification as Told};

/// A number of participants, each with audio and video: `p0`, `p1`, ….
fn crowd(limits: Limits, people: u64) -> (Harness, Vec<ConnectionId>) {
    let mut room = Harness::new(limits);
    let connections: Vec<_> = (0..people)
        .map(|number| {
            let connection = room.connect(number, &format!("p{number}"));
            room.join(connection, "Someone");
            room.produce(connection, "audio");
            room.produce(connection, "video");
            room.settle();
            connection
        })
        .collect();
    (room, connections)
}

fn small() -> Limits {
    // 95 of these are shared: 19 each for five, 9 each for ten.
    Limits { consumers: 100, ..Limits::default() }
}

impl Harness {
    /// All clients answer, a second passes, and all answer again. Forgets all messages.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.accept_offers();
            self.sent.clear();
            self.now += Duration::from_secs(1);
            self.handle(Command::Tick);
        }
        self.accept_offers();
    }

    /// The senders of the streams of one kind that a participant receives; sorted.
    fn received(&self, receiver: &str, kind: MediaKind) -> Vec<String> {
        let consumers = self.room.tracks.received_by(&PeerId::from(receiver)).into_iter();
        let sender = |(_, producer): (ConsumerId, ProducerId)| {
            let (owner, state) = self.room.tracks.owner_of(&producer).expect("no consumer outlives its producer");
            (state.kind == kind).then(|| owner.0.clone())
        };
        let mut all: Vec<_> = consumers.filter_map(sender).collect();
        all.sort();
        all
    }

    fn consumers(&self) -> usize {
        self.room.stats().holdings.consumers
    }

    fn producer_of(&self, peer: &str, kind: MediaKind) -> ProducerId {
        let id = PeerId::from(peer);
        let mut producers = self.room.tracks.producers_of(&id);
        producers.find(|(_, state)| state.kind == kind).map(|(id, _)| id.clone()).expect("it sends")
    }

    fn speak(&mut self, peer: &str) {
        let producer = self.producer_of(peer, MediaKind::Audio);
        self.handle(Command::Media(MediaEvent::Volumes(vec![(producer, -30)])));
    }
}

#[test]
fn all_participants_receive_everything_that_fits() {
    let (room, _) = crowd(small(), 5);
    assert_eq!(room.consumers(), 5 * 8);
    assert!(!room.facts.contains(&Fact::LimitReached("consumers")));
}

#[test]
fn all_participants_receive_the_same_share_and_the_limit_is_noted_once() {
    let (room, _) = crowd(small(), 10);
    for receiver in 0..10 {
        let received = room.room.tracks.received_by(&PeerId(format!("p{receiver}"))).len();
        assert_eq!(received, 9, "p{receiver}");
    }
    assert_eq!(room.facts.iter().filter(|fact| **fact == Fact::LimitReached("consumers")).count(), 1);
}

#[test]
fn streams_that_are_left_out_are_announced() {
    let (mut room, _) = crowd(small(), 10);
    let late = room.connect(10, "late");
    let answer = room.join(late, "Late");
    let all = json!({ "audio": true, "video": true, "share": false });
    let sends: Vec<_> = answer["peers"].as_array().unwrap().iter().map(|peer| &peer["sends"]).collect();
    assert_eq!(sends, vec![&all; 10]);
    room.forget();
    let producer = room.producer_of("p9", MediaKind::Video).0;
    room.ask(ConnectionId(9), "pauseProducer", json!({ "producerId": producer })).expect("it is its own");
    let mut told: Vec<_> = room
        .sent
        .iter()
        .filter_map(|(to, message)| match message {
            Outgoing::Notification(Told::PeerSends(told)) => Some((*to, told.peer_id.as_str(), told.sends)),
            _ => None,
        })
        .collect();
    let dark = Sends { audio: true, video: false, share: false };
    told.sort_by_key(|(to, ..)| *to);
    let others = (0..11).filter(|number| *number != 9);
    assert_eq!(told, others.map(|number| (ConnectionId(number), "p9", dark)).collect::<Vec<_>>());
}

#[test]
fn watched_peers_replace_others_at_once() {
    let (mut room, people) = crowd(small(), 10);
    assert_eq!(room.received("p0", MediaKind::Video), ["p1", "p2", "p3", "p4"]);
    let watched = json!({ "peerIds": ["p8", "p9", "unknown", "p0"] });
    room.ask(people[0], "setWatchedPeers", watched).expect("all participants may");
    assert_eq!(room.received("p0", MediaKind::Video), ["p1", "p2", "p8", "p9"]);
    assert_eq!(room.received("p1", MediaKind::Video), ["p0", "p2", "p3", "p4"]);
}

#[test]
fn a_speaker_is_received_at_once_and_stays_until_others_have_spoken() {
    let (mut room, _) = crowd(small(), 10);
    assert_eq!(room.received("p0", MediaKind::Audio), ["p1", "p2", "p3", "p4", "p5"]);
    room.speak("p9");
    assert_eq!(room.received("p0", MediaKind::Audio), ["p1", "p2", "p3", "p4", "p9"]);
    assert_eq!(room.received("p9", MediaKind::Audio), ["p0", "p1", "p2", "p3", "p4"]);
    let closed_before = room.told(ConnectionId(0)).iter().filter(|told| *told == "consumerClosed").count();
    room.speak("p9");
    room.speak("p8");
    assert_eq!(room.received("p0", MediaKind::Audio), ["p1", "p2", "p3", "p8", "p9"]);
    let closed = room.told(ConnectionId(0)).iter().filter(|told| *told == "consumerClosed").count();
    assert_eq!(closed - closed_before, 1);
}

/// The streams of both kinds that a participant receives.
fn all_of(room: &Harness, receiver: &str) -> BTreeSet<ProducerId> {
    room.room.tracks.received_by(&PeerId::from(receiver)).into_iter().map(|(_, producer)| producer).collect()
}

#[test]
fn a_short_pause_keeps_a_stream_and_a_long_one_gives_its_place_away() {
    let (mut room, _) = crowd(small(), 10);
    let before = all_of(&room, "p0");
    let producer = room.producer_of("p1", MediaKind::Video).0;
    for method in ["pauseProducer", "resumeProducer", "pauseProducer"] {
        room.ask(ConnectionId(1), method, json!({ "producerId": producer })).expect("it is its own");
        room.settle();
        assert_eq!(all_of(&room, "p0"), before);
    }
    for _ in 0..5 {
        room.settle();
    }
    assert_eq!(room.received("p0", MediaKind::Video), ["p2", "p3", "p4", "p5"]);
    room.ask(ConnectionId(1), "resumeProducer", json!({ "producerId": producer })).expect("it is its own");
    room.settle();
    assert_eq!(all_of(&room, "p0"), before);
}

#[test]
fn noise_and_a_din_of_voices_change_little() {
    let (mut room, _) = crowd(small(), 10);
    let of = |room: &Harness, volume: i8| {
        let all = (0..10).rev().map(|number| (room.producer_of(&format!("p{number}"), MediaKind::Audio), volume));
        MediaEvent::Volumes(all.collect())
    };
    let before = all_of(&room, "p0");
    let noise = of(&room, -75);
    room.handle(Command::Media(noise));
    assert_eq!(all_of(&room, "p0"), before);
    let din = of(&room, -40);
    room.handle(Command::Media(din));
    assert!(all_of(&room, "p0").difference(&before).count() <= 2);
}

#[test]
fn nothing_is_chosen_for_a_participant_that_is_cut_off() {
    let (mut room, people) = crowd(small(), 10);
    room.forget();
    room.handle(Command::CutOff { connection: people[0] });
    room.speak("p9");
    assert!(!room.told(people[0]).iter().any(|told| told == "newConsumer" || told == "consumerClosed"));
    room.handle(Command::SignOfLife { connection: people[0] });
    room.settle();
    assert!(room.received("p0", MediaKind::Audio).contains(&"p9".to_owned()));
}

#[test]
fn what_was_offered_a_moment_ago_is_closed_only_after_the_answer() {
    let (mut room, people) = crowd(small(), 10);
    room.speak("p9");
    let offered = room.received("p0", MediaKind::Audio);
    room.forget();
    for speaker in ["p8", "p7", "p6", "p5", "p4"] {
        room.speak(speaker);
    }
    assert!(offered.contains(&"p9".to_owned()) && room.received("p0", MediaKind::Audio).contains(&"p9".to_owned()));
    room.handle(Command::Answered { connection: people[0], id: last_offer(&room, "p0", "p9"), is_ok: true });
    room.settle();
    assert!(!room.received("p0", MediaKind::Audio).contains(&"p9".to_owned()));
}

/// The id of the request that offered a participant the audio of another.
fn last_offer(room: &Harness, receiver: &str, sender: &str) -> u64 {
    let producer = room.producer_of(sender, MediaKind::Audio);
    let receiver = PeerId::from(receiver);
    let consumers = room.room.tracks.received_by(&receiver);
    let (consumer, _) = consumers.into_iter().find(|(_, of)| *of == producer).expect("it was offered");
    let peer = room.room.seats.get(&receiver).expect("it is in the room");
    let (id, _) = peer
        .offers
        .list()
        .find(|(_, offered)| **offered == Offered::Consumer(consumer.clone()))
        .expect("it is not answered");
    id
}

#[test]
fn everything_comes_when_it_fits_again() {
    let (mut room, _) = crowd(small(), 10);
    for number in 5..10 {
        room.handle(Command::Disconnected { connection: ConnectionId(number) });
    }
    room.settle();
    assert_eq!(room.consumers(), 5 * 8);
}

#[test]
fn a_recorder_misses_nothing() {
    let (mut room, _) = crowd(small(), 10);
    let recorder = ParticipantGrant { recorder: true, ..guest("tape") };
    let tape = room.connect_as(20, "tape", recorder);
    room.join(tape, "Recorder");
    room.settle();
    assert_eq!(room.received("tape", MediaKind::Video).len(), 10);
    assert_eq!(room.received("tape", MediaKind::Audio).len(), 10);
    assert!(room.consumers() <= 100);
}

#[test]
fn what_a_client_refuses_or_cannot_decode_is_not_offered_again() {
    let (mut room, _) = crowd(small(), 10);
    let late = room.connect(10, "late");
    room.join(late, "Late");
    let offered: Vec<_> = room.offers().into_iter().filter(|(to, ..)| *to == late).collect();
    for (connection, id, _) in offered {
        room.handle(Command::Answered { connection, id, is_ok: false });
    }
    let refused = room.room.tracks.declined_by(&PeerId::from("late"));
    assert_eq!(refused.len(), 8);
    room.settle();
    let others: BTreeSet<_> = all_of(&room, "late");
    assert!(others.is_disjoint(&refused), "{others:?}");
    assert_eq!(others.len(), 8, "its share goes to what it takes");
}

#[test]
fn hundreds_of_people_with_cameras_stay_within_the_limit() {
    let limits = Limits { consumers: 4000, ..Limits::default() }.for_people(200);
    let (room, _) = crowd(limits, 200);
    assert!(room.consumers() <= 4000);
    assert_eq!(room.received("p7", MediaKind::Audio).len(), 10);
    assert_eq!(room.received("p7", MediaKind::Video).len(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever happens, the limit holds, no participant receives a stream twice, and all have their share a tick later.
    #[test]
    fn the_limit_holds_whatever_happens(steps in proptest::collection::vec((0_u8..6, 0_u64..12), 1..60)) {
        let (mut room, _) = crowd(small(), 8);
        for (what, who) in steps {
            let (connection, id) = (ConnectionId(who), format!("p{who}"));
            let is_in = room.room.seats.joined(&PeerId::from(id.as_str())).is_ok();
            match (what, is_in) {
                (0, true) => room.handle(Command::Disconnected { connection }),
                (1, true) => room.speak(&id),
                (2, true) => drop(room.ask(connection, "setWatchedPeers", json!({ "peerIds": ["p3", "p7", "p11"] }))),
                (3, true) => {
                    let producer = room.producer_of(&id, MediaKind::Video).0;
                    let _ = room.ask(connection, "pauseProducer", json!({ "producerId": producer }));
                }
                (_, false) => {
                    room.connect(who, &id);
                    room.join(connection, "Someone");
                    room.produce(connection, "audio");
                    room.produce(connection, "video");
                }
                _ => room.handle(Command::Tick),
            }
            prop_assert!(room.consumers() <= 100);
        }
        room.settle();
        let people = room.room.participants();
        let each = (95 / people.max(1)).min(2 * people.saturating_sub(1));
        for (id, _) in room.room.seats.iter() {
            let received = room.room.tracks.received_by(id);
            let producers: BTreeSet<_> = received.iter().map(|(_, producer)| producer).collect();
            prop_assert_eq!((producers.len(), received.len()), (each, each), "{}", id);
        }
    }
}

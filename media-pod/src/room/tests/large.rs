//! Rooms with more streams than each participant can be sent.

use super::*;
use convene_protocol::message::{MediaKind, Sends, ServerNotification as Told};

/// As many people as that, each with sound and picture: `p0`, `p1`, ….
fn crowd(limits: Limits, people: u64) -> (Harness, Vec<ConnectionId>) {
    let mut room = Harness::new(limits);
    let connections: Vec<_> = (0..people)
        .map(|number| {
            let connection = room.connect(number, &format!("p{number}"));
            room.join(connection, "Someone");
            room.produce(connection, "audio");
            room.produce(connection, "video");
            if number % 10 == 0 {
                room.handle(Command::Tick);
            }
            connection
        })
        .collect();
    room.handle(Command::Tick);
    (room, connections)
}

fn small() -> Limits {
    // 95 of these are shared: 19 each for five, 9 each for ten.
    Limits { consumers: 100, ..Limits::default() }
}

impl Harness {
    /// Who sends what a participant is sent now, of one kind; sorted.
    fn received(&self, receiver: &str, kind: MediaKind) -> Vec<String> {
        let consumers = self.room.peers[&PeerId::from(receiver)].consumers.values();
        let sender = |producer: &ProducerId| {
            let (owner, peer) = self.room.owner_of_producer(producer).expect("no consumer outlives its producer");
            (peer.producers[producer].kind == kind).then(|| owner.0.clone())
        };
        let mut all: Vec<_> = consumers.filter_map(|consumer| sender(&consumer.producer)).collect();
        all.sort();
        all
    }

    fn consumers(&self) -> usize {
        self.room.census().holdings.consumers
    }

    fn producer_of(&self, peer: &str, kind: MediaKind) -> ProducerId {
        let of_kind = |(_, state): &(&ProducerId, &super::super::peer::ProducerState)| state.kind == kind;
        let (id, _) = self.room.peers[&PeerId::from(peer)].producers.iter().find(of_kind).expect("it sends");
        id.clone()
    }

    fn speak(&mut self, peer: &str) {
        let producer = self.producer_of(peer, MediaKind::Audio);
        self.handle(Command::Media(MediaEvent::Volumes(vec![(producer, -30)])));
    }
}

#[test]
fn everybody_gets_everything_where_it_fits() {
    let (room, _) = crowd(small(), 5);
    assert_eq!(room.consumers(), 5 * 8);
    assert!(!room.facts.contains(&Fact::LimitReached("consumers")));
}

#[test]
fn everybody_gets_the_same_share_where_it_does_not_and_the_limit_is_told_once() {
    let (room, _) = crowd(small(), 10);
    for receiver in 0..10 {
        let received = room.room.peers[&PeerId(format!("p{receiver}"))].consumers.len();
        assert_eq!(received, 9, "p{receiver}");
    }
    assert_eq!(room.facts.iter().filter(|fact| **fact == Fact::LimitReached("consumers")).count(), 1);
}

#[test]
fn what_is_not_sent_is_told_nevertheless() {
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
fn who_is_watched_is_sent_at_once_instead_of_others() {
    let (mut room, people) = crowd(small(), 10);
    assert_eq!(room.received("p0", MediaKind::Video), ["p1", "p2", "p3", "p4"]);
    let watched = json!({ "peerIds": ["p8", "p9", "nobody", "p0"] });
    room.ask(people[0], "setWatchedPeers", watched).expect("everybody may");
    assert_eq!(room.received("p0", MediaKind::Video), ["p1", "p2", "p8", "p9"]);
    assert_eq!(room.received("p1", MediaKind::Video), ["p0", "p2", "p3", "p4"]);
}

#[test]
fn who_speaks_is_heard_at_once_and_stays_until_more_others_have_spoken() {
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

#[test]
fn everything_comes_when_it_fits_again() {
    let (mut room, _) = crowd(small(), 10);
    for number in 5..10 {
        room.handle(Command::Disconnected { connection: ConnectionId(number) });
    }
    room.handle(Command::Tick);
    assert_eq!(room.consumers(), 5 * 8);
}

#[test]
fn a_recorder_misses_nothing() {
    let (mut room, _) = crowd(small(), 10);
    let recorder = ParticipantGrant { recorder: true, ..guest("tape") };
    let tape = room.connect_as(20, "tape", recorder);
    room.join(tape, "Recorder");
    room.handle(Command::Tick);
    assert_eq!(room.received("tape", MediaKind::Video).len(), 10);
    assert_eq!(room.received("tape", MediaKind::Audio).len(), 10);
    assert!(room.consumers() <= 100);
}

#[test]
fn what_a_client_refuses_or_cannot_decode_is_not_offered_again() {
    let (mut room, _) = crowd(small(), 10);
    let refused: Vec<_> = room.offers().into_iter().filter(|(to, ..)| *to == ConnectionId(0)).collect();
    for (connection, id, _) in &refused {
        room.handle(Command::Answered { connection: *connection, id: *id, is_ok: false });
    }
    let refused = room.room.peers[&PeerId::from("p0")].declined.clone();
    assert_eq!(refused.len(), 9);
    room.forget();
    room.speak("p9");
    let others: BTreeSet<_> =
        room.room.peers[&PeerId::from("p0")].consumers.values().map(|state| state.producer.clone()).collect();
    assert!(others.is_disjoint(&refused), "{others:?}");
    assert_eq!(others.len(), 9, "its share goes to what it takes");
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

    /// Whatever happens, the limit holds, nobody is sent something twice, and all get what is theirs a tick later.
    #[test]
    fn the_limit_holds_whatever_happens(steps in proptest::collection::vec((0_u8..6, 0_u64..12), 1..60)) {
        let (mut room, _) = crowd(small(), 8);
        for (what, who) in steps {
            let (connection, id) = (ConnectionId(who), format!("p{who}"));
            let is_in = room.room.peers.get(&PeerId::from(id.as_str())).is_some_and(|peer| peer.joined.is_some());
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
        room.handle(Command::Tick);
        let people = room.room.participants();
        let each = (95 / people.max(1)).min(2 * people.saturating_sub(1));
        for (id, peer) in &room.room.peers {
            let producers: BTreeSet<_> = peer.consumers.values().map(|consumer| &consumer.producer).collect();
            prop_assert_eq!((producers.len(), peer.consumers.len()), (each, each), "{}", id);
        }
    }
}

//! Races between clients and the media plane: what happens while an operation is on its way.

use convene_protocol::admission::PublishGrant;
use convene_protocol::message::DownlinkBwe;

use super::broadcasting::{entry, plain, produce};
use super::matrix::moderator;
use super::plane::Kind;
use super::*;
use crate::room::broadcaster::BroadcasterRequest;

impl Harness {
    /// Sends a request whose answer comes later, and returns its id.
    fn begin(&mut self, connection: ConnectionId, method: &str, data: Value) -> u64 {
        self.next_request += 1;
        let id = self.next_request;
        let request = ClientRequest::parse(method, data).expect("the test sends what can be read");
        self.handle(Command::Request { connection, id, request });
        id
    }

    /// Sends a request and lets everything come.
    fn finish(&mut self, connection: ConnectionId, method: &str, data: Value) -> Result<Value, u16> {
        let id = self.begin(connection, method, data);
        self.complete_all();
        self.answer_to(connection, id).expect("every request is answered")
    }

    fn answer_to(&self, connection: ConnectionId, id: u64) -> Option<Result<Value, u16>> {
        let mut answers = self.sent.iter().filter_map(|(to, message)| match message {
            Outgoing::Success(of, data) if *of == id && *to == connection => Some(Ok(data.clone())),
            Outgoing::Failure { id: of, code, .. } if *of == id && *to == connection => Some(Err(*code)),
            _ => None,
        });
        let answer = answers.next();
        assert!(answers.next().is_none(), "answered twice");
        answer
    }

    fn begin_transport(&mut self, connection: ConnectionId, direction: &str) -> u64 {
        self.begin(connection, "createWebRtcTransport", json!({ "appData": { "direction": direction } }))
    }

    fn create_transport(&mut self, connection: ConnectionId, direction: &str) -> String {
        let data = json!({ "appData": { "direction": direction } });
        let answer = self.finish(connection, "createWebRtcTransport", data).expect("a transport");
        answer["transportId"].as_str().expect("an id").to_owned()
    }

    fn begin_producer(&mut self, connection: ConnectionId, transport: &str, source: &str) -> u64 {
        let kind = if source == "audio" { "audio" } else { "video" };
        self.begin(
            connection,
            "produce",
            json!({ "transportId": transport, "kind": kind, "rtpParameters": {}, "appData": { "source": source } }),
        )
    }

    fn begin_data_producer(&mut self, connection: ConnectionId, transport: &str) -> u64 {
        let data = json!({ "transportId": transport, "label": "chat", "sctpStreamParameters": {} });
        self.begin(connection, "produceData", data)
    }

    /// Connects a client with both transports, joins it, and returns the sending transport.
    fn enter_late(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> (ConnectionId, String) {
        let connection = self.connect_as(connection, peer, grant);
        let sending = self.create_transport(connection, "producer");
        self.create_transport(connection, "consumer");
        let data = json!({ "displayName": peer, "device": {}, "rtpCapabilities": { "codecs": [] } });
        self.finish(connection, "join", data).expect("joins");
        (connection, sending)
    }

    /// Everything has come, and the room knows exactly what is open.
    fn settle_all(&mut self) {
        self.complete_all();
        assert!(self.plane.agrees_with(&self.room.stats()), "{:?}, known: {:?}", self.plane, self.room.stats());
        assert!(self.room.tracks.is_settled() && self.room.data.is_settled() && self.room.early.is_empty());
    }

    fn count(&self, is_one: fn(&Operation) -> bool) -> usize {
        self.operations.iter().filter(|operation| is_one(operation)).count()
    }

    fn is_told(&self, connection: ConnectionId, method: &str) -> bool {
        self.told(connection).iter().any(|told| told == method)
    }
}

fn late() -> Harness {
    late_with(Limits::default())
}

fn late_with(limits: Limits) -> Harness {
    let mut room = Harness::new(limits);
    room.delay();
    room
}

/// A late room with Ada, who moderates, and Bob, and their sending transports.
fn late_pair() -> (Harness, (ConnectionId, String), (ConnectionId, String)) {
    let mut room = late();
    let ada = room.enter_late(1, "ada", moderator());
    let bob = room.enter_late(2, "bob", guest("bob"));
    room.forget();
    (room, ada, bob)
}

fn is_consume(operation: &Operation) -> bool {
    matches!(operation, Operation::Consume { .. })
}

#[test]
fn nothing_is_left_of_a_client_that_leaves_while_anything_is_on_its_way() {
    let (mut room, (ada, _), (bob, sending)) = late_pair();
    let requests = [
        room.begin_transport(bob, "producer"),
        room.begin_producer(bob, &sending, "video"),
        room.begin_data_producer(bob, &sending),
        room.begin(bob, "getTransportStats", json!({ "transportId": sending })),
    ];
    room.begin(bob, "sendChatMessage", json!({ "text": "a voice" }));
    room.handle(Command::Disconnected { connection: bob });
    room.settle_all();
    assert!(requests.iter().all(|id| room.answer_to(bob, *id).is_none()));
    assert_eq!(room.plane.count(Kind::Transport), 2, "those of Ada");
    assert_eq!(room.plane.count(Kind::Producer) + room.plane.count(Kind::DataProducer), 0);
    assert!(!room.is_told(ada, "newConsumer"));
}

#[test]
fn a_successor_gets_neither_answers_nor_objects_of_its_predecessor() {
    let (mut room, _, (bob, sending)) = late_pair();
    let old = [room.begin_transport(bob, "producer"), room.begin_producer(bob, &sending, "audio")];
    let again = room.connect_as(3, "bob", guest("bob"));
    assert!(room.closed.iter().any(|(connection, ..)| *connection == bob));
    let own = room.begin_transport(again, "consumer");
    room.settle_all();
    for id in old {
        assert!(room.answer_to(bob, id).is_none() && room.answer_to(again, id).is_none());
    }
    let created = room.answer_to(again, own).expect("answered").expect("created");
    let transports = room.room.tracks.transports_of(&"bob".into());
    assert_eq!(transports, [TransportId(created["transportId"].as_str().unwrap().to_owned())]);
}

#[test]
fn a_producer_whose_permission_was_withdrawn_is_closed() {
    let (mut room, (ada, _), (bob, sending)) = late_pair();
    let (video, audio) = (room.begin_producer(bob, &sending, "video"), room.begin_producer(bob, &sending, "audio"));
    let channel = room.begin_data_producer(bob, &sending);
    let data = json!({ "peerId": "bob", "publish": { "video": false }, "publishData": false });
    room.begin(ada, "setPermissions", data);
    room.settle_all();
    assert_eq!(room.answer_to(bob, video), Some(Err(403)));
    assert_eq!(room.answer_to(bob, channel), Some(Err(403)));
    assert!(room.answer_to(bob, audio).expect("answered").is_ok());
    assert_eq!((room.plane.count(Kind::Producer), room.plane.count(Kind::DataProducer)), (1, 0));
}

#[test]
fn a_producer_that_was_muted_comes_paused_and_a_screen_is_closed() {
    let (mut room, (ada, _), (bob, sending)) = late_pair();
    let audio = room.begin_producer(bob, &sending, "audio");
    let screen = room.begin_producer(bob, &sending, "screensharing");
    room.begin(ada, "muteParticipant", json!({ "peerId": "bob", "source": "audio" }));
    room.begin(ada, "muteParticipant", json!({ "peerId": "bob", "source": "share" }));
    let later = room.begin_producer(bob, &sending, "video");
    assert!(!room.is_told(bob, "mutedByModerator"), "not before it knows its producer");
    room.settle_all();
    let told = room.told(bob);
    let place = |method: &str| told.iter().position(|told| told == method).expect("told");
    assert!(place("answer") < place("mutedByModerator"), "{told:?}");
    let audio = room.answer_to(bob, audio).expect("answered").expect("created")["producerId"].clone();
    assert!(room.answer_to(bob, screen).expect("answered").is_ok() && room.answer_to(bob, later).is_some());
    let sends = room.room.tracks.sends(&"bob".into());
    assert_eq!((sends.audio, sends.video, sends.share), (false, true, false));
    assert!(room.operations.contains(&Operation::PauseProducer(ProducerId(audio.as_str().unwrap().to_owned()))));
    assert_eq!(room.plane.count(Kind::Producer), 2);
    let paused = room.sent.iter().filter_map(|(to, message)| match message {
        Outgoing::Request(_, ServerRequest::NewConsumer(offer)) if *to == ada => Some(offer.producer_paused),
        _ => None,
    });
    assert_eq!(paused.collect::<Vec<_>>(), [true, false], "as it is when it is offered");
}

#[test]
fn nothing_is_left_of_a_prepared_connection_that_expires() {
    let mut room = late();
    let ada = room.prepare_as(1, "ada", guest("ada"));
    let id = room.begin_transport(ada, "consumer");
    room.now += Limits::default().prepare_timeout;
    room.handle(Command::Tick);
    assert!(room.closed.iter().any(|(connection, ..)| *connection == ada));
    room.settle_all();
    assert_eq!((room.plane.count(Kind::Transport), room.answer_to(ada, id)), (0, None));
}

#[test]
fn a_transport_follows_its_prepared_connection_to_its_seat() {
    let (mut room, (_, _), (bob, sending)) = late_pair();
    room.begin_producer(bob, &sending, "audio");
    room.complete_all();
    let eve = room.prepare_as(3, "eve", guest("eve"));
    let id = room.begin_transport(eve, "consumer");
    let data = json!({ "displayName": "Eve", "device": {}, "rtpCapabilities": { "codecs": [] } });
    let join = room.begin(eve, "join", data);
    assert!(room.answer_to(eve, join).expect("at once").is_ok());
    room.settle_all();
    assert!(room.answer_to(eve, id).expect("answered").is_ok());
    assert_eq!(room.room.tracks.transports_of(&"eve".into()).len(), 1);
    assert_eq!(room.room.tracks.received_by(&"eve".into()).len(), 1, "it gets what the others send");
}

#[test]
fn a_transport_follows_its_prepared_connection_through_the_lobby() {
    for is_admitted in [true, false] {
        let (mut room, (ada, _), _) = late_pair();
        room.begin(ada, "setRoomLobby", json!({ "enabled": true }));
        let eve = room.prepare_as(3, "eve", matrix::waits());
        let requests = [room.begin_transport(eve, "producer"), room.begin_transport(eve, "consumer")];
        room.begin(eve, "knock", json!({ "displayName": "Eve" }));
        assert!(room.room.lobby.id_on(eve).is_some());
        assert!(room.complete(0, false), "one while it waits");
        let method = if is_admitted { "admitPeer" } else { "refusePeer" };
        room.begin(ada, method, json!({ "peerId": "eve" }));
        room.settle_all();
        let (created, answered) = if is_admitted { (2, 2) } else { (0, 1) };
        assert_eq!(room.plane.count(Kind::Transport), 4 + created);
        assert_eq!(room.room.stats().holdings.transports, 4 + created);
        assert_eq!(requests.iter().filter(|id| room.answer_to(eve, **id).is_some()).count(), answered);
    }
}

#[test]
fn a_consumer_whose_producer_has_ended_is_closed() {
    let (mut room, (ada, _), (bob, sending)) = late_pair();
    let id = room.begin_producer(bob, &sending, "video");
    while room.answer_to(bob, id).is_none() {
        assert!(room.complete(0, false));
    }
    let producer = room.answer_to(bob, id).unwrap().unwrap()["producerId"].clone();
    assert_eq!(room.count(is_consume), 1);
    room.begin(bob, "closeProducer", json!({ "producerId": producer }));
    room.settle_all();
    assert!(!room.is_told(ada, "newConsumer"));
    assert_eq!((room.plane.count(Kind::Producer), room.plane.count(Kind::Consumer)), (0, 0));
    assert!(room.room.tracks.declined_by(&"ada".into()).is_empty());
}

#[test]
fn a_consumer_on_its_way_is_not_requested_twice() {
    let mut room = late_with(Limits { consumers: 6, ..Limits::default() });
    let ada = room.enter_late(1, "ada", moderator());
    room.enter_late(2, "bob", guest("bob"));
    for source in ["audio", "video", "screensharing"] {
        room.begin_producer(ada.0, &ada.1, source);
    }
    while room.count(is_consume) < 3 {
        assert!(room.complete(0, false));
    }
    for _ in 0..3 {
        room.now += Duration::from_secs(1);
        room.handle(Command::Tick);
        room.handle(Command::Media(MediaEvent::DominantSpeaker(ProducerId::from("none"))));
        // A second receiving transport is a reason to offer everything again.
        room.begin_transport(ConnectionId(2), "consumer");
    }
    room.settle_all();
    assert_eq!(room.count(is_consume), 3);
    assert_eq!(room.room.tracks.received_by(&"bob".into()).len(), 3);
}

#[test]
fn the_copies_of_a_consumer_are_requested_once() {
    let mut room = late();
    let ada = room.enter_late(1, "ada", guest("ada"));
    let eve = room.connect_with(2, "eve", 2);
    room.create_transport(eve, "consumer");
    let data = json!({ "displayName": "Eve", "device": {}, "rtpCapabilities": { "codecs": [] } });
    room.finish(eve, "join", data).expect("joins");
    room.begin_producer(ada.0, &ada.1, "video");
    while room.count(is_consume) < 3 {
        assert!(room.complete(0, false));
    }
    room.begin_transport(eve, "consumer");
    room.settle_all();
    assert_eq!((room.count(is_consume), room.plane.count(Kind::Consumer)), (3, 3));
}

#[test]
fn what_is_on_its_way_counts_against_the_limits() {
    let limits =
        Limits { transports_per_peer: 3, producers_per_peer: 1, data_producers_per_peer: 1, ..Limits::default() };
    let mut room = late_with(limits);
    let (ada, sending) = room.enter_late(1, "ada", guest("ada"));
    let requests = [
        (room.begin_transport(ada, "producer"), room.begin_transport(ada, "producer")),
        (room.begin_producer(ada, &sending, "audio"), room.begin_producer(ada, &sending, "video")),
        (room.begin_data_producer(ada, &sending), room.begin_data_producer(ada, &sending)),
    ];
    for (first, second) in requests {
        assert_eq!((room.answer_to(ada, first), room.answer_to(ada, second)), (None, Some(Err(429))));
    }
    room.settle_all();
    assert!(requests.iter().all(|(first, _)| room.answer_to(ada, *first).is_some_and(|answer| answer.is_ok())));
}

#[test]
fn what_a_client_that_has_left_requested_counts_until_it_has_come() {
    let mut room = late_with(Limits { transports: 4, ..Limits::default() });
    let ada = room.connect(1, "ada");
    for connection in 2..6 {
        let bob = room.connect(connection, "bob");
        room.begin_transport(bob, "producer");
        room.handle(Command::Disconnected { connection: bob });
    }
    let refused = room.begin_transport(ada, "producer");
    assert_eq!(room.answer_to(ada, refused), Some(Err(429)));
    room.complete_all();
    room.create_transport(ada, "producer");
}

#[test]
fn a_failed_operation_no_longer_counts() {
    let limits =
        Limits { transports_per_peer: 2, producers_per_peer: 1, data_producers_per_peer: 1, ..Limits::default() };
    let mut room = late_with(limits);
    let (ada, sending) = room.enter_late(1, "ada", guest("ada"));
    for _ in 0..3 {
        let requests = [room.begin_producer(ada, &sending, "audio"), room.begin_data_producer(ada, &sending)];
        while room.complete(0, true) {}
        assert!(requests.iter().all(|id| room.answer_to(ada, *id) == Some(Err(500))));
    }
    room.settle_all();
}

#[test]
fn what_a_broadcaster_is_about_to_receive_counts_on_its_plain_transport() {
    let mut room = late_with(Limits { plain_consumers: 1, ..Limits::default() });
    let (ada, sending) = room.enter_late(1, "ada", guest("ada"));
    for source in ["audio", "video"] {
        room.begin_producer(ada, &sending, source);
    }
    room.complete_all();
    let grant = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    for request in [entry(true), plain(Direction::Consumer)] {
        room.call_as("cam", grant.clone(), request);
    }
    room.complete_all();
    let transport = room.room.tracks.transports_of(&"cam".into())[0].clone();
    let producers: Vec<_> = room.room.tracks.producers_of(&"ada".into()).map(|(id, _)| id.clone()).collect();
    let consume = |producer: &ProducerId| BroadcasterRequest::Consume {
        transport: transport.clone(),
        producer: producer.clone(),
        paused: false,
        rtp_capabilities: None,
    };
    let calls: Vec<_> = producers.iter().map(|one| room.call_as("cam", grant.clone(), consume(one))).collect();
    assert_eq!(room.answer_to(calls[1], 0), Some(Err(429)));
    room.settle_all();
    assert!(room.answer_to(calls[0], 0).expect("answered").is_ok());
}

#[test]
fn a_call_is_answered_although_its_broadcaster_has_left() {
    let mut room = late();
    room.call("cam", entry(true));
    room.call("cam", plain(Direction::Producer));
    room.complete_all();
    let transport = room.room.tracks.transports_of(&"cam".into())[0].0.clone();
    let calls = [room.call("cam", plain(Direction::Producer)), room.call("cam", produce(&transport))];
    room.call("cam", BroadcasterRequest::Leave);
    room.settle_all();
    assert_eq!(calls.map(|call| room.answer_to(call, 0)), [Some(Err(404)), Some(Err(404))]);
    assert_eq!(room.plane.count(Kind::Transport), 0);
}

#[test]
fn nothing_is_left_when_the_room_ends_or_moves_meanwhile() {
    let leave = |time| MoveCommand::Leave { id: "m".into(), tickets: [].into(), time };
    let handover = || MoveCommand::Handover { id: "m".into(), hold: Duration::from_mins(1) };
    let ends: [Vec<Command>; 4] = [
        vec![Command::End(End::Over)],
        vec![Command::End(End::Moved)],
        vec![Command::Move(handover()), Command::Move(leave(Duration::ZERO))],
        vec![Command::Remove("ada".into()), Command::Remove("bob".into())],
    ];
    for commands in ends {
        let (mut room, _, (bob, sending)) = late_pair();
        room.begin_transport(bob, "producer");
        room.begin_producer(bob, &sending, "video");
        room.begin_data_producer(bob, &sending);
        room.begin(bob, "sendChatMessage", json!({ "text": "a voice" }));
        room.complete(0, false);
        for command in commands {
            room.handle(command);
        }
        room.settle_all();
        assert!(room.plane.is_empty(), "{:?}", room.plane);
    }
}

#[test]
fn a_frozen_room_finishes_what_is_on_its_way() {
    let (mut room, (ada, _), (bob, sending)) = late_pair();
    let id = room.begin_producer(bob, &sending, "video");
    room.handle(Command::Move(MoveCommand::Handover { id: "m".into(), hold: Duration::from_mins(1) }));
    room.settle_all();
    assert!(room.answer_to(bob, id).expect("answered").is_ok() && room.is_told(ada, "newConsumer"));
}

#[test]
fn a_worker_may_end_while_operations_are_on_their_way() {
    let (mut room, _, (bob, sending)) = late_pair();
    room.begin_transport(bob, "producer");
    room.begin_producer(bob, &sending, "video");
    room.complete(0, false);
    room.plane.clear();
    room.handle(Command::Media(MediaEvent::WorkerDied));
    assert!(room.is_shut);
    while room.complete(0, true) {}
    assert!(room.room.tracks.is_settled() && room.plane.is_empty());
}

#[test]
fn a_report_that_comes_before_its_object_counts() {
    let (mut room, _, (bob, sending)) = late_pair();
    let id = room.begin_producer(bob, &sending, "audio");
    let before = room.plane.last_id();
    let report = |id: u64| {
        let score = json!([{ "encodingIdx": 0, "score": 10 }]);
        Command::Media(MediaEvent::ProducerScore(ProducerId(id.to_string()), score))
    };
    room.handle(report(before + 1));
    assert!(!room.is_told(bob, "producerScore"));
    while room.answer_to(bob, id).is_none() {
        assert!(room.complete(0, false));
    }
    assert_eq!(room.told(bob), ["answer", "producerScore"]);
    assert!(room.room.tracks.active_producer(&"bob".into()).is_some());
    room.settle_all();
}

#[test]
fn a_speaker_and_an_estimate_that_come_before_their_objects_count() {
    let (mut room, _, (bob, sending)) = late_pair();
    let id = room.begin_producer(bob, &sending, "audio");
    let producer = (room.plane.last_id() + 1).to_string();
    room.handle(Command::Media(MediaEvent::DominantSpeaker(ProducerId(producer))));
    assert!(!room.is_told(bob, "activeSpeaker"));
    room.complete_all();
    assert!(room.answer_to(bob, id).is_some() && room.is_told(bob, "activeSpeaker"));

    room.begin_transport(bob, "consumer");
    let transport = TransportId((room.plane.last_id() + 1).to_string());
    let estimate = DownlinkBwe { desired_bitrate: 3, effective_desired_bitrate: 2, available_bitrate: 1 };
    room.handle(Command::Media(MediaEvent::DownlinkBwe(transport, estimate)));
    assert!(!room.is_told(bob, "downlinkBwe"));
    room.settle_all();
    assert!(room.is_told(bob, "downlinkBwe"));
}

#[test]
fn a_speaker_that_comes_early_does_not_replace_a_later_one() {
    let (mut room, (ada, own), (bob, sending)) = late_pair();
    room.begin_producer(ada, &own, "audio");
    room.complete_all();
    let producer = room.room.tracks.producers_of(&"ada".into()).next().map(|(id, _)| id.clone()).expect("created");
    room.begin_producer(bob, &sending, "audio");
    let early = ProducerId((room.plane.last_id() + 1).to_string());
    room.handle(Command::Media(MediaEvent::DominantSpeaker(early)));
    room.handle(Command::Media(MediaEvent::DominantSpeaker(producer)));
    room.settle_all();
    assert_eq!(room.room.tracks.speakers().collect::<Vec<_>>(), [&PeerId::from("ada")]);
}

#[test]
fn a_message_that_comes_before_its_channel_is_kept() {
    let (mut room, _, (bob, sending)) = late_pair();
    room.begin_data_producer(bob, &sending);
    let channel = (room.plane.last_id() + 1).to_string();
    room.handle(Command::Media(MediaEvent::ChatMessage(heard(&channel, "early"))));
    room.settle_all();
    let history = room.finish(bob, "getChatHistory", json!({})).expect("may read");
    assert_eq!(history["messages"][0]["text"], "early");
}

#[test]
fn a_voice_speaks_once_all_receivers_have_it() {
    let (mut room, (ada, _), (bob, _)) = late_pair();
    room.begin(bob, "sendChatMessage", json!({ "text": "hello" }));
    let is_said = |operation: &Operation| matches!(operation, Operation::VoiceSay(..));
    assert!(room.complete(0, false), "the voice");
    assert_eq!(room.count(is_said), 0, "Ada does not know it yet");
    room.complete_all();
    assert!(room.is_told(ada, "newDataConsumer"));
    assert_eq!(room.count(is_said), 0, "nor has she accepted it");
    room.accept_data_offers();
    assert_eq!(room.count(is_said), 1);
    room.settle_all();
}

#[test]
fn a_voice_does_not_wait_for_a_receiver_that_cannot_get_it() {
    let (mut room, _, (bob, _)) = late_pair();
    room.accept_data_offers();
    room.begin(bob, "sendChatMessage", json!({ "text": "hello" }));
    assert!(room.complete(0, false), "the voice");
    while room.complete(0, true) {}
    assert_eq!(room.count(|operation| matches!(operation, Operation::VoiceSay(..))), 1);
}

#[test]
fn a_voice_whose_permission_was_withdrawn_is_closed_and_used_if_it_is_back() {
    for is_back in [false, true] {
        let (mut room, (ada, _), (bob, _)) = late_pair();
        room.accept_data_offers();
        room.begin(bob, "sendChatMessage", json!({ "text": "one" }));
        for publish_data in if is_back { vec![false, true] } else { vec![false] } {
            room.begin(ada, "setPermissions", json!({ "peerId": "bob", "publishData": publish_data }));
        }
        if is_back {
            room.begin(bob, "sendChatMessage", json!({ "text": "two" }));
        }
        room.settle_all();
        assert_eq!(room.count(|operation| matches!(operation, Operation::CreateVoice)), 1);
        assert_eq!(room.plane.count(Kind::DataProducer), usize::from(is_back));
    }
}

#[test]
fn publishing_is_decided_by_the_permission_at_the_end() {
    let mut room = late();
    let (ada, _) = room.enter_late(1, "ada", moderator());
    let none = PublishGrant { audio: false, video: false, share: false };
    let (bob, sending) = room.enter_late(2, "bob", ParticipantGrant { publish: none, ..guest("bob") });
    let refused = room.begin_producer(bob, &sending, "audio");
    room.begin(ada, "setPermissions", json!({ "peerId": "bob", "publish": { "audio": true } }));
    let id = room.begin_producer(bob, &sending, "audio");
    for allowed in [false, true] {
        room.begin(ada, "setPermissions", json!({ "peerId": "bob", "publish": { "audio": allowed } }));
    }
    room.settle_all();
    assert_eq!(room.answer_to(bob, refused), Some(Err(403)));
    assert!(room.answer_to(bob, id).expect("answered").is_ok());
}

#[test]
fn the_packets_of_a_lost_participant_are_counted_once_at_a_time() {
    let (mut room, _, (bob, sending)) = late_pair();
    let id = room.begin_producer(bob, &sending, "audio");
    room.complete_all();
    let producer = room.answer_to(bob, id).unwrap().unwrap()["producerId"].as_str().unwrap().to_owned();
    let score = json!([{ "encodingIdx": 0, "score": 10 }]);
    room.handle(Command::Media(MediaEvent::ProducerScore(ProducerId(producer), score)));
    room.handle(Command::CutOff { connection: bob });
    let is_count = |operation: &Operation| matches!(operation, Operation::ProducerStats(_));
    let pass = |room: &mut Harness| {
        room.now += Duration::from_secs(1);
        room.handle(Command::Tick);
    };
    for _ in 0..3 {
        pass(&mut room);
    }
    assert_eq!(room.count(is_count), 1);
    while room.complete(0, true) {}
    pass(&mut room);
    assert_eq!(room.count(is_count), 2, "also after a failure");
    room.settle_all();
}

//! The room's facts, with a media plane that always succeeds and counts what is open.

use std::collections::BTreeSet;
use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{ClientRequest, ConsumerScore, Direction, ServerNotification, ServerRequest, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Command, ConnectionId, Context, CreatedConsumer, CreatedDataConsumer, CreatedPlainTransport, CreatedProducer,
    CreatedTransport, DataConsumerId, DataProducerId, Effect, End, Fact, Heard, Limits, MediaEvent, Operation, Outcome,
    Outgoing, PeerId, ProducerId, Room, Terms, TransportId,
};

mod broadcasting;
mod chatting;
mod identity;
mod large;
mod lobby;
mod matrix;
mod moderating;
mod presence;
mod rights;
mod seats;
mod terms;

/// A guest of one browser, known by its name.
fn guest(name: &str) -> ParticipantGrant {
    ParticipantGrant { guest: Some(name.to_owned()), ..ParticipantGrant::default() }
}

/// A room whose operations succeed at once.
struct Harness {
    room: Room,
    now: Duration,
    next_id: u64,
    next_request: u64,
    open_transports: BTreeSet<TransportId>,
    sent: Vec<(ConnectionId, Outgoing)>,
    closed: Vec<(ConnectionId, u16, &'static str)>,
    operations: Vec<Operation>,
    facts: Vec<Fact>,
    pinged: Vec<ConnectionId>,
    /// That have come of every producer.
    packets: u64,
    is_shut: bool,
}

impl Harness {
    fn new(limits: Limits) -> Self {
        Self::with(limits, Terms::default())
    }

    fn with(limits: Limits, terms: Terms) -> Self {
        Self {
            room: Room::new(limits, terms, json!({ "codecs": ["all"] }), "1".into(), 0, None),
            now: Duration::ZERO,
            next_id: 0,
            next_request: 0,
            open_transports: BTreeSet::new(),
            sent: Vec::new(),
            closed: Vec::new(),
            operations: Vec::new(),
            facts: Vec::new(),
            pinged: Vec::new(),
            packets: 0,
            is_shut: false,
        }
    }

    fn handle(&mut self, command: Command) {
        let effects = self.room.handle(command, self.now);
        for effect in effects {
            match effect {
                Effect::Send(connection, message) => self.sent.push((connection, message)),
                Effect::Close { connection, code, reason } => self.closed.push((connection, code, reason)),
                Effect::Note(fact) => self.facts.push(fact),
                Effect::Ping(connection) => self.pinged.push(connection),
                Effect::Shut => self.is_shut = true,
                Effect::Media(operation, context) => self.run(operation, context),
            }
        }
    }

    fn run(&mut self, operation: Operation, context: Context) {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let outcome = match &operation {
            Operation::CreateTransport { .. } => {
                self.open_transports.insert(TransportId(id.clone()));
                Outcome::Transport(Box::new(CreatedTransport {
                    id: TransportId(id),
                    ice_parameters: json!({}),
                    ice_candidates: json!([]),
                    dtls_parameters: json!({}),
                    sctp_parameters: None,
                }))
            }
            Operation::CreatePlainTransport { rtcp_mux, .. } => {
                self.open_transports.insert(TransportId(id.clone()));
                let rtcp_port = (!rtcp_mux).then_some(40_001);
                let created =
                    CreatedPlainTransport { id: TransportId(id), ip: "192.0.2.1".into(), port: 40_000, rtcp_port };
                Outcome::PlainTransport(created)
            }
            Operation::CloseTransport(transport) => {
                assert!(self.open_transports.remove(transport), "{transport} closed twice");
                Outcome::Done
            }
            Operation::Produce { .. } => {
                Outcome::Producer(CreatedProducer { id: ProducerId(id), consumable_codecs: json!(["codec"]) })
            }
            Operation::Consume { .. } => Outcome::Consumer(Box::new(CreatedConsumer {
                id: super::ConsumerId(id),
                rtp_parameters: json!({}),
                consumer_type: "simple".into(),
                score: ConsumerScore::default(),
            })),
            Operation::ProduceData { .. } | Operation::CreateVoice => Outcome::DataProducer(DataProducerId(id)),
            Operation::ConsumeData { producer, .. } => Outcome::DataConsumer(Box::new(CreatedDataConsumer {
                id: DataConsumerId(id),
                producer: producer.clone().unwrap_or_else(|| DataProducerId::from("bot")),
                sctp_stream_parameters: json!({ "streamId": 0 }),
                label: "any".into(),
                protocol: String::new(),
            })),
            Operation::ProducerStats(_) => Outcome::Stats(json!([{ "packetCount": self.packets }])),
            Operation::TransportStats(_) => Outcome::Stats(json!([1])),
            Operation::RestartIce(_) => Outcome::IceParameters(json!({ "usernameFragment": "u" })),
            _ => Outcome::Done,
        };
        self.operations.push(operation);
        self.handle(Command::MediaDone { context, outcome: Ok(outcome) });
    }

    fn connect(&mut self, connection: u64, peer: &str) -> ConnectionId {
        self.connect_with(connection, peer, 0)
    }

    fn connect_with(&mut self, connection: u64, peer: &str, replicas: usize) -> ConnectionId {
        let (connection, grant) = (ConnectionId(connection), guest(peer));
        let peer = PeerId::from(peer);
        self.handle(Command::Connected { connection, peer, grant, replicas, comes_back_only: false, proves: None });
        connection
    }

    fn connect_as(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> ConnectionId {
        let (connection, peer) = (ConnectionId(connection), PeerId::from(peer));
        self.handle(Command::Connected { connection, peer, grant, replicas: 0, comes_back_only: false, proves: None });
        connection
    }

    /// To a pod that takes nobody new.
    fn come_back(&mut self, connection: u64, peer: &str) -> ConnectionId {
        let (connection, grant) = (ConnectionId(connection), guest(peer));
        let peer = PeerId::from(peer);
        self.handle(Command::Connected { connection, peer, grant, replicas: 0, comes_back_only: true, proves: None });
        connection
    }

    fn set(&mut self, change: impl FnOnce(&mut RoomSettings)) {
        let mut settings = self.room.settings();
        change(&mut settings);
        self.handle(Command::Update { settings, returning: None });
    }

    /// Sends a request and gives its response.
    fn ask(&mut self, connection: ConnectionId, method: &str, data: Value) -> Result<Value, (u16, String)> {
        self.next_request += 1;
        let id = self.next_request;
        let request = ClientRequest::parse(method, data).expect("the test sends what can be read");
        self.handle(Command::Request { connection, id, request });
        let mut answers = self.sent.iter().filter_map(|(to, message)| match message {
            Outgoing::Success(of, data) if *of == id && *to == connection => Some(Ok(data.clone())),
            Outgoing::Failure { id: of, code, reason } if *of == id && *to == connection => {
                Some(Err((*code, reason.clone())))
            }
            _ => None,
        });
        let answer = answers.next().expect("every request is answered");
        assert!(answers.next().is_none(), "answered twice");
        answer
    }

    fn transport(&mut self, connection: ConnectionId, direction: &str) -> String {
        let data = json!({ "forceTcp": false, "appData": { "direction": direction } });
        let answer = self.ask(connection, "createWebRtcTransport", data).expect("a transport");
        answer["transportId"].as_str().expect("an id").to_owned()
    }

    fn join(&mut self, connection: ConnectionId, name: &str) -> Value {
        self.transport(connection, "consumer");
        let data = json!({ "displayName": name, "device": { "flag": "chrome" }, "rtpCapabilities": { "codecs": [] } });
        self.ask(connection, "join", data).expect("join works")
    }

    fn produce(&mut self, connection: ConnectionId, kind: &str) -> String {
        let transport = self.transport(connection, "producer");
        let data =
            json!({ "transportId": transport, "kind": kind, "rtpParameters": {}, "appData": { "source": kind } });
        let answer = self.ask(connection, "produce", data).expect("produce works");
        answer["producerId"].as_str().expect("an id").to_owned()
    }

    fn produce_data(&mut self, connection: ConnectionId, channel: &str) -> String {
        let transport = self.transport(connection, "producer");
        let data = json!({ "transportId": transport, "label": channel, "sctpStreamParameters": {} });
        let answer = self.ask(connection, "produceData", data).expect("produceData works");
        answer["dataProducerId"].as_str().expect("an id").to_owned()
    }

    /// Whose messages were offered to a connection.
    fn data_offers(&self, connection: ConnectionId) -> Vec<Option<String>> {
        let offer = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Request(_, ServerRequest::NewDataConsumer(offer)) if *to == connection => {
                Some(offer.peer_id.clone())
            }
            _ => None,
        };
        self.sent.iter().filter_map(offer).collect()
    }

    /// Everybody accepts what was offered to them.
    fn accept_offers(&mut self) {
        let offers = self.offers();
        for (connection, id, _) in offers {
            self.handle(Command::Answered { connection, id, is_ok: true });
        }
    }

    fn offers(&self) -> Vec<(ConnectionId, u64, Source)> {
        let offer = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Request(id, ServerRequest::NewConsumer(offer)) => Some((*to, *id, offer.app_data.source)),
            _ => None,
        };
        self.sent.iter().filter_map(offer).collect()
    }

    /// Methods of what a connection was sent, in order.
    fn told(&self, connection: ConnectionId) -> Vec<String> {
        let name = |message: &Outgoing| match message {
            Outgoing::Success(..) => "answer".to_owned(),
            Outgoing::Failure { .. } => "error".to_owned(),
            Outgoing::Request(_, asked) => method(asked),
            Outgoing::Notification(told) => method(told),
        };
        self.sent.iter().filter(|(to, _)| *to == connection).map(|(_, message)| name(message)).collect()
    }

    fn forget(&mut self) {
        self.sent.clear();
        self.operations.clear();
    }
}

fn method(message: &impl serde::Serialize) -> String {
    json!(message)["method"].as_str().expect("every message has a method").to_owned()
}

fn heard(producer: &str, text: &str) -> Heard {
    Heard { producer: DataProducerId::from(producer), bytes: text.len(), text: Some(text.to_owned()) }
}

fn harness() -> Harness {
    Harness::new(Limits::default())
}

/// A room with Ada and Bob in it.
fn pair() -> (Harness, ConnectionId, ConnectionId) {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    (room, ada, bob)
}

#[test]
fn join_is_answered_before_consumers_are_offered_and_others_hear_of_it() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.produce(ada, "audio");
    room.produce(ada, "video");
    room.forget();

    let bob = room.connect(2, "bob");
    let answer = room.join(bob, "Bob");

    assert_eq!(answer["peers"][0]["peerId"], "ada");
    assert_eq!(answer["peers"][0]["id"], "ada");
    let first = ["mediasoupVersion", "mediasoup-version", "permissions", "answer", "answer", "roomState"];
    let offered = ["newConsumer", "newConsumer", "newDataConsumer"];
    assert_eq!(room.told(bob), [&first[..], &offered[..]].concat());
    assert_eq!(room.told(ada), ["newPeer"]);
}

#[test]
fn a_consumer_flows_only_after_its_receiver_accepts() {
    let (mut room, ada, bob) = pair();
    room.produce(ada, "video");
    let resumed =
        |room: &Harness| room.operations.iter().any(|operation| matches!(operation, Operation::ResumeConsumer(_)));
    assert!(!resumed(&room));
    room.accept_offers();
    assert!(resumed(&room));
    assert_eq!(room.told(bob).last().map(String::as_str), Some("consumerScore"));
}

#[test]
fn a_refused_consumer_is_dropped() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "audio");
    room.produce(ada, "video");
    let (connection, id, _) = room.offers()[0];
    room.handle(Command::Answered { connection, id, is_ok: false });
    let closed = room.operations.iter().filter(|operation| matches!(operation, Operation::CloseConsumer(_))).count();
    assert_eq!(closed, 1);
}

#[test]
fn a_page_that_sleeps_may_accept_what_it_was_offered_when_it_wakes() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "audio");
    room.produce(ada, "video");
    for _ in 0..120 {
        room.now += Duration::from_secs(1);
        room.handle(Command::Tick);
    }
    room.accept_offers();
    let resumed = |operation: &&Operation| matches!(operation, Operation::ResumeConsumer(_));
    assert_eq!(room.operations.iter().filter(resumed).count(), 2);
    assert!(!room.operations.iter().any(|operation| matches!(operation, Operation::CloseConsumer(_))));
}

#[test]
fn a_late_answer_for_what_has_ended_meanwhile_is_nobodys() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "video");
    room.handle(Command::Disconnected { connection: ada });
    room.now += Duration::from_mins(1);
    room.accept_offers();
    assert!(!room.operations.iter().any(|operation| matches!(operation, Operation::ResumeConsumer(_))));
}

#[test]
fn leaving_closes_what_was_owned_and_tells_the_others() {
    let (mut room, ada, bob) = pair();
    room.produce(ada, "video");
    room.accept_offers();
    room.forget();
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!(room.told(bob), ["consumerClosed", "peerClosed"]);
    assert_eq!(room.open_transports.len(), 1, "only bob's transport is left");
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn the_same_peer_comes_again_and_the_old_connection_goes_first() {
    let mut room = harness();
    let old = room.connect(1, "ada");
    room.join(old, "Ada");
    room.produce(old, "video");
    let new = room.connect(2, "ada");
    assert_eq!(room.closed, [(old, 4000, "replaced by a newer connection of the same peer")]);
    assert!(room.open_transports.is_empty());
    room.join(new, "Ada");
    room.handle(Command::Disconnected { connection: old });
    assert_eq!(room.room.participants(), 1, "the late end of the old socket is nobody's");
}

#[test]
fn wrong_order_and_foreign_ids_are_refused_and_change_nothing() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    let early = room.transport(ada, "producer");
    let produce = |transport: &str| json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    assert_eq!(room.ask(ada, "produce", produce(&early)), Err((409, "join first".into())));
    assert_eq!(room.ask(ada, "changeDisplayName", json!({ "displayName": "X" })), Err((409, "join first".into())));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    assert_eq!(room.ask(ada, "join", json!({ "displayName": "Ada" })), Err((409, "you have joined already".into())));
    let foreign = room.produce(bob, "audio");
    let not_yours = Err((404, format!("you have no producer with id {foreign:?}")));
    assert_eq!(room.ask(ada, "closeProducer", json!({ "producerId": foreign })), not_yours);
    assert_eq!(room.ask(ada, "pauseProducer", json!({ "producerId": foreign })), not_yours);
    let receiving = room.transport(ada, "consumer");
    assert_eq!(room.ask(ada, "produce", produce(&receiving)), Err((409, "this transport is for receiving".into())));
    assert_eq!(room.room.participants(), 2);
    assert!(room.closed.is_empty());
}

#[test]
fn pausing_tells_the_receivers_and_new_ones_learn_it_from_the_offer() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(ada, "audio");
    room.accept_offers();
    room.forget();
    room.ask(ada, "pauseProducer", json!({ "producerId": producer })).expect("pause works");
    assert_eq!(room.told(bob), ["consumerPaused", "peerSends"]);
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    let offers = room.sent.iter().filter_map(|(_, message)| match message {
        Outgoing::Request(_, ServerRequest::NewConsumer(offer)) => Some(offer.producer_paused),
        _ => None,
    });
    assert_eq!(offers.collect::<Vec<_>>(), [true]);
}

#[test]
fn state_changes_work_as_notifications_and_crossing_ones_are_passed_over() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(ada, "audio");
    room.forget();
    let close = ClientRequest::parse("closeProducer", json!({ "producerId": producer })).expect("readable");
    room.handle(Command::Notification { connection: ada, request: close.clone() });
    assert_eq!(room.told(bob), ["peerSends", "consumerClosed"]);
    room.handle(Command::Notification { connection: ada, request: close });
    assert_eq!(room.told(ada), [] as [&str; 0], "no answer to a notification, right or wrong");
}

#[test]
fn statistics_have_the_shape_of_the_clients_dialect() {
    let mut room = harness();
    let (old, new) = (room.connect(1, "old"), room.connect(2, "new"));
    let data = json!({ "forceTcp": false, "producing": true, "consuming": false });
    let answer = room.ask(old, "createWebRtcTransport", data).expect("a transport");
    let transport = room.transport(new, "producer");
    assert_eq!(room.ask(old, "getTransportStats", json!({ "transportId": answer["id"] })), Ok(json!([1])));
    assert_eq!(room.ask(new, "getTransportStats", json!({ "transportId": transport })), Ok(json!({ "stats": [1] })));
    let restarted = json!({ "usernameFragment": "u", "iceParameters": { "usernameFragment": "u" } });
    assert_eq!(room.ask(new, "restartIce", json!({ "transportId": transport })), Ok(restarted));
}

#[test]
fn limits_are_errors_not_endings() {
    let limits = Limits { peers: 2, transports_per_peer: 2, producers_per_peer: 1, ..Limits::default() };
    let mut room = Harness::new(limits);
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let transport = room.transport(ada, "producer");
    let third = room.ask(ada, "createWebRtcTransport", json!({ "appData": { "direction": "producer" } }));
    assert_eq!(third, Err((429, "the limit of 2 transports per participant is reached".into())));
    let produce = json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    room.ask(ada, "produce", produce.clone()).expect("the first works");
    assert_eq!(
        room.ask(ada, "produce", produce),
        Err((429, "the limit of 1 producers per participant is reached".into()))
    );
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    let late = room.connect(3, "eve");
    assert_eq!(room.closed, [(late, 4000, "the meeting is full")]);
}

#[test]
fn an_empty_room_ends_after_its_time_and_not_before() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.now += Duration::from_secs(1000);
    room.handle(Command::Tick);
    assert!(!room.is_shut, "somebody is there");
    room.handle(Command::Disconnected { connection: ada });
    room.now += Limits::default().empty_timeout.checked_sub(Duration::from_millis(1)).expect("more than 1 ms");
    room.handle(Command::Tick);
    assert!(!room.is_shut);
    room.now += Duration::from_millis(1);
    room.handle(Command::Tick);
    assert!(room.is_shut);
}

#[test]
fn a_lost_way_is_forgiven_within_its_grace() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    let transport = TransportId(room.transport(ada, "producer"));
    room.handle(Command::Media(MediaEvent::TransportDisconnected(transport.clone())));
    room.now += Duration::from_secs(29);
    room.handle(Command::Media(MediaEvent::TransportConnected(transport.clone())));
    room.now += Duration::from_mins(1);
    room.handle(Command::Tick);
    assert!(room.closed.is_empty());
    room.handle(Command::Media(MediaEvent::TransportDisconnected(transport)));
    room.now += Limits::default().ice_grace;
    room.handle(Command::Tick);
    assert_eq!(room.closed, [(ada, 1012, "media connection lost: please come back")]);
}

#[test]
fn ends_say_whether_to_come_back() {
    for (end, code) in [(End::Over, 4000), (End::Moved, 1012)] {
        let mut room = harness();
        let ada = room.connect(1, "ada");
        room.join(ada, "Ada");
        room.handle(Command::End(end));
        assert_eq!(room.closed.iter().map(|(to, code, _)| (*to, *code)).collect::<Vec<_>>(), [(ada, code)]);
        assert!(room.is_shut && room.open_transports.is_empty());
    }
}

#[test]
fn a_dead_worker_sends_everybody_back_without_touching_its_handles() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.forget();
    room.handle(Command::Media(MediaEvent::WorkerDied));
    assert_eq!(room.closed, [(ada, 1012, "the media worker ended: please come back")]);
    assert!(room.is_shut && room.operations.is_empty());
}

#[test]
fn speakers_are_told_by_peer_and_silence_moves_nobody() {
    let (mut room, ada, bob) = pair();
    let producer = ProducerId(room.produce(ada, "audio"));
    room.forget();
    room.handle(Command::Media(MediaEvent::Volumes(vec![(producer.clone(), -20)])));
    room.handle(Command::Media(MediaEvent::DominantSpeaker(producer)));
    room.handle(Command::Media(MediaEvent::Volumes(vec![])));
    assert_eq!(room.told(bob), ["speakingPeers", "activeSpeaker", "speakingPeers"]);
    let told = room.sent.iter().find_map(|(_, message)| match message {
        Outgoing::Notification(ServerNotification::ActiveSpeaker(told)) => Some(told.clone()),
        _ => None,
    });
    let told = told.expect("an active speaker");
    assert_eq!((told.peer_id.as_deref(), told.volume), (Some("ada"), Some(-20)));
}

#[test]
fn chat_goes_to_the_others_and_words_for_the_bot_to_the_bot_alone() {
    let (mut room, ada, bob) = pair();
    let bot_channel = room.produce_data(ada, "bot");
    room.produce_data(ada, "chat");
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    assert_eq!(room.data_offers(bob), [None, Some("ada".to_owned())]);
    assert_eq!(room.data_offers(eve), [None, Some("ada".to_owned())]);
    assert_eq!(room.data_offers(ada), [None]);

    room.forget();
    room.handle(Command::Media(MediaEvent::BotHeard(heard(&bot_channel, "hi"))));
    assert_eq!(room.operations, [Operation::BotSay("Ada told me: \"hi\"".into())]);
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!(room.told(bob), ["dataConsumerClosed", "peerClosed"]);
    room.handle(Command::Media(MediaEvent::BotHeard(heard("gone", "hi"))));
    assert_eq!(room.told(eve), ["dataConsumerClosed", "peerClosed"], "the bot says nothing for who has left");
}

#[test]
fn directions_of_transports_are_kept_apart() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.transport(ada, "producer");
    let joined = room.ask(ada, "join", json!({ "displayName": "Ada", "rtpCapabilities": {} }));
    joined.expect("joins without a receiving transport");
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    room.produce(bob, "audio");
    assert!(room.offers().is_empty(), "ada cannot receive yet");
    room.transport(ada, "consumer");
    assert_eq!(room.offers().len(), 1, "now she can");
    let is_consumer = |operation: &Operation| {
        matches!(operation, Operation::CreateTransport { direction: Some(Direction::Consumer), .. })
    };
    assert_eq!(room.operations.iter().filter(|operation| is_consumer(operation)).count(), 2);
}

/// What a hostile or unlucky crowd may do, by small numbers.
#[derive(Clone, Debug)]
enum Act {
    Connect(u64, u8, u8),
    Disconnect(u64),
    Ask(u64, usize, u64),
    Answer(u64, u64, bool),
    Broadcast(u8, usize, u64),
    Lost(u64),
    Wait(u64),
    Remove(u8),
    Lock(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u64..12, 0u8..4, 0u8..32).prop_map(|(connection, peer, rights)| Act::Connect(connection, peer, rights)),
        (0u64..12).prop_map(Act::Disconnect),
        (0u64..12, 0usize..25, 0u64..60).prop_map(|(connection, what, id)| Act::Ask(connection, what, id)),
        (0u64..12, 0u64..6, any::<bool>()).prop_map(|(connection, id, is_ok)| Act::Answer(connection, id, is_ok)),
        (0u8..4, 0usize..8, 0u64..60).prop_map(|(peer, what, id)| Act::Broadcast(peer, what, id)),
        (0u64..60).prop_map(Act::Lost),
        (0u64..40).prop_map(Act::Wait),
        (0u8..4).prop_map(Act::Remove),
        any::<bool>().prop_map(Act::Lock),
    ]
}

/// By bits.
fn some_grant(rights: u8) -> ParticipantGrant {
    let has = |bit: u8| rights & (1 << bit) != 0;
    ParticipantGrant {
        moderator: has(0),
        lobby: has(1),
        hidden: has(2) && has(3),
        subscribe: !has(3),
        once: has(4).then(|| "once".to_owned()),
        guest: has(5).then(|| format!("guest-{}", has(6))),
        address: has(7).then(|| "192.0.2.1".to_owned()),
        ..ParticipantGrant::default()
    }
}

fn some_request(what: usize, id: u64) -> ClientRequest {
    let peer = json!({ "peerId": format!("peer-{}", id % 4) });
    let flag = id.is_multiple_of(2);
    let id = id.to_string();
    let (method, data) = match what {
        0 => ("join", json!({ "displayName": "Somebody", "rtpCapabilities": {} })),
        1 => ("createWebRtcTransport", json!({ "appData": { "direction": "producer" } })),
        2 => ("createWebRtcTransport", json!({ "consuming": true })),
        3 => ("produce", json!({ "transportId": id, "kind": "video", "rtpParameters": {} })),
        4 => ("closeProducer", json!({ "producerId": id })),
        5 => ("pauseConsumer", json!({ "consumerId": id })),
        6 => ("restartIce", json!({ "transportId": id })),
        7 => ("getRtcStatsUrl", json!({})),
        8 => ("sendChatMessage", json!({ "text": "hello" })),
        11 => ("admitPeer", peer),
        12 => ("refusePeer", peer),
        13 => ("admitAll", json!({})),
        14 => ("setRoomLock", json!({ "locked": flag })),
        15 => ("muteParticipant", json!({ "source": if flag { "video" } else { "share" } })),
        16 => ("askToUnmute", peer),
        17 => ("removeParticipant", peer),
        18 => {
            ("setPermissions", json!({ "peerId": peer["peerId"], "publish": { "video": flag }, "publishData": flag }))
        }
        19 => ("setModerator", json!({ "peerId": peer["peerId"], "moderator": flag })),
        20 => ("raiseHand", json!({ "raised": flag })),
        21 => ("sendReaction", json!({ "reaction": "heart" })),
        22 => ("endMeeting", json!({})),
        23 => ("knock", json!({ "displayName": "Somebody" })),
        9 => ("produceData", json!({ "transportId": id, "label": "chat", "sctpStreamParameters": {} })),
        _ => ("resumeProducer", json!({ "producerId": id })),
    };
    ClientRequest::parse(method, data).expect("readable")
}

proptest! {
    /// Whatever happens: every request of a live connection is answered once, nobody hears anything after their close,
    /// no transport is closed twice (the harness asserts it), and when all are gone nothing is left open.
    #[test]
    fn nothing_outlives_its_owner(acts in proptest::collection::vec(act(), 0..120)) {
        let mut room = harness();
        let mut used = BTreeSet::new();
        for act in acts {
            match act {
                Act::Connect(connection, peer, rights) => {
                    if used.insert(connection) {
                        room.connect_as(connection, &format!("peer-{peer}"), some_grant(rights));
                    }
                }
                Act::Disconnect(connection) => room.handle(Command::Disconnected { connection: ConnectionId(connection) }),
                Act::Ask(connection, what, id) => {
                    let connection = ConnectionId(connection);
                    room.next_request += 1;
                    let request = Command::Request { connection, id: room.next_request, request: some_request(what, id) };
                    let before = room.sent.len();
                    room.handle(request);
                    let asked = room.next_request;
                    let answers = room.sent[before..].iter().filter(|(_, message)| {
                        matches!(message, Outgoing::Success(of, _) | Outgoing::Failure { id: of, .. } if *of == asked)
                    });
                    // Who waits in the lobby is answered this when they are in.
                    let is_held = what == 7 && room.room.waiting_on(connection).is_some()
                        || room.room.pending_on(connection).is_some();
                    prop_assert!(answers.count() == 1 || is_held);
                }
                Act::Answer(connection, id, is_ok) => {
                    room.handle(Command::Answered { connection: ConnectionId(connection), id, is_ok });
                }
                Act::Broadcast(peer, what, id) => {
                    let before = room.sent.len();
                    let call = room.call(&format!("peer-{peer}"), broadcasting::some_call(what, id));
                    let answers = room.sent[before..].iter().filter(|(to, _)| *to == call);
                    prop_assert_eq!(answers.count(), 1);
                }
                Act::Lost(id) => {
                    room.handle(Command::Media(MediaEvent::TransportDisconnected(TransportId(id.to_string()))));
                }
                Act::Remove(peer) => room.handle(Command::Remove(PeerId(format!("peer-{peer}")))),
                Act::Lock(is_locked) => room.set(|settings| settings.locked = is_locked),
                Act::Wait(seconds) => {
                    room.now += Duration::from_secs(seconds);
                    room.handle(Command::Tick);
                }
            }
        }
        for connection in 0..12 {
            room.handle(Command::Disconnected { connection: ConnectionId(connection) });
        }
        for peer in 0..4 {
            room.call(&format!("peer-{peer}"), super::broadcaster::BroadcasterRequest::Leave);
        }
        prop_assert!(room.open_transports.is_empty());
        prop_assert_eq!(room.room.census(), super::RoomCensus::default());
        prop_assert_eq!(room.room.participants(), 0);
    }
}

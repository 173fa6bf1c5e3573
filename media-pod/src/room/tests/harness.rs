//! A room with a simulated media plane, whose operations succeed immediately unless a test delays them.

use super::plane::Plane;
use super::*;

/// A guest of one browser, known by its name.
pub(super) fn guest(name: &str) -> ParticipantGrant {
    ParticipantGrant { guest: Some(name.to_owned()), ..ParticipantGrant::default() }
}

/// An ordinary client.
pub(super) fn client(connection: u64, peer: &str, grant: ParticipantGrant) -> Connect {
    Connect {
        connection: ConnectionId(connection),
        peer: PeerId::from(peer),
        grant,
        replicas: 0,
        comes_back_only: false,
        proves: None,
        prepares: false,
        moves: false,
    }
}

/// A room, and everything that came out of it.
pub(super) struct Harness {
    pub(super) room: Room,
    pub(super) now: Duration,
    pub(super) next_request: u64,
    pub(super) open_transports: BTreeSet<TransportId>,
    pub(super) sent: Vec<(ConnectionId, Outgoing)>,
    pub(super) closed: Vec<(ConnectionId, u16, &'static str)>,
    pub(super) operations: Vec<Operation>,
    pub(super) facts: Vec<Fact>,
    pub(super) move_answers: Vec<Result<MoveAnswer, MoveRefusal>>,
    pub(super) pinged: Vec<ConnectionId>,
    /// The packet count that every producer reports.
    pub(super) packets: u64,
    /// The layers of every producer.
    pub(super) layers: u8,
    pub(super) is_shut: bool,
    pub(super) plane: Plane,
    /// Whether outcomes come only when the test says so.
    pub(super) is_late: bool,
}

impl Harness {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with(limits, MeetingSettings::default())
    }

    pub(super) fn with(limits: Limits, terms: MeetingSettings) -> Self {
        Self {
            room: Room::new(limits, terms, json!({ "codecs": ["all"] }), "1".into(), 0, None),
            now: Duration::ZERO,
            next_request: 0,
            open_transports: BTreeSet::new(),
            sent: Vec::new(),
            closed: Vec::new(),
            operations: Vec::new(),
            facts: Vec::new(),
            move_answers: Vec::new(),
            pinged: Vec::new(),
            packets: 0,
            layers: 1,
            is_shut: false,
            plane: Plane::default(),
            is_late: false,
        }
    }

    pub(super) fn handle(&mut self, command: Command) {
        let effects = self.room.handle(command, self.now);
        self.room.tracks.assert_owners();
        self.plane.seated.extend(self.room.seats.iter().map(|(_, peer)| peer.connection));
        for effect in effects {
            match effect {
                Effect::Send(connection, message) => self.sent.push((connection, message)),
                Effect::Close { connection, code, reason } => self.closed.push((connection, code, reason)),
                Effect::Note(fact) => self.facts.push(fact),
                Effect::MoveAnswer(answer) => self.move_answers.push(answer),
                Effect::Ping(connection) => self.pinged.push(connection),
                Effect::Shut => self.is_shut = true,
                Effect::Media(operation, context) => self.run(operation, context),
            }
        }
    }

    pub(super) fn run(&mut self, operation: Operation, context: Context) {
        self.operations.push(operation.clone());
        if self.is_late {
            let replicas = replicas_of(&self.room, &context);
            return self.plane.queue(operation, context, &self.room.limits, replicas);
        }
        let outcome = self.plane.execute_now(&operation, self.packets, self.layers);
        self.note_transports(&operation, &outcome);
        self.handle(Command::MediaDone { context, outcome: Ok(outcome) });
    }

    fn note_transports(&mut self, operation: &Operation, outcome: &Outcome) {
        if let Operation::CloseTransport(transport) = operation {
            assert!(self.open_transports.remove(transport), "{transport} closed twice");
        }
        match outcome {
            Outcome::Transport(created) => self.open_transports.insert(created.id.clone()),
            Outcome::PlainTransport(created) => self.open_transports.insert(created.id.clone()),
            _ => false,
        };
    }

    /// From now on outcomes come when the test says so.
    pub(super) fn delay(&mut self) {
        self.is_late = true;
    }

    /// The outcome of the next operation of a site comes, or of the next site that has one. False if nothing is on its way.
    pub(super) fn complete(&mut self, site: usize, fails: bool) -> bool {
        let Some((context, outcome)) = self.plane.next(site, fails) else { return false };
        self.handle(Command::MediaDone { context, outcome });
        true
    }

    /// All outcomes come, and those of what follows.
    pub(super) fn complete_all(&mut self) {
        let mut site = 0;
        while self.complete(site, false) {
            site += 1;
        }
    }

    pub(super) fn connect(&mut self, connection: u64, peer: &str) -> ConnectionId {
        self.connect_with(connection, peer, 0)
    }

    pub(super) fn connect_with(&mut self, connection: u64, peer: &str, replicas: usize) -> ConnectionId {
        self.arrive(Connect { replicas, ..client(connection, peer, guest(peer)) })
    }

    pub(super) fn connect_as(&mut self, connection: u64, peer: &str, grant: ParticipantGrant) -> ConnectionId {
        self.arrive(client(connection, peer, grant))
    }

    /// Connects to a pod that accepts no new participants.
    pub(super) fn come_back(&mut self, connection: u64, peer: &str) -> ConnectionId {
        self.arrive(Connect { comes_back_only: true, ..client(connection, peer, guest(peer)) })
    }

    pub(super) fn arrive(&mut self, connect: Connect) -> ConnectionId {
        let connection = connect.connection;
        self.handle(Command::Connected(connect));
        connection
    }

    pub(super) fn set(&mut self, change: impl FnOnce(&mut RoomSettings)) {
        let mut settings = self.room.settings();
        change(&mut settings);
        self.handle(Command::Update { settings, returning: None });
    }

    /// Sends a request and returns its response.
    pub(super) fn ask(&mut self, connection: ConnectionId, method: &str, data: Value) -> Result<Value, (u16, String)> {
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

    /// Sends a notification.
    pub(super) fn notify(&mut self, connection: ConnectionId, method: &str, data: Value) {
        let request = ClientRequest::parse(method, data).expect("the test sends what can be read");
        self.handle(Command::Notification { connection, request });
    }

    pub(super) fn transport(&mut self, connection: ConnectionId, direction: &str) -> String {
        let data = json!({ "forceTcp": false, "appData": { "direction": direction } });
        let answer = self.ask(connection, "createWebRtcTransport", data).expect("a transport");
        answer["transportId"].as_str().expect("an id").to_owned()
    }

    pub(super) fn join(&mut self, connection: ConnectionId, name: &str) -> Value {
        self.transport(connection, "consumer");
        let data = json!({ "displayName": name, "device": { "flag": "chrome" }, "rtpCapabilities": { "codecs": [] } });
        self.ask(connection, "join", data).expect("join works")
    }

    pub(super) fn produce(&mut self, connection: ConnectionId, kind: &str) -> String {
        let transport = self.transport(connection, "producer");
        let data =
            json!({ "transportId": transport, "kind": kind, "rtpParameters": {}, "appData": { "source": kind } });
        let answer = self.ask(connection, "produce", data).expect("produce works");
        answer["producerId"].as_str().expect("an id").to_owned()
    }

    pub(super) fn produce_data(&mut self, connection: ConnectionId, channel: &str) -> String {
        let transport = self.transport(connection, "producer");
        let data = json!({ "transportId": transport, "label": channel, "sctpStreamParameters": {} });
        let answer = self.ask(connection, "produceData", data).expect("produceData works");
        answer["dataProducerId"].as_str().expect("an id").to_owned()
    }

    /// The senders of the data consumers that were offered to a connection.
    pub(super) fn data_offers(&self, connection: ConnectionId) -> Vec<Option<String>> {
        let offer = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Request(_, ServerRequest::NewDataConsumer(offer)) if *to == connection => {
                Some(offer.peer_id.clone())
            }
            _ => None,
        };
        self.sent.iter().filter_map(offer).collect()
    }

    /// All clients accept what was offered to them.
    pub(super) fn accept_offers(&mut self) {
        let offers = self.offers();
        for (connection, id, _) in offers {
            self.handle(Command::Answered { connection, id, is_ok: true });
        }
    }

    pub(super) fn offers(&self) -> Vec<(ConnectionId, u64, Source)> {
        let offer = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Request(id, ServerRequest::NewConsumer(offer)) => Some((*to, *id, offer.app_data.source)),
            _ => None,
        };
        self.sent.iter().filter_map(offer).collect()
    }

    /// The methods of the messages to a connection, in order.
    pub(super) fn told(&self, connection: ConnectionId) -> Vec<String> {
        let name = |message: &Outgoing| match message {
            Outgoing::Success(..) => "answer".to_owned(),
            Outgoing::Failure { .. } => "error".to_owned(),
            Outgoing::Request(_, asked) => method(asked),
            Outgoing::Notification(told) => method(told),
        };
        self.sent.iter().filter(|(to, _)| *to == connection).map(|(_, message)| name(message)).collect()
    }

    pub(super) fn forget(&mut self) {
        self.sent.clear();
        self.operations.clear();
    }
}

/// Additional copies that the receiver of a consumer has requested.
fn replicas_of(room: &Room, context: &Context) -> usize {
    let Context::Consume { connection, .. } = context else { return 0 };
    room.seats.id_on(*connection).map_or(0, |id| room.tracks.replicas_of(&id))
}

pub(super) fn method(message: &impl serde::Serialize) -> String {
    json!(message)["method"].as_str().expect("every message has a method").to_owned()
}

pub(super) fn heard(producer: &str, text: &str) -> DataMessage {
    DataMessage { producer: DataProducerId::from(producer), bytes: text.len(), text: Some(text.to_owned()) }
}

pub(super) fn harness() -> Harness {
    Harness::new(Limits::default())
}

/// A room with Ada and Bob in it.
pub(super) fn pair() -> (Harness, ConnectionId, ConnectionId) {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    (room, ada, bob)
}

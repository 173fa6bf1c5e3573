//! The actor around a room: feeds it what happens, runs what it decides, in order.
//!
//! It decides nothing itself. It owns the room's handles of the media plane ([`media`]) and the way to each client; both end
//! with it.

mod convert;
mod data;
mod media;
mod parameters;
mod pipes;
mod sample;
mod settings;
mod sites;
mod streams;
mod transports;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame;
use convene_protocol::message::ClientRequest;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

pub use media::{MediaPlane, OpenError};
pub use settings::{Layout, MediaSettings};

use crate::admission::unix_milliseconds;
use crate::metrics::Metrics;
use crate::news::News;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::room::{
    Command, ConnectionId, Effect, End, Limits, MediaEvent, Outgoing, PeerId, PeerReport, Room, RoomCensus, Terms,
};

/// Commands that wait for a room before its clients are slowed down.
const INBOX: usize = 256;
/// How long a busy room may take to say who is there.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(1);
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);

/// What the rest of the pod tells a room's actor.
#[derive(Debug)]
pub enum Input {
    /// A client's WebSocket is open.
    Connect {
        /// Its number.
        connection: ConnectionId,
        /// As the client calls itself.
        peer: PeerId,
        /// What it may do, and as whom.
        grant: ParticipantGrant,
        /// Further copies that it wants of every consumer.
        replicas: usize,
        /// Whether it may come in only if it is or was just in: the pod takes nobody new.
        comes_back_only: bool,
        /// The way to it.
        outbox: Outbox,
    },
    /// A client's WebSocket has ended.
    Disconnect(ConnectionId),
    /// A client asks (with an id) or tells (without).
    Message {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: Option<u64>,
        /// What.
        request: ClientRequest,
    },
    /// A client answers.
    Answer {
        /// On which connection.
        connection: ConnectionId,
        /// Id of the room's request.
        id: u64,
        /// Whether it accepted.
        is_ok: bool,
    },
    /// A broadcaster's script calls.
    Broadcast {
        /// The call's number; a number of its own.
        call: ConnectionId,
        /// The broadcaster.
        peer: PeerId,
        /// What the caller may do, and as whom.
        grant: ParticipantGrant,
        /// What.
        request: Box<BroadcasterRequest>,
        /// Where the answer goes.
        answer: Answer,
    },
    /// Somebody wants to know who is here.
    Describe(oneshot::Sender<Vec<PeerReport>>),
    /// The room is to go by these settings; answered when it does.
    Update(RoomSettings, oneshot::Sender<()>),
    /// Somebody is to be taken out; the answer is whether there was such a one.
    Remove(PeerId, oneshot::Sender<bool>),
    /// The room is to end.
    End(End),
}

/// Takes the one answer to a broadcaster's call.
pub type Answer = oneshot::Sender<Result<Value, Refused>>;

/// What a client's WebSocket is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// A protoo frame.
    Text(String),
    /// The end, with code and reason.
    Close(u16, &'static str),
}

/// The bounded way to a client.
pub type Outbox = mpsc::Sender<Out>;

/// The way to a room's actor.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    inbox: mpsc::Sender<Input>,
    census: watch::Receiver<RoomCensus>,
    settings: watch::Receiver<RoomSettings>,
}

/// Where rooms say what happens in them.
#[derive(Clone, Debug)]
pub struct Reports {
    /// For numbers.
    pub metrics: Metrics,
    /// For those who wait for a change of the room list.
    pub news: News,
}

impl RoomHandle {
    /// Hands something to the room; false when the room is over.
    pub async fn send(&self, input: Input) -> bool {
        self.inbox.send(input).await.is_ok()
    }

    /// Calls on behalf of a broadcaster and gives the room's answer. `call` is a number never used before.
    pub async fn broadcast(
        &self,
        call: ConnectionId,
        peer: PeerId,
        grant: ParticipantGrant,
        request: BroadcasterRequest,
    ) -> Result<Value, Refused> {
        let (answer, answered) = oneshot::channel();
        let over = || Refused { code: 404, reason: "the room has just ended".into() };
        if !self.send(Input::Broadcast { call, peer, grant, request: Box::new(request), answer }).await {
            return Err(over());
        }
        answered.await.unwrap_or_else(|_| Err(over()))
    }

    /// Who is in the room; nobody when it is over or too busy to say.
    pub async fn describe(&self) -> Vec<PeerReport> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.send(Input::Describe(answer)).await;
            answered.await.unwrap_or_default()
        };
        tokio::time::timeout(DESCRIBE_LIMIT, asked).await.unwrap_or_default()
    }

    /// What is in the room, as of the last thing that happened.
    pub fn census(&self) -> RoomCensus {
        *self.census.borrow()
    }

    /// Participants who have joined, as of the last thing that happened.
    pub fn participants(&self) -> usize {
        self.census().participants
    }

    /// What of its meeting the room goes by.
    pub fn settings(&self) -> RoomSettings {
        self.settings.borrow().clone()
    }

    /// From now on the room goes by these settings; false when it is over.
    pub async fn update(&self, settings: RoomSettings) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Update(settings, answer)).await && answered.await.is_ok()
    }

    /// Takes somebody out; false when there is no such one.
    pub async fn remove(&self, peer: PeerId) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Remove(peer, answer)).await && answered.await.unwrap_or(false)
    }

    /// Returns when the room is over.
    pub async fn over(&self) {
        self.inbox.closed().await;
    }

    /// Whether the room is over.
    pub fn is_over(&self) -> bool {
        self.inbox.is_closed()
    }
}

/// The actor.
#[derive(Debug)]
pub struct Shell {
    room: Room,
    media: MediaPlane,
    opened: Instant,
    outboxes: HashMap<ConnectionId, Outbox>,
    /// Calls that wait for their answer.
    calls: HashMap<ConnectionId, Answer>,
    /// Changes that somebody waits for.
    updates: Vec<oneshot::Sender<()>>,
    census: watch::Sender<RoomCensus>,
    settings: watch::Sender<RoomSettings>,
    reports: Reports,
}

impl Shell {
    /// Starts a room on its place; `on_over` runs when the room has ended.
    pub fn start(
        limits: Limits,
        terms: Terms,
        media: MediaPlane,
        events: mpsc::UnboundedReceiver<MediaEvent>,
        reports: Reports,
        on_over: impl Future<Output = ()> + Send + 'static,
    ) -> RoomHandle {
        let (inbox, inputs) = mpsc::channel(INBOX);
        let (census, seen) = watch::channel(RoomCensus::default());
        let capabilities = media.rtp_capabilities();
        let version = crate::sfu::workers::MEDIASOUP_VERSION.to_owned();
        let room = Room::new(limits, terms, capabilities, version, unix_milliseconds());
        let (settings, gone_by) = watch::channel(room.settings());
        let handle = RoomHandle { inbox, census: seen, settings: gone_by };
        let (outboxes, calls, updates) = (HashMap::new(), HashMap::new(), Vec::new());
        let shell = Self { room, media, opened: Instant::now(), outboxes, calls, updates, census, settings, reports };
        tokio::spawn(async move {
            shell.run(inputs, events).await;
            on_over.await;
        });
        handle
    }

    async fn run(mut self, mut inputs: mpsc::Receiver<Input>, mut events: mpsc::UnboundedReceiver<MediaEvent>) {
        self.reports.metrics.rooms.inc();
        let mut ticks = tokio::time::interval(TICK);
        let mut samples = tokio::time::interval(self.media.settings.sample_interval);
        for interval in [&mut ticks, &mut samples] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            let command = tokio::select! {
                Some(input) = inputs.recv() => match self.command(input) {
                    Some(command) => command,
                    None => continue,
                },
                Some(event) = events.recv() => Command::Media(event),
                _ = ticks.tick() => Command::Tick,
                _ = samples.tick() => {
                    self.media.sample().await;
                    continue;
                }
            };
            if self.step(command).await {
                break;
            }
        }
        let last = *self.census.borrow();
        self.reports.metrics.participants.sub(signed(last.participants));
        self.reports.metrics.waiting.sub(signed(last.waiting));
        self.reports.metrics.rooms.dec();
    }

    /// What the room is to make of it; what it need not know of is answered here.
    fn command(&mut self, input: Input) -> Option<Command> {
        Some(match input {
            Input::Connect { connection, peer, grant, replicas, comes_back_only, outbox } => {
                self.outboxes.insert(connection, outbox);
                Command::Connected { connection, peer, grant, replicas, comes_back_only }
            }
            Input::Broadcast { call, peer, grant, request, answer } => {
                self.calls.insert(call, answer);
                Command::Broadcaster { call, peer, grant, request: *request }
            }
            Input::Disconnect(connection) => {
                self.outboxes.remove(&connection);
                Command::Disconnected { connection }
            }
            Input::Message { connection, id: Some(id), request } => Command::Request { connection, id, request },
            Input::Message { connection, id: None, request } => Command::Notification { connection, request },
            Input::Answer { connection, id, is_ok } => Command::Answered { connection, id, is_ok },
            Input::Update(settings, answer) => {
                self.updates.push(answer);
                Command::Update(settings)
            }
            Input::Remove(peer, answer) => {
                let _ = answer.send(self.room.has(&peer));
                Command::Remove(peer)
            }
            Input::End(end) => Command::End(end),
            Input::Describe(answer) => {
                let _ = answer.send(self.room.peers());
                return None;
            }
        })
    }

    /// Runs one command and all that follows from it; true when the room is over.
    async fn step(&mut self, command: Command) -> bool {
        let mut commands = VecDeque::from([command]);
        let mut is_over = false;
        while let Some(command) = commands.pop_front() {
            for effect in self.room.handle(command, self.opened.elapsed()) {
                match effect {
                    Effect::Shut => is_over = true,
                    Effect::Media(operation, context) => {
                        let outcome = self.media.run(operation).await;
                        commands.push_back(Command::MediaDone { context, outcome });
                    }
                    Effect::Send(connection, message) => {
                        if !self.deliver(connection, message) {
                            commands.push_back(Command::Disconnected { connection });
                        }
                    }
                    Effect::Note(fact) => self.reports.metrics.note(fact),
                    Effect::Close { connection, code, reason } => {
                        self.send(connection, Out::Close(code, reason));
                        self.outboxes.remove(&connection);
                    }
                }
            }
        }
        self.count();
        is_over
    }

    /// To a client's WebSocket, or to the script that called; false for a client that is to be dropped.
    fn deliver(&mut self, connection: ConnectionId, message: Outgoing) -> bool {
        let Some(answer) = self.calls.remove(&connection) else {
            return self.send(connection, Out::Text(text_of(message)));
        };
        // A script that has gone away needs no answer.
        let _ = answer.send(match message {
            Outgoing::Failure { code, reason, .. } => Err(Refused { code, reason }),
            Outgoing::Success(_, data) => Ok(data),
            Outgoing::Request(..) | Outgoing::Notification(_) => Ok(Value::Null),
        });
        true
    }

    /// False for a client that does not read: its way is full, and it is dropped.
    fn send(&mut self, connection: ConnectionId, out: Out) -> bool {
        let Some(outbox) = self.outboxes.get(&connection) else { return true };
        if outbox.try_send(out).is_ok() {
            return true;
        }
        self.outboxes.remove(&connection);
        tracing::warn!(connection = connection.0, "dropping a client that does not read its messages");
        false
    }

    /// Lets others see what the room is now.
    fn count(&mut self) {
        let now = self.room.census();
        let before = self.census.send_replace(now);
        self.reports.metrics.participants.add(signed(now.participants) - signed(before.participants));
        self.reports.metrics.waiting.add(signed(now.waiting) - signed(before.waiting));
        let settings = self.room.settings();
        let is_changed = self.settings.send_if_modified(|seen| {
            let is_other = *seen != settings;
            *seen = settings;
            is_other
        });
        if is_changed || now.participants != before.participants {
            self.reports.news.tell();
        }
        for answer in self.updates.drain(..) {
            let _ = answer.send(());
        }
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn text_of(message: Outgoing) -> String {
    match message {
        Outgoing::Success(id, data) => frame::success(id, &data),
        Outgoing::Failure { id, code, reason } => frame::failure(id, code, &reason),
        Outgoing::Request(id, asked) => frame::request(id, &json!(asked)),
        Outgoing::Notification(told) => frame::notification(&json!(told)),
    }
}

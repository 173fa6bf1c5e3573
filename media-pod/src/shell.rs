//! The actor around a room: feeds it what happens, runs what it decides, in order.
//!
//! It decides nothing itself. It owns the room's handles of the media plane ([`media`]) and the way to each client; both end
//! with it. A panic of the room or of the media plane ends this room alone: its clients come back, to a new room that remembers what
//! moderators decided.

mod convert;
mod data;
mod handle;
mod media;
mod parameters;
mod pipes;
mod sample;
mod settings;
mod sites;
mod streams;
mod supervise;
mod tally;
mod text;
mod transports;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use convene_protocol::message::ServerNotification;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

pub use handle::RoomHandle;
pub use media::{MediaPlane, OpenError};
pub use settings::{Layout, MediaSettings};
pub use supervise::Ended;

use crate::admission::unix_milliseconds;
use crate::budget::Budget;
use crate::metrics::Metrics;
use crate::news::News;
use crate::outbox::{Close, Outbox};
use crate::room::broadcaster::Refused;
use crate::room::{
    BroadcasterCall, Command, Connect, ConnectionId, Effect, Limits, MediaEvent, MeetingSettings, Outgoing, PeerId,
    PeerReport, Room, Snapshot,
};

use tally::Tally;
use text::Texts;

/// Commands that wait for a room before its clients are slowed down.
const INBOX: usize = 256;
/// How a client that does not read its messages loses its connection (RFC 6455 section 7.4.1).
const DOES_NOT_READ: Close = (1008, "this client does not read its messages");
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);

/// What the rest of the pod sends to a room's actor.
#[derive(Debug)]
pub enum Input {
    /// A command for the room, as it is.
    Command(Command),
    /// The WebSocket of a client is open.
    Connect(Connect, Client),
    /// A broadcaster's script calls.
    Broadcast(Box<BroadcasterCall>, Answer),
    /// A command, with the sender that is answered when the room has handled it.
    Update(Command, oneshot::Sender<()>),
    /// A request for the peers of the room.
    Describe(oneshot::Sender<Vec<PeerReport>>),
    /// A participant is to be removed; the answer is whether there is such a one.
    Remove(PeerId, oneshot::Sender<bool>),
    /// The room is to panic, for tests of what happens then.
    Panic,
}

/// A client with a WebSocket.
#[derive(Debug)]
pub struct Client {
    /// The way to it.
    pub outbox: Outbox,
    /// Which notifications it may know.
    pub vocabulary: Vocabulary,
}

/// Which notifications a client may know; it gets no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Whether it may know those that the mediasoup demo does not have.
    pub extensions: bool,
    /// By which name it knows the version.
    pub version_name: VersionName,
}

/// By which name a client knows the version of mediasoup: it differs between the two generations of the demo's app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionName {
    /// `mediasoup-version`.
    Older,
    /// `mediasoupVersion`.
    Newer,
    /// Nothing tells which.
    Either,
}

impl Vocabulary {
    fn has(self, message: &Outgoing) -> bool {
        match message {
            Outgoing::Notification(ServerNotification::MediasoupVersion(_)) => self.version_name != VersionName::Older,
            Outgoing::Notification(ServerNotification::MediasoupVersionLegacy(_)) => {
                self.version_name != VersionName::Newer
            }
            Outgoing::Notification(told) => self.extensions || !told.is_extension(),
            Outgoing::Request(..) | Outgoing::Success(..) | Outgoing::Failure { .. } => true,
        }
    }
}

/// Takes the one answer to a broadcaster's call.
pub type Answer = oneshot::Sender<Result<Value, Refused>>;

/// Where rooms say what happens in them.
#[derive(Clone, Debug)]
pub struct Reports {
    /// For numbers.
    pub metrics: Metrics,
    /// For those who wait for a change of the room list.
    pub news: News,
}

/// What a new room begins with.
#[derive(Debug)]
pub struct Beginning {
    /// Namespace and name of its meeting, for the log.
    pub meeting: String,
    /// How much it may have.
    pub limits: Limits,
    /// What its meeting says.
    pub terms: MeetingSettings,
    /// What is remembered of an earlier room of the same meeting.
    pub keepsake: Option<Snapshot>,
    /// Memory for what waits for its clients.
    pub budget: Budget,
}

/// The actor.
#[derive(Debug)]
pub struct Shell {
    room: Room,
    media: MediaPlane,
    opened: Instant,
    clients: HashMap<ConnectionId, Client>,
    /// Calls that wait for their answer.
    calls: HashMap<ConnectionId, Answer>,
    /// Changes that somebody waits for.
    updates: Vec<oneshot::Sender<()>>,
    tally: Tally,
    metrics: Metrics,
}

impl Shell {
    /// Starts a room on its place; `on_over` runs when the room has ended, however that happened.
    pub fn start<F: Future<Output = ()> + Send + 'static>(
        beginning: Beginning,
        media: MediaPlane,
        events: mpsc::UnboundedReceiver<MediaEvent>,
        reports: Reports,
        on_over: impl FnOnce(Ended) -> F + Send + 'static,
    ) -> RoomHandle {
        let Beginning { meeting, limits, terms, keepsake, budget } = beginning;
        let (inbox, inputs) = mpsc::channel(INBOX);
        let capabilities = media.rtp_capabilities();
        let version = crate::sfu::workers::MEDIASOUP_VERSION.to_owned();
        let room = Room::new(limits, terms, capabilities, version, unix_milliseconds(), keepsake);
        let metrics = reports.metrics.clone();
        let (tally, seen) = Tally::new(&room, reports);
        let tally::Seen { census, settings, people, streams } = seen;
        let handle = RoomHandle { inbox, census, settings, people, streams, budget };
        let (clients, calls, updates) = (HashMap::new(), HashMap::new(), Vec::new());
        let shell = Self { room, media, opened: Instant::now(), clients, calls, updates, tally, metrics };
        tokio::spawn(async move { on_over(supervise::run(shell, inputs, events, meeting).await).await });
        handle
    }

    /// Until the room is over.
    async fn run(&mut self, mut inputs: mpsc::Receiver<Input>, mut events: mpsc::UnboundedReceiver<MediaEvent>) {
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
    }

    /// The command for the room, if there is one; what the room need not know of is answered here.
    fn command(&mut self, input: Input) -> Option<Command> {
        Some(match input {
            Input::Command(command) => {
                if let Command::Disconnected { connection } = &command {
                    self.clients.remove(connection);
                }
                command
            }
            Input::Connect(connect, client) => {
                self.clients.insert(connect.connection, client);
                Command::Connected(connect)
            }
            Input::Broadcast(call, answer) => {
                self.calls.insert(call.call, answer);
                Command::Broadcaster(call)
            }
            Input::Update(command, answer) => {
                self.updates.push(answer);
                command
            }
            Input::Remove(peer, answer) => {
                let _ = answer.send(self.room.has(&peer));
                Command::Remove(peer)
            }
            Input::Panic => panic!("asked to, by a test"),
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
            let mut texts = Texts::default();
            for effect in self.room.handle(command, self.opened.elapsed()) {
                match effect {
                    Effect::Shut => is_over = true,
                    Effect::Media(operation, context) => {
                        let outcome = self.media.run(operation).await;
                        commands.push_back(Command::MediaDone { context, outcome });
                    }
                    Effect::Send(connection, message) => {
                        if !self.deliver(connection, message, &mut texts) {
                            commands.push_back(Command::Disconnected { connection });
                        }
                    }
                    Effect::Ping(connection) => self.ping(connection),
                    Effect::Note(fact) => self.metrics.note(fact),
                    Effect::Close { connection, code, reason } => self.close(connection, (code, reason)),
                }
            }
        }
        self.count();
        is_over
    }

    /// To a client's WebSocket, or to the script that called; false for a client that is to be dropped.
    fn deliver(&mut self, connection: ConnectionId, message: Outgoing, texts: &mut Texts) -> bool {
        let Some(answer) = self.calls.remove(&connection) else { return self.send(connection, message, texts) };
        // A script that has gone away needs no answer.
        let _ = answer.send(match message {
            Outgoing::Failure { code, reason, .. } => Err(Refused { code, reason }),
            Outgoing::Success(_, data) => Ok(data),
            Outgoing::Request(..) | Outgoing::Notification(_) => Ok(Value::Null),
        });
        true
    }

    /// False for a client that does not read: too much waits for it, and it is dropped.
    fn send(&mut self, connection: ConnectionId, message: Outgoing, texts: &mut Texts) -> bool {
        let Some(Client { outbox, vocabulary }) = self.clients.get(&connection) else { return true };
        if !vocabulary.has(&message) {
            return true;
        }
        let may_be_missed = matches!(&message, Outgoing::Notification(told) if told.may_be_missed());
        let text = texts.of(message);
        if may_be_missed {
            outbox.send_if_read(text);
            return true;
        }
        if outbox.send(text).is_ok() {
            return true;
        }
        if let Some(client) = self.clients.remove(&connection) {
            client.outbox.cut(DOES_NOT_READ);
        }
        self.metrics.limits_reached.with_label_values(&["unread messages"]).inc();
        tracing::warn!(connection = connection.0, "dropping a client that does not read its messages");
        false
    }

    fn close(&mut self, connection: ConnectionId, close: Close) {
        if let Some(client) = self.clients.remove(&connection) {
            client.outbox.close(close);
        }
    }

    fn ping(&self, connection: ConnectionId) {
        if let Some(client) = self.clients.get(&connection) {
            client.outbox.ping();
        }
    }

    /// Lets others see what the room is now.
    fn count(&mut self) {
        self.tally.note(&self.room);
        for answer in self.updates.drain(..) {
            let _ = answer.send(());
        }
    }
}

//! The actor around a room: feeds it what happens, runs what it decides, in order.
//!
//! It decides nothing itself. It owns the room's handles of the media plane ([`media`]) and the way to each client; both end
//! with it.

mod data;
mod media;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use convene_protocol::frame;
use convene_protocol::message::ClientRequest;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

pub use media::MediaPlane;

use crate::metrics::Metrics;
use crate::room::{Command, ConnectionId, Effect, End, Limits, MediaEvent, Outgoing, PeerId, Room};

/// Commands that wait for a room before its clients are slowed down.
const INBOX: usize = 256;
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
    /// The room is to end.
    End(End),
}

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
    participants: Arc<AtomicUsize>,
}

impl RoomHandle {
    /// Hands something to the room; false when the room is over.
    pub async fn send(&self, input: Input) -> bool {
        self.inbox.send(input).await.is_ok()
    }

    /// Participants who have joined, as of the last thing that happened.
    pub fn participants(&self) -> usize {
        self.participants.load(Ordering::Relaxed)
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
    participants: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Shell {
    /// Starts a room on its place; `on_over` runs when the room has ended.
    pub fn start(
        limits: Limits,
        media: MediaPlane,
        events: mpsc::UnboundedReceiver<MediaEvent>,
        metrics: Metrics,
        on_over: impl Future<Output = ()> + Send + 'static,
    ) -> RoomHandle {
        let (inbox, inputs) = mpsc::channel(INBOX);
        let participants = Arc::<AtomicUsize>::default();
        let capabilities = media.rtp_capabilities();
        let room = Room::new(limits, capabilities, crate::sfu::workers::MEDIASOUP_VERSION.to_owned(), Duration::ZERO);
        let handle = RoomHandle { inbox, participants: Arc::clone(&participants) };
        let shell = Self { room, media, opened: Instant::now(), outboxes: HashMap::new(), participants, metrics };
        tokio::spawn(async move {
            shell.run(inputs, events).await;
            on_over.await;
        });
        handle
    }

    async fn run(mut self, mut inputs: mpsc::Receiver<Input>, mut events: mpsc::UnboundedReceiver<MediaEvent>) {
        self.metrics.rooms.inc();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let command = tokio::select! {
                Some(input) = inputs.recv() => self.command(input),
                Some(event) = events.recv() => Command::Media(event),
                _ = ticks.tick() => Command::Tick,
            };
            if self.step(command).await {
                break;
            }
        }
        self.metrics.participants.sub(signed(self.participants.swap(0, Ordering::Relaxed)));
        self.metrics.rooms.dec();
    }

    fn command(&mut self, input: Input) -> Command {
        match input {
            Input::Connect { connection, peer, outbox } => {
                self.outboxes.insert(connection, outbox);
                Command::Connected { connection, peer }
            }
            Input::Disconnect(connection) => {
                self.outboxes.remove(&connection);
                Command::Disconnected { connection }
            }
            Input::Message { connection, id: Some(id), request } => Command::Request { connection, id, request },
            Input::Message { connection, id: None, request } => Command::Notification { connection, request },
            Input::Answer { connection, id, is_ok } => Command::Answered { connection, id, is_ok },
            Input::End(end) => Command::End(end),
        }
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
                        if !self.send(connection, Out::Text(text_of(message))) {
                            commands.push_back(Command::Disconnected { connection });
                        }
                    }
                    Effect::Close { connection, code, reason } => {
                        self.send(connection, Out::Close(code, reason));
                        self.outboxes.remove(&connection);
                    }
                }
            }
        }
        self.count_participants();
        is_over
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

    fn count_participants(&self) {
        let now = self.room.participants();
        let before = self.participants.swap(now, Ordering::Relaxed);
        self.metrics.participants.add(signed(now) - signed(before));
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

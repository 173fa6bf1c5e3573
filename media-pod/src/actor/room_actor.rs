//! The actor's loop: inputs, outcomes and events of the media plane, and ticks become commands for the room, and its effects are executed. It
//! never waits for an operation.
//!
//! It decides nothing about the room; [`super::supervise`] handles its end and panics.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::frames::Frames;
use super::input::{Answer, Client, Input};
use super::media_queue::Media;
use super::observed::{Publisher, record};
use super::outbox::Close;
use super::publish_pace::PublishPace;
use super::room_media::{Arrival, RoomMedia};
use crate::link::Dial;
use crate::metrics::Metrics;
use crate::room::broadcaster::Refused;
use crate::room::{Command, ConnectionId, Effect, MediaEvent, MoveAnswer, MoveRefusal, Outgoing, Room, Snapshot};

/// Close code and reason for a client that does not read its messages (RFC 6455 section 7.4.1).
const DOES_NOT_READ: Close = (1008, "this client does not read its messages");

type MoveResult = Result<MoveAnswer, MoveRefusal>;
type MoveCaller = oneshot::Sender<MoveResult>;

/// A room with its handles and its clients.
#[derive(Debug)]
pub(super) struct RoomActor<M> {
    room: Room,
    media: RoomMedia<M>,
    opened: Instant,
    clients: HashMap<ConnectionId, Client>,
    /// Calls of broadcasters that have no response yet.
    calls: HashMap<ConnectionId, Answer>,
    /// Updates whose callers wait until they apply.
    updates: Vec<oneshot::Sender<()>>,
    /// The caller of the current step of a move.
    mover: Option<MoveCaller>,
    /// Answers to such callers, sent once the room's state is published.
    move_answers: Vec<(MoveCaller, MoveResult)>,
    publisher: Publisher,
    /// Whether the room has changed since it was published.
    is_changed: bool,
    /// Whether that is to be published as soon as its pace allows it.
    is_due: bool,
    pace: PublishPace,
    metrics: Metrics,
}

impl<M: Media> RoomActor<M> {
    /// An actor without clients.
    pub(super) fn new(room: Room, media: M, dial: Option<Dial>, publisher: Publisher, metrics: Metrics) -> Self {
        Self {
            room,
            media: RoomMedia::new(media, dial),
            opened: Instant::now(),
            clients: HashMap::new(),
            calls: HashMap::new(),
            updates: Vec::new(),
            mover: None,
            move_answers: Vec::new(),
            publisher,
            is_changed: false,
            is_due: false,
            pace: PublishPace::default(),
            metrics,
        }
    }

    /// The state that the room passes to its successor; `is_interrupted` after a panic.
    pub(super) fn snapshot(&self, is_interrupted: bool) -> Option<Snapshot> {
        self.room.snapshot(is_interrupted)
    }

    /// Runs until the room is over.
    pub(super) async fn run(
        &mut self,
        mut inputs: mpsc::Receiver<Box<Input>>,
        mut events: mpsc::UnboundedReceiver<Box<MediaEvent>>,
    ) {
        let mut samples = tokio::time::interval(self.media.sample_interval());
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Not in the branch of the timer, which would never fire while other inputs are always ready.
            let (is_full, until_next_tick) = (self.media.is_full(), self.until_next_tick());
            // No tick while no inputs are read: all clients would seem silent.
            if !is_full && until_next_tick.is_zero() {
                if self.handle(Command::Tick) {
                    break;
                }
                continue;
            }
            let wants_sample = self.media.wants_sample();
            let command = tokio::select! {
                arrival = self.media.next() => match arrival {
                    Arrival::Done(context, outcome) => Command::MediaDone { context, outcome },
                    Arrival::Event(event) => Command::Media(*event),
                    Arrival::Link => {
                        self.publish();
                        continue;
                    }
                },
                Some(input) = inputs.recv(), if !is_full => match self.command(*input) {
                    Some(command) => command,
                    None => continue,
                },
                Some(event) = events.recv() => {
                    self.media.observe(&event);
                    Command::Media(*event)
                }
                () = tokio::time::sleep(until_next_tick), if !is_full => continue,
                () = tokio::time::sleep(self.pace.wait(Instant::now())), if self.is_due => {
                    self.publish();
                    continue;
                }
                _ = samples.tick(), if wants_sample => {
                    self.media.sample();
                    continue;
                }
            };
            if self.handle(command) {
                break;
            }
        }
    }

    fn until_next_tick(&self) -> Duration {
        self.room.next_tick().saturating_sub(self.opened.elapsed())
    }

    /// The room's command for an input; inputs that do not concern the room are answered here.
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
            Input::Move(command, answer) => {
                self.mover = Some(answer);
                Command::Move(command)
            }
            Input::Sites(sites, answer) => {
                self.media.set_sites(sites);
                let _ = answer.send(());
                return None;
            }
            Input::Remove(peer, answer) => {
                let _ = answer.send(self.room.has(&peer));
                Command::Remove(peer)
            }
            Input::Panic => panic!("requested by a test"),
            Input::Describe(answer) => {
                let _ = answer.send(self.room.peers());
                return None;
            }
        })
    }

    /// Handles one command and all that follow from it; true when the room is over.
    fn handle(&mut self, command: Command) -> bool {
        let may_wait = matches!(command, Command::MediaDone { .. }) || self.is_mere_report(&command);
        let mut commands = VecDeque::from([command]);
        let mut is_over = false;
        while let Some(command) = commands.pop_front() {
            self.is_changed |= !self.is_mere_report(&command);
            let mut frames = Frames::default();
            for effect in self.room.handle(command, self.opened.elapsed()) {
                match effect {
                    Effect::Shut => is_over = true,
                    Effect::Media(operation, context) => self.media.push(operation, context, self.clients.len()),
                    Effect::Send(connection, message) => {
                        if !self.deliver(connection, message, &mut frames) {
                            commands.push_back(Command::Disconnected { connection });
                        }
                    }
                    Effect::MoveAnswer(answer) => {
                        self.move_answers.extend(self.mover.take().map(|mover| (mover, answer)));
                    }
                    Effect::Ping(connection) => self.ping(connection),
                    Effect::Note(fact) => record(&self.metrics, fact),
                    Effect::Close { connection, code, reason } => self.close(connection, (code, reason)),
                }
            }
        }
        // Counting what is in a large room takes longer than all else that a report causes, and one join has a thousand outcomes.
        let waits = may_wait && !self.media.is_settled();
        self.is_due = self.is_changed && !waits;
        let is_awaited = !self.updates.is_empty() || !self.move_answers.is_empty();
        if is_over || self.is_due && (is_awaited || self.pace.wait(Instant::now()).is_zero()) {
            self.publish();
        }
        is_over
    }

    /// Whether a command changes nothing that the room publishes. A report may be the command at which a step of a move is due.
    fn is_mere_report(&self, command: &Command) -> bool {
        matches!(command, Command::Media(event) if event.is_report()) && self.room.move_report().is_none()
    }

    /// Delivers a message to a client's WebSocket, or to the script that called; false for a client that must be dropped.
    fn deliver(&mut self, connection: ConnectionId, message: Outgoing, frames: &mut Frames) -> bool {
        let Some(answer) = self.calls.remove(&connection) else { return self.send(connection, message, frames) };
        // Fails if the script has closed its connection; it needs no response then.
        let _ = answer.send(match message {
            Outgoing::Failure { code, reason, .. } => Err(Refused { code, reason }),
            Outgoing::Success(_, data) => Ok(data),
            Outgoing::Request(..) | Outgoing::Notification(_) => Ok(Value::Null),
        });
        true
    }

    /// False for a client whose queue is full because it does not read; it has been dropped.
    fn send(&mut self, connection: ConnectionId, message: Outgoing, frames: &mut Frames) -> bool {
        let Some(Client { outbox, vocabulary }) = self.clients.get(&connection) else { return true };
        if !vocabulary.has(&message) {
            return true;
        }
        let may_be_missed = matches!(&message, Outgoing::Notification(notification) if notification.may_be_missed());
        let frame = frames.encode(message);
        if may_be_missed {
            outbox.send_if_read(frame);
            return true;
        }
        if outbox.send(frame).is_ok() {
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

    /// Publishes the room's state, and answers the updates that it now includes.
    fn publish(&mut self) {
        (self.is_changed, self.is_due) = (false, false);
        let began = Instant::now();
        self.publisher.publish(&self.room, self.media.report());
        self.pace.note(self.clients.len(), began, Instant::now());
        for answer in self.updates.drain(..) {
            let _ = answer.send(());
        }
        for (mover, answer) in self.move_answers.drain(..) {
            let _ = mover.send(answer);
        }
    }
}

#[cfg(test)]
mod tests;

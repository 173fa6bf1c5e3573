//! Signaling: one task per client's WebSocket, between the wire and the room.
//!
//! Reads frames, answers what cannot be read or is too much, hands the rest to the room, and sends what the room says. It knows
//! nothing of what the messages mean.

mod asked;
mod cost;
mod departure;
pub(crate) mod enter;
mod query;
mod resume;
mod ring;
pub mod sessions;

use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame::{self, CLOSE_COME_BACK, CLOSE_FINAL, FrameError};
use convene_protocol::message::ClientRequest;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use crate::metrics::{Counted, Metrics};
use crate::outbox::{self, Close, Inbox, Out, Sender};
use crate::rate::{Gate, Rate, Verdict};
use crate::room::{Command, Connect, ConnectionId, PeerId};
use crate::shell::{self, Input, RoomHandle, Vocabulary};

use asked::Asked;
use cost::cost_of_length;
use departure::Departure;

/// What one client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Requests and notifications.
    pub rate: Rate,
    /// Length of a message; longer ones are answered with an error, and above twice this length the socket ends.
    pub message_bytes: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { rate: Rate { per_second: 100, burst: 500 }, message_bytes: frame::MAX_MESSAGE_BYTES }
    }
}

/// How often the server pings. Proxies in between want a sign of life within a minute.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Silence (not even a pong) after which a socket counts as half open.
const SILENCE_LIMIT: Duration = Duration::from_secs(50);
/// How long one message may take to leave.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long the last frame of a socket that is given up may take to leave.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);
/// Longest peer id, in characters.
const MAX_PEER_ID: usize = 64;

/// Reads a client's own name for itself.
pub fn peer_id(text: &str) -> Option<PeerId> {
    let is_fit =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@' | ':');
    (!text.is_empty() && text.len() <= MAX_PEER_ID && text.chars().all(is_fit)).then(|| PeerId::from(text))
}

/// Accepts the socket only to close it, with a reason: a refused handshake tells a browser nothing.
pub async fn refuse(mut socket: WebSocket, come_back: bool, reason: &'static str) {
    let code = if come_back { CLOSE_COME_BACK } else { CLOSE_FINAL };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let _ = timeout(SEND_LIMIT, socket.send(close)).await;
}

/// Who comes in by a WebSocket.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// The number of its connection.
    pub connection: ConnectionId,
    /// As the client calls itself.
    pub peer: PeerId,
    /// What it may do, and as whom.
    pub grant: ParticipantGrant,
    /// Further copies that it wants of every consumer.
    pub replicas: usize,
    /// Whether it may come in only if it is or was just in.
    pub comes_back_only: bool,
    /// The connection whose secret it knows, if it does.
    pub proves: Option<ConnectionId>,
    /// Which notifications it may know.
    pub vocabulary: Vocabulary,
    /// What it may send.
    pub limits: ClientLimits,
}

/// Serves one client until either side ends.
pub async fn serve(socket: WebSocket, room: RoomHandle, entrant: Entrant, metrics: Metrics) {
    let _counted = Counted::new(metrics.connections.clone());
    let Some((mut reader, outgoing, departure)) = connect(&room, entrant, metrics).await else {
        return refuse(socket, true, "the room has just ended: please come back").await;
    };
    let (sink, mut stream) = socket.split();
    let writer = write(sink, outgoing);
    tokio::pin!(writer);
    let mut is_written = false;
    // Whichever ends first ends the other: a socket that cannot be written is not read either.
    let last_words = tokio::select! {
        last_words = reader.run(&mut stream) => last_words,
        () = &mut writer => {
            is_written = true;
            None
        }
    };
    if let Some(close) = last_words {
        reader.outbox.close(close);
    }
    departure.leave().await;
    // Its room has let go of it now, or has ended: the writer still says how, if the client can hear that.
    if !is_written {
        let _ = timeout(LAST_WORDS_LIMIT, writer).await;
    }
    // A socket that ends with something unread is reset, and its last words may be lost on the way.
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    let _ = timeout(LAST_WORDS_LIMIT, rest).await;
}

/// Makes the client known to the room; `None` if that is over.
async fn connect(room: &RoomHandle, entrant: Entrant, metrics: Metrics) -> Option<(Reader, Inbox, Departure)> {
    let Entrant { connection, peer, grant, replicas, comes_back_only, proves, vocabulary, limits } = entrant;
    let (outbox, outgoing) = outbox::channel(room.budget());
    let reader = Reader {
        room: room.clone(),
        connection,
        outbox: outbox.sender(),
        metrics,
        opened: Instant::now(),
        gate: Gate::new(limits.rate),
        max_bytes: limits.message_bytes,
        received: 0,
        is_cut: false,
    };
    let client = shell::Client { outbox, vocabulary };
    let connect = Input::Connect(Connect { connection, peer, grant, replicas, comes_back_only, proves }, client);
    let departure = Departure::new(room.clone(), connection);
    room.send(connect).await.then_some((reader, outgoing, departure))
}

/// What to close a socket with, where the client can still hear it.
type LastWords = Option<Close>;

/// Whether to go on reading.
type Next = ControlFlow<LastWords>;

const GO_ON: Next = ControlFlow::Continue(());

struct Reader {
    room: RoomHandle,
    connection: ConnectionId,
    outbox: Sender,
    metrics: Metrics,
    opened: Instant,
    gate: Gate,
    max_bytes: usize,
    /// Messages that were taken.
    received: u64,
    /// Whether the socket ended without a goodbye.
    is_cut: bool,
}

impl Reader {
    /// Until the socket ends.
    async fn run(&mut self, stream: &mut SplitStream<WebSocket>) -> LastWords {
        loop {
            let next = match timeout(SILENCE_LIMIT, stream.next()).await {
                Ok(Some(Ok(message))) => self.message(message).await,
                Ok(Some(Err(error))) => ControlFlow::Break(self.unusable(error)),
                Ok(None) => ControlFlow::Break(self.cut(None)),
                Err(_) => ControlFlow::Break(self.cut(Some((1001, "no sign of life")))),
            };
            if let ControlFlow::Break(last_words) = next {
                return last_words;
            }
        }
    }

    async fn message(&mut self, message: Message) -> Next {
        self.show_life().await;
        match message {
            Message::Text(text) => {
                let next = self.text(&text).await;
                self.received += 1;
                next
            }
            // protoo ignores binary frames; pings are answered below us.
            Message::Binary(bytes) | Message::Ping(bytes) => {
                match self.gate.ask(cost_of_length(bytes.len()), self.now()) {
                    Verdict::Pass | Verdict::Refuse => GO_ON,
                    Verdict::SendAway => self.send_away(),
                }
            }
            // A sign of life, and an answer to ours.
            Message::Pong(_) => GO_ON,
            Message::Close(frame) => {
                self.is_cut = frame.is_some_and(|frame| is_no_goodbye(frame.code));
                ControlFlow::Break(None)
            }
        }
    }

    /// Tells the room that the client is there, if it has asked.
    async fn show_life(&self) {
        if self.outbox.takes_ping() {
            self.room.command(Command::SignOfLife { connection: self.connection }).await;
        }
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn cut(&mut self, last_words: LastWords) -> LastWords {
        self.is_cut = true;
        last_words
    }

    fn unusable(&mut self, error: axum::Error) -> LastWords {
        let (reason, close) = match error.into_inner().downcast_ref::<WsError>() {
            Some(WsError::Capacity(_)) => ("FrameTooLarge", Some((1009, "the message is far too large"))),
            // Somebody between us and the client is gone.
            Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => ("SocketFailed", self.cut(None)),
            Some(WsError::Protocol(_)) => ("FrameInvalid", Some((1002, "this is not WebSocket"))),
            Some(WsError::Utf8(_)) => ("FrameNotUtf8", Some((1007, "text must be UTF-8"))),
            _ => ("SocketFailed", self.cut(None)),
        };
        self.count_error(reason);
        close
    }

    /// The length is paid for before anything is read.
    async fn text(&mut self, text: &str) -> Next {
        let pause = self.gate.read(cost_of_length(text.len()), self.now());
        if !pause.is_zero() {
            self.count_error("TooManyBytes");
            sleep(pause).await;
        }
        let frame = if text.len() > self.max_bytes { Err(FrameError::TooLong) } else { frame::parse(text) };
        let asked = Asked::of(frame);
        let verdict = match &asked {
            Asked::Answer { .. } => self.gate.answer(1, self.now()),
            asked => self.gate.ask(asked.cost(), self.now()),
        };
        match verdict {
            Verdict::Pass => self.act(asked).await,
            Verdict::Refuse => {
                // A flood is ready to be read at any time: others come first.
                yield_now().await;
                self.refuse(&asked)
            }
            Verdict::SendAway => self.send_away(),
        }
    }

    async fn act(&self, asked: Asked) -> Next {
        match asked {
            Asked::Request { id, request } => self.forward(id, request).await,
            Asked::Wrong { id, error } => {
                self.count_error(error.reason());
                id.map_or(GO_ON, |id| self.answer(frame::failure(id, error.code(), &error.to_string())))
            }
            Asked::Answer { id, is_ok } => {
                self.to_room(Command::Answered { connection: self.connection, id, is_ok }).await
            }
            Asked::Unreadable(error) => self.unreadable(&error),
        }
    }

    /// A client that asks for too much is told so; what wants no answer is dropped.
    fn refuse(&self, asked: &Asked) -> Next {
        let (reason, id) = match asked {
            Asked::Request { id: Some(id), .. } | Asked::Wrong { id: Some(id), .. } => ("TooManyRequests", Some(*id)),
            Asked::Request { id: None, .. } | Asked::Wrong { id: None, .. } => ("TooManyNotifications", None),
            Asked::Answer { .. } => ("TooManyAnswers", None),
            Asked::Unreadable(_) => ("TooManyUnreadable", None),
        };
        self.count_error(reason);
        id.map_or(GO_ON, |id| self.answer(frame::failure(id, 429, "too many requests: ask less often")))
    }

    fn send_away(&self) -> Next {
        self.count_error("SentAway");
        tracing::warn!(connection = self.connection.0, "closing a client that asks too much and does not stop");
        ControlFlow::Break(Some((CLOSE_FINAL, "too many requests")))
    }

    async fn forward(&self, id: Option<u64>, request: ClientRequest) -> Next {
        self.metrics.requests.with_label_values(&[request.name()]).inc();
        let connection = self.connection;
        self.to_room(match id {
            Some(id) => Command::Request { connection, id, request },
            None => Command::Notification { connection, request },
        })
        .await
    }

    async fn to_room(&self, command: Command) -> Next {
        if self.room.command(command).await { GO_ON } else { ControlFlow::Break(None) }
    }

    fn unreadable(&self, error: &FrameError) -> Next {
        self.count_error(error.reason());
        match error {
            FrameError::TooLong => self.answer(too_long(self.max_bytes)),
            error => self.answer(error.to_response()),
        }
    }

    /// The end for a client that sends but does not read.
    fn answer(&self, text: String) -> Next {
        if self.outbox.send(text.into()).is_ok() { GO_ON } else { ControlFlow::Break(None) }
    }

    fn count_error(&self, reason: &str) {
        self.metrics.protocol_errors.with_label_values(&[reason]).inc();
    }
}

/// Codes of somebody between the client and us who goes away, or of a client that means to come back.
fn is_no_goodbye(code: u16) -> bool {
    matches!(code, 1001 | 1006 | 1011 | 1012)
}

fn too_long(max_bytes: usize) -> String {
    let reason = format!("the message is longer than {max_bytes} bytes");
    json!({ "response": true, "id": frame::UNKNOWN_ID, "ok": false, "errorCode": 413, "errorReason": reason })
        .to_string()
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut outgoing: Inbox) {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        let (message, is_last) = match tokio::time::timeout_at(next_ping, outgoing.recv()).await {
            Err(_) => {
                next_ping = Instant::now() + PING_INTERVAL;
                (ping_message(), false)
            }
            Ok(Out::Ping) => (ping_message(), false),
            Ok(Out::Text(text)) => (Message::Text(text), false),
            Ok(Out::Close(code, reason)) => (close_message(code, reason), true),
        };
        let is_sent = matches!(timeout(SEND_LIMIT, sink.send(message)).await, Ok(Ok(())));
        if is_last || !is_sent {
            return;
        }
    }
}

fn ping_message() -> Message {
    Message::Ping(axum::body::Bytes::new())
}

fn close_message(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_are_short_and_plain() {
        for good in ["abcdefgh", "a", "Peer-1_x.y", "me@example.org"] {
            assert_eq!(peer_id(good), Some(PeerId::from(good)));
        }
        for bad in ["", "a b", "é", "a/b", "\n", &"x".repeat(65)] {
            assert_eq!(peer_id(bad), None, "{bad:?}");
        }
    }
}

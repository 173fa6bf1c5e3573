//! Reads one client's messages: enforces limits, answers invalid messages, passes the others to the room. It never changes the room
//! itself.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use convene_protocol::frame::{self, CLOSE_FINAL, FrameError};
use convene_protocol::message::ClientRequest;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::json;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::cost::cost_of_length;
use super::disconnect::DisconnectGuard;
use super::entrant::Entrant;
use super::incoming::Incoming;
use super::rate::{ClientRateLimiter, Decision};
use super::socket::IDLE_TIMEOUT;
use crate::actor::handle::RoomHandle;
use crate::actor::input::{Client, Input};
use crate::actor::outbox::{self, Close, Inbox, Sender};
use crate::metrics::Metrics;
use crate::room::{Command, Connect, ConnectionId, enters};

/// The code and reason to close a socket with, if the client can still receive it.
pub(super) type CloseWith = Option<Close>;

/// Whether to continue reading.
type Next = ControlFlow<CloseWith>;

const CONTINUE: Next = ControlFlow::Continue(());

/// Connects the client to the room; `None` if the room is over.
pub(super) async fn connect(
    room: &RoomHandle,
    entrant: Entrant,
    metrics: Metrics,
) -> Option<(Reader, Inbox, DisconnectGuard)> {
    let Entrant { connection, peer, grant, replicas, comes_back_only, proves, prepares, moves, vocabulary, limits } =
        entrant;
    let (outbox, outgoing) = outbox::channel(room.quota());
    let reader = Reader {
        room: room.clone(),
        connection,
        outbox: outbox.sender(),
        metrics,
        opened: Instant::now(),
        limiter: ClientRateLimiter::new(limits.rate),
        max_bytes: limits.message_bytes,
        received: 0,
        is_interrupted: false,
        is_prepared: prepares,
    };
    let client = Client { outbox, vocabulary };
    let connect = Connect { connection, peer, grant, replicas, comes_back_only, proves, prepares, moves };
    let connect = Input::Connect(connect, client);
    let guard = DisconnectGuard::new(room.clone(), connection);
    room.send(connect).await.then_some((reader, outgoing, guard))
}

/// Reads the messages of one client, from one socket or several in succession.
pub(super) struct Reader {
    pub(super) room: RoomHandle,
    pub(super) connection: ConnectionId,
    pub(super) outbox: Sender,
    pub(super) metrics: Metrics,
    opened: Instant,
    limiter: ClientRateLimiter,
    max_bytes: usize,
    /// Messages processed.
    pub(super) received: u64,
    /// Whether the socket ended without a close handshake by the client.
    pub(super) is_interrupted: bool,
    /// Whether the client has not entered the room yet.
    pub(super) is_prepared: bool,
}

impl Reader {
    /// Reads until the socket ends.
    pub(super) async fn run(&mut self, stream: &mut SplitStream<WebSocket>) -> CloseWith {
        loop {
            let next = match timeout(IDLE_TIMEOUT, stream.next()).await {
                Ok(Some(Ok(message))) => self.message(message).await,
                Ok(Some(Err(error))) => ControlFlow::Break(self.unusable(error)),
                Ok(None) => ControlFlow::Break(self.interrupted(None)),
                Err(_) => ControlFlow::Break(self.interrupted(Some((1001, "no sign of life")))),
            };
            if let ControlFlow::Break(close) = next {
                return close;
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
            // protoo ignores binary frames; axum answers pings. A pong is the answer to our ping, or sent without one.
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => {
                match self.limiter.request(cost_of_length(bytes.len()), self.now()) {
                    Decision::Accept | Decision::Refuse => CONTINUE,
                    Decision::Disconnect => self.disconnect(),
                }
            }
            Message::Close(frame) => {
                self.is_interrupted = frame.is_some_and(|frame| may_reconnect(frame.code));
                ControlFlow::Break(None)
            }
        }
    }

    /// Reports a sign of life, if the room has requested one.
    async fn show_life(&self) {
        if self.outbox.takes_ping() {
            self.room.command(Command::SignOfLife { connection: self.connection }).await;
        }
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn interrupted(&mut self, close: CloseWith) -> CloseWith {
        self.is_interrupted = true;
        close
    }

    fn unusable(&mut self, error: axum::Error) -> CloseWith {
        let (reason, close) = match error.into_inner().downcast_ref::<WsError>() {
            Some(WsError::Capacity(_)) => ("FrameTooLarge", Some((1009, "the message is far too large"))),
            // The client or a proxy on the path is gone.
            Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                ("SocketFailed", self.interrupted(None))
            }
            Some(WsError::Protocol(_)) => ("FrameInvalid", Some((1002, "this is not WebSocket"))),
            Some(WsError::Utf8(_)) => ("FrameNotUtf8", Some((1007, "text must be UTF-8"))),
            _ => ("SocketFailed", self.interrupted(None)),
        };
        self.count_error(reason);
        close
    }

    /// Charges the length before anything is parsed.
    async fn text(&mut self, text: &str) -> Next {
        let delay = self.limiter.read(cost_of_length(text.len()), self.now());
        if !delay.is_zero() {
            self.count_error("TooManyBytes");
            sleep(delay).await;
        }
        let frame = if text.len() > self.max_bytes { Err(FrameError::TooLong) } else { frame::parse(text) };
        let incoming = Incoming::of(frame);
        let decision = match &incoming {
            Incoming::Answer { .. } => self.limiter.response(1, self.now()),
            incoming => self.limiter.request(incoming.cost(), self.now()),
        };
        match decision {
            Decision::Accept => self.process(incoming).await,
            Decision::Refuse => {
                // A flooding client always has data to read: let other tasks run first.
                yield_now().await;
                self.refuse(&incoming)
            }
            Decision::Disconnect => self.disconnect(),
        }
    }

    async fn process(&mut self, incoming: Incoming) -> Next {
        match incoming {
            Incoming::Request { id, request } => self.forward(id, request).await,
            Incoming::Invalid { id, error } => {
                self.count_error(error.reason());
                id.map_or(CONTINUE, |id| self.answer(frame::failure(id, error.code(), &error.to_string())))
            }
            Incoming::Answer { id, is_ok } => {
                self.to_room(Command::Answered { connection: self.connection, id, is_ok }).await
            }
            Incoming::Malformed(error) => self.malformed(&error),
        }
    }

    /// Answers a request over the rate limit with an error; notifications are dropped.
    fn refuse(&self, incoming: &Incoming) -> Next {
        let (reason, id) = match incoming {
            Incoming::Request { id: Some(id), .. } | Incoming::Invalid { id: Some(id), .. } => {
                ("TooManyRequests", Some(*id))
            }
            Incoming::Request { id: None, .. } | Incoming::Invalid { id: None, .. } => ("TooManyNotifications", None),
            Incoming::Answer { .. } => ("TooManyAnswers", None),
            Incoming::Malformed(_) => ("TooManyUnreadable", None),
        };
        self.count_error(reason);
        id.map_or(CONTINUE, |id| self.answer(frame::failure(id, 429, "too many requests: send fewer")))
    }

    fn disconnect(&self) -> Next {
        self.count_error("SentAway");
        tracing::warn!(
            connection = self.connection.0,
            "disconnecting a client that continues to exceed its rate limit"
        );
        ControlFlow::Break(Some((CLOSE_FINAL, "too many requests")))
    }

    async fn forward(&mut self, id: Option<u64>, request: ClientRequest) -> Next {
        if id.is_some() && enters(&request) {
            self.is_prepared = false;
        }
        self.metrics.requests.with_label_values(&[request.name()]).inc();
        let connection = self.connection;
        self.to_room(match id {
            Some(id) => Command::Request { connection, id, request },
            None => Command::Notification { connection, request },
        })
        .await
    }

    async fn to_room(&self, command: Command) -> Next {
        if self.room.command(command).await { CONTINUE } else { ControlFlow::Break(None) }
    }

    fn malformed(&self, error: &FrameError) -> Next {
        self.count_error(error.reason());
        match error {
            FrameError::TooLong => self.answer(too_long(self.max_bytes)),
            error => self.answer(error.to_response()),
        }
    }

    /// Stops reading if the client sends but does not read.
    fn answer(&self, text: String) -> Next {
        if self.outbox.send(text.into()).is_ok() { CONTINUE } else { ControlFlow::Break(None) }
    }

    fn count_error(&self, reason: &str) {
        self.metrics.protocol_errors.with_label_values(&[reason]).inc();
    }
}

/// Close codes of a proxy that goes away, or of a client that intends to reconnect.
fn may_reconnect(code: u16) -> bool {
    matches!(code, 1001 | 1006 | 1011 | 1012)
}

fn too_long(max_bytes: usize) -> String {
    let reason = format!("the message is longer than {max_bytes} bytes");
    json!({ "response": true, "id": frame::UNKNOWN_ID, "ok": false, "errorCode": 413, "errorReason": reason })
        .to_string()
}

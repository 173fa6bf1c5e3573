//! Serves a client whose session survives its sockets: the room does not notice a short interruption, and the client misses no message.
//!
//! It forwards and counts messages; it does not interpret them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use convene_protocol::frame;
use convene_service::metrics::GaugeGuard;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::entrant::Entrant;
use super::query::SessionRequest;
use super::reader::{Reader, connect};
use super::ring::Ring;
use super::sessions::{Owner, Resumption, Sessions};
use super::socket::{
    CLOSE_TIMEOUT, PING_INTERVAL, SEND_TIMEOUT, close_message, discard_rest, ping_message, refuse, send,
};
use crate::actor::handle::RoomHandle;
use crate::actor::outbox::{Inbox, Out};
use crate::metrics::Metrics;
use crate::room::{Command, ConnectionId};

/// Serves a client that requested a session: resumes its previous one if possible, otherwise opens a new one.
pub(crate) async fn serve(
    sessions: Arc<Sessions>,
    socket: WebSocket,
    room: RoomHandle,
    mut entrant: Entrant,
    (request, owner): (SessionRequest, Owner),
    metrics: Metrics,
) {
    let socket = match request {
        SessionRequest::New => Some(socket),
        SessionRequest::Resume { id, received } => {
            // A client that knows the secret may take over the seat even if the session cannot be resumed.
            entrant.proves = sessions.connection(&id, &owner);
            hand_over(&sessions, socket, &id, received, &owner, &metrics).await
        }
    };
    let Some(socket) = socket else { return };
    let (connection, resume_timeout) = (entrant.connection, sessions.resume_timeout());
    let Some((reader, outgoing, guard)) = connect(&room, entrant, metrics).await else {
        return refuse(socket, true, "the room has just ended: please reconnect").await;
    };
    let (registration, mut resumptions) = sessions.open(owner, connection);
    let ring = Ring::new(outgoing.quota());
    let mut session = Session { id: registration.id().to_owned(), ring, reader, resume_timeout };
    session.run(socket, outgoing, &mut resumptions).await;
    drop(registration);
    reject_late(resumptions);
    guard.disconnect().await;
}

/// Hands the socket over to its session; returns it if that is not possible.
async fn hand_over(
    sessions: &Sessions,
    socket: WebSocket,
    id: &str,
    received: u64,
    owner: &Owner,
    metrics: &Metrics,
) -> Option<WebSocket> {
    let (rejected, returned) = oneshot::channel();
    let resumption = Resumption { socket, received, rejected };
    let (outcome, socket) = match sessions.resumption(id, owner) {
        None => ("Unknown", Some(resumption.socket)),
        Some(session) => match session.try_send(resumption) {
            Err(error) => ("Unknown", Some(error.into_inner().socket)),
            // The channel is dropped if the session resumes with the socket.
            Ok(()) => returned.await.map_or(("Resumed", None), |socket| ("Overwritten", Some(socket))),
        },
    };
    metrics.resumed.with_label_values(&[outcome]).inc();
    socket
}

/// Returns sockets that came too late for the session; they get a new one.
fn reject_late(mut resumptions: mpsc::Receiver<Resumption>) {
    resumptions.close();
    while let Ok(Resumption { socket, rejected, .. }) = resumptions.try_recv() {
        let _ = rejected.send(socket);
    }
}

struct Session {
    id: String,
    ring: Ring,
    reader: Reader,
    resume_timeout: Duration,
}

/// How one socket of a session ended.
enum SocketEnd {
    /// The client has left, or its connection to the room was closed.
    Closed,
    /// The client may reconnect.
    Interrupted,
    /// The client has already reconnected with this socket.
    Replaced(Box<Resumption>),
}

impl Session {
    /// Runs the session from its first socket to its end.
    async fn run(&mut self, socket: WebSocket, mut outgoing: Inbox, resumptions: &mut mpsc::Receiver<Resumption>) {
        let mut end = self.attached(socket, None, &mut outgoing, resumptions).await;
        loop {
            let resumption = match end {
                SocketEnd::Closed => return,
                SocketEnd::Replaced(resumption) => *resumption,
                SocketEnd::Interrupted => match self.detached(&mut outgoing, resumptions).await {
                    Some(resumption) => resumption,
                    None => return,
                },
            };
            let Resumption { socket, received, rejected } = resumption;
            if !self.ring.holds(received) {
                let _ = rejected.send(socket);
                return;
            }
            drop(rejected);
            self.ring.acknowledge(received);
            self.reader.room.command(Command::SignOfLife { connection: self.reader.connection }).await;
            end = self.attached(socket, Some(received), &mut outgoing, resumptions).await;
        }
    }

    /// Serves one socket until it ends.
    async fn attached(
        &mut self,
        socket: WebSocket,
        resumed_from: Option<u64>,
        outgoing: &mut Inbox,
        resumptions: &mut mpsc::Receiver<Resumption>,
    ) -> SocketEnd {
        let _counted = GaugeGuard::new(&self.reader.metrics.connections);
        let (mut sink, mut stream) = socket.split();
        let greeting = Message::Text(self.greeting(resumed_from.is_some()).into());
        if !send(&mut sink, greeting).await {
            return SocketEnd::Interrupted;
        }
        self.reader.is_interrupted = false;
        let next = resumed_from.unwrap_or_default();
        let (end, close) = tokio::select! {
            close = self.reader.run(&mut stream) => {
                (if self.reader.is_interrupted { SocketEnd::Interrupted } else { SocketEnd::Closed }, close)
            }
            end = write(&mut sink, &mut self.ring, next, outgoing) => (end, None),
            Some(resumption) = resumptions.recv() => (SocketEnd::Replaced(Box::new(resumption)), None),
        };
        if let Some((code, reason)) = close {
            let _ = timeout(CLOSE_TIMEOUT, sink.send(close_message(code, reason))).await;
        }
        if matches!(end, SocketEnd::Closed) {
            discard_rest(&mut stream).await;
        }
        end
    }

    /// Collects messages until the client reconnects. `None` if it does not in time, or has missed too many.
    async fn detached(
        &mut self,
        outgoing: &mut Inbox,
        resumptions: &mut mpsc::Receiver<Resumption>,
    ) -> Option<Resumption> {
        let ConnectionId(connection) = self.reader.connection;
        tracing::info!(connection, "client interrupted; its session waits");
        self.reader.room.command(Command::CutOff { connection: self.reader.connection }).await;
        let (deadline, sent) = (Instant::now() + self.resume_timeout, self.ring.sent());
        let mut close = None;
        loop {
            tokio::select! {
                () = sleep_until(deadline) => return None,
                Some(resumption) = resumptions.recv() => match close {
                    None => return Some(resumption),
                    Some((code, reason)) => {
                        let mut socket = resumption.socket;
                        let _ = timeout(SEND_TIMEOUT, socket.send(close_message(code, reason))).await;
                        return None;
                    }
                },
                out = outgoing.recv(), if close.is_none() => match out {
                    Out::Close(code, reason) => close = Some((code, reason)),
                    // There is no socket to ping.
                    Out::Ping => {}
                    Out::Text(text) => {
                        self.ring.push(text);
                        if !self.ring.holds(sent) {
                            return None;
                        }
                    }
                },
            }
        }
    }

    fn greeting(&self, resumed: bool) -> String {
        let data = json!({
            "id": self.id,
            "resumed": resumed,
            "received": self.reader.received,
            "resumeSeconds": self.resume_timeout.as_secs(),
            "prepared": self.reader.is_prepared,
        });
        frame::notification(&json!({ "method": "session", "data": data }))
    }
}

/// Sends the messages that the client has missed, then new ones. Each message is added to the ring before it is sent.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    ring: &mut Ring,
    mut next: u64,
    outgoing: &mut Inbox,
) -> SocketEnd {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        while let Some(text) = ring.get(next) {
            if !send(sink, Message::Text(text)).await {
                return SocketEnd::Interrupted;
            }
            next += 1;
        }
        match timeout_at(next_ping, outgoing.recv()).await {
            Err(_) => {
                next_ping = Instant::now() + PING_INTERVAL;
                if !send(sink, ping_message()).await {
                    return SocketEnd::Interrupted;
                }
            }
            Ok(Out::Ping) => {
                if !send(sink, ping_message()).await {
                    return SocketEnd::Interrupted;
                }
            }
            Ok(Out::Text(text)) => ring.push(text),
            Ok(Out::Close(code, reason)) => {
                send(sink, close_message(code, reason)).await;
                return SocketEnd::Closed;
            }
        }
    }
}

//! A client whose session outlives its sockets: the room does not hear of a short cut, and the client misses nothing.
//!
//! It moves messages and counts them; it knows nothing of what they mean.

use axum::extract::ws::{Message, WebSocket};
use convene_protocol::frame;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::query::Asked;
use super::ring::Ring;
use super::sessions::{Arrival, Owner};
use super::{
    Entrant, LAST_WORDS_LIMIT, PING_INTERVAL, Reader, SEND_LIMIT, close_message, connect, ping_message, refuse,
};
use crate::http::AppState;
use crate::metrics::{Counted, Metrics};
use crate::outbox::{Inbox, Out};
use crate::room::{Command, ConnectionId};
use crate::shell::RoomHandle;

/// Serves a client that asked for a session: goes on with its old one if that is possible, or else with a new one.
pub(super) async fn serve(
    state: AppState,
    socket: WebSocket,
    room: RoomHandle,
    mut entrant: Entrant,
    asked: Asked,
    owner: Owner,
) {
    let socket = match asked {
        Asked::New => Some(socket),
        Asked::Resume { id, received } => {
            // Who knows its secret may take the seat, even where the session itself cannot go on.
            entrant.proves = state.sessions.connection(&id, &owner);
            hand_over(&state, socket, &id, received, &owner).await
        }
    };
    let Some(socket) = socket else { return };
    let (connection, keep) = (entrant.connection, state.sessions.keep());
    let Some((reader, outgoing, departure)) = connect(&room, entrant, state.metrics.clone()).await else {
        return refuse(socket, true, "the room has just ended: please come back").await;
    };
    let (guard, mut arrivals) = state.sessions.open(owner, connection);
    let ring = Ring::within(outgoing.budget());
    let mut session = Session { id: guard.id().to_owned(), ring, reader, keep };
    session.run(socket, outgoing, &mut arrivals).await;
    drop(guard);
    give_back(arrivals);
    departure.leave().await;
}

/// Gives the socket to the session that it belongs to, or back.
async fn hand_over(state: &AppState, socket: WebSocket, id: &str, received: u64, owner: &Owner) -> Option<WebSocket> {
    let (back, returned) = oneshot::channel();
    let arrival = Arrival { socket, received, back };
    let (outcome, socket) = match state.sessions.door(id, owner) {
        None => ("Unknown", Some(arrival.socket)),
        Some(door) => match door.try_send(arrival) {
            Err(error) => ("Unknown", Some(error.into_inner().socket)),
            // Dropped without an answer where the session goes on with it.
            Ok(()) => returned.await.map_or(("Resumed", None), |socket| ("Overwritten", Some(socket))),
        },
    };
    state.metrics.resumed.with_label_values(&[outcome]).inc();
    socket
}

/// Who came too late for a session goes on with a new one.
fn give_back(mut arrivals: mpsc::Receiver<Arrival>) {
    arrivals.close();
    while let Ok(Arrival { socket, back, .. }) = arrivals.try_recv() {
        let _ = back.send(socket);
    }
}

struct Session {
    id: String,
    ring: Ring,
    reader: Reader,
    keep: std::time::Duration,
}

/// How the time with one socket ended.
enum Ended {
    /// For good.
    Left,
    /// The client may come back.
    Cut,
    /// It has come back already.
    Replaced(Box<Arrival>),
}

impl Session {
    /// From the first socket to the end.
    async fn run(&mut self, socket: WebSocket, mut outgoing: Inbox, arrivals: &mut mpsc::Receiver<Arrival>) {
        let mut ended = self.attached(socket, None, &mut outgoing, arrivals).await;
        loop {
            let arrival = match ended {
                Ended::Left => return,
                Ended::Replaced(arrival) => *arrival,
                Ended::Cut => match self.away(&mut outgoing, arrivals).await {
                    Some(arrival) => arrival,
                    None => return,
                },
            };
            let Arrival { socket, received, back } = arrival;
            if !self.ring.holds(received) {
                let _ = back.send(socket);
                return;
            }
            drop(back);
            self.ring.acknowledge(received);
            self.reader.room.command(Command::SignOfLife { connection: self.reader.connection }).await;
            ended = self.attached(socket, Some(received), &mut outgoing, arrivals).await;
        }
    }

    /// While there is a socket.
    async fn attached(
        &mut self,
        socket: WebSocket,
        resumed_from: Option<u64>,
        outgoing: &mut Inbox,
        arrivals: &mut mpsc::Receiver<Arrival>,
    ) -> Ended {
        let metrics: Metrics = self.reader.metrics.clone();
        let _counted = Counted::new(metrics.connections.clone());
        let (mut sink, mut stream) = socket.split();
        let greeting = Message::Text(self.greeting(resumed_from.is_some()).into());
        if !send(&mut sink, greeting).await {
            return Ended::Cut;
        }
        self.reader.is_cut = false;
        let next = resumed_from.unwrap_or_default();
        let (ended, last_words) = tokio::select! {
            last_words = self.reader.run(&mut stream) => {
                (if self.reader.is_cut { Ended::Cut } else { Ended::Left }, last_words)
            }
            ended = write(&mut sink, &mut self.ring, next, outgoing) => (ended, None),
            Some(arrival) = arrivals.recv() => (Ended::Replaced(Box::new(arrival)), None),
        };
        if let Some((code, reason)) = last_words {
            let _ = timeout(LAST_WORDS_LIMIT, sink.send(close_message(code, reason))).await;
        }
        if matches!(ended, Ended::Left) {
            // A socket that ends with something unread is reset, and its last words may be lost on the way.
            let rest = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = timeout(LAST_WORDS_LIMIT, rest).await;
        }
        ended
    }

    /// Collects what the client misses until it comes back. Nobody, where it does not or has missed too much.
    async fn away(&mut self, outgoing: &mut Inbox, arrivals: &mut mpsc::Receiver<Arrival>) -> Option<Arrival> {
        let ConnectionId(connection) = self.reader.connection;
        tracing::info!(connection, "client cut off: its session waits");
        self.reader.room.command(Command::CutOff { connection: self.reader.connection }).await;
        let (deadline, sent) = (Instant::now() + self.keep, self.ring.sent());
        let mut farewell = None;
        loop {
            tokio::select! {
                () = sleep_until(deadline) => return None,
                Some(arrival) = arrivals.recv() => match farewell {
                    None => return Some(arrival),
                    Some((code, reason)) => {
                        let mut socket = arrival.socket;
                        let _ = timeout(SEND_LIMIT, socket.send(close_message(code, reason))).await;
                        return None;
                    }
                },
                out = outgoing.recv(), if farewell.is_none() => match out {
                    Out::Close(code, reason) => farewell = Some((code, reason)),
                    // Nobody is there to answer.
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
            "resumeSeconds": self.keep.as_secs(),
        });
        frame::notification(&json!({ "method": "session", "data": data }))
    }
}

/// Sends what the client does not have, then what comes. Each message is kept before it leaves.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    ring: &mut Ring,
    mut next: u64,
    outgoing: &mut Inbox,
) -> Ended {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        while let Some(text) = ring.get(next) {
            if !send(sink, Message::Text(text)).await {
                return Ended::Cut;
            }
            next += 1;
        }
        match timeout_at(next_ping, outgoing.recv()).await {
            Err(_) => {
                next_ping = Instant::now() + PING_INTERVAL;
                if !send(sink, ping_message()).await {
                    return Ended::Cut;
                }
            }
            Ok(Out::Ping) => {
                if !send(sink, ping_message()).await {
                    return Ended::Cut;
                }
            }
            Ok(Out::Text(text)) => ring.push(text),
            Ok(Out::Close(code, reason)) => {
                send(sink, close_message(code, reason)).await;
                return Ended::Left;
            }
        }
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(timeout(SEND_LIMIT, sink.send(message)).await, Ok(Ok(())))
}

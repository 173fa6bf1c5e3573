//! Signaling: one task per client's WebSocket, between the wire and the room.
//!
//! Reads frames, answers what cannot be read, hands the rest to the room, and sends what the room says. It knows nothing of
//! what the messages mean.

pub(crate) mod enter;

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use convene_protocol::frame::{self, CLOSE_COME_BACK, CLOSE_FINAL, Frame, FrameError};
use convene_protocol::message::ClientRequest;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;

use crate::metrics::{Counted, Metrics};
use crate::room::{ConnectionId, PeerId};
use crate::shell::{Input, Out, Outbox, RoomHandle};

/// Largest message that is read at all. Between protoo's limit and this one there is an error answer; above it the socket ends.
pub const HARD_LIMIT_BYTES: usize = 8 * 1024 * 1024;
/// Messages that wait for a client before it counts as one that does not read.
const OUTBOX: usize = 1024;
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
    /// As the client calls itself.
    pub peer: PeerId,
    /// Further copies that it wants of every consumer.
    pub replicas: usize,
}

/// Serves one client until either side ends.
pub async fn serve(socket: WebSocket, room: RoomHandle, connection: ConnectionId, entrant: Entrant, metrics: Metrics) {
    let _counted = Counted::new(metrics.connections.clone());
    let (outbox, outgoing) = mpsc::channel(OUTBOX);
    let Entrant { peer, replicas } = entrant;
    let connect = Input::Connect { connection, peer, replicas, outbox: outbox.clone() };
    if !room.send(connect).await {
        refuse(socket, true, "the room has just ended: please come back").await;
        return;
    }
    let (sink, stream) = socket.split();
    let reader = Reader { room: room.clone(), connection, outbox: outbox.clone(), metrics };
    let writer = write(sink, outgoing);
    tokio::pin!(writer);
    // Whichever ends first ends the other: a socket that cannot be written is not read either.
    let last_words = tokio::select! {
        last_words = reader.run(stream) => last_words,
        () = &mut writer => None,
    };
    if let Some((code, reason)) = last_words {
        let _ = outbox.try_send(Out::Close(code, reason));
        let _ = timeout(LAST_WORDS_LIMIT, writer).await;
    }
    room.send(Input::Disconnect(connection)).await;
}

struct Reader {
    room: RoomHandle,
    connection: ConnectionId,
    outbox: Outbox,
    metrics: Metrics,
}

impl Reader {
    /// Until the socket ends; gives what to close it with, where the client can still hear it.
    async fn run(self, mut stream: SplitStream<WebSocket>) -> Option<(u16, &'static str)> {
        loop {
            let message = match timeout(SILENCE_LIMIT, stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return self.unusable(error),
                Ok(None) => return None,
                Err(_) => return Some((1001, "no sign of life")),
            };
            let goes_on = match message {
                Message::Text(text) => self.text(&text).await,
                // protoo ignores binary frames; pings are answered below us, pongs are signs of life.
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => true,
                Message::Close(_) => false,
            };
            if !goes_on {
                return None;
            }
        }
    }

    fn unusable(&self, error: axum::Error) -> Option<(u16, &'static str)> {
        let (reason, close) = match error.into_inner().downcast_ref::<WsError>() {
            Some(WsError::Capacity(_)) => ("FrameTooLarge", Some((1009, "the message is far too large"))),
            Some(WsError::Protocol(_)) => ("FrameInvalid", Some((1002, "this is not WebSocket"))),
            Some(WsError::Utf8(_)) => ("FrameNotUtf8", Some((1007, "text must be UTF-8"))),
            _ => ("SocketFailed", None),
        };
        self.metrics.protocol_errors.with_label_values(&[reason]).inc();
        close
    }

    async fn text(&self, text: &str) -> bool {
        match frame::parse(text) {
            Ok(Frame::Request { id, method, data }) => self.request(id, &method, data).await,
            Ok(Frame::Notification { method, data }) => match ClientRequest::parse(&method, data) {
                Ok(request) => self.forward(None, request).await,
                Err(error) => {
                    self.metrics.protocol_errors.with_label_values(&[error.reason()]).inc();
                    true
                }
            },
            Ok(Frame::Response { id, is_ok }) => {
                self.room.send(Input::Answer { connection: self.connection, id, is_ok }).await
            }
            Err(error) => self.unreadable(&error),
        }
    }

    async fn request(&self, id: u64, method: &str, data: serde_json::Value) -> bool {
        match ClientRequest::parse(method, data) {
            Ok(request) => self.forward(Some(id), request).await,
            Err(error) => {
                self.metrics.protocol_errors.with_label_values(&[error.reason()]).inc();
                self.answer(frame::failure(id, error.code(), &error.to_string()))
            }
        }
    }

    async fn forward(&self, id: Option<u64>, request: ClientRequest) -> bool {
        self.metrics.requests.with_label_values(&[request.name()]).inc();
        self.room.send(Input::Message { connection: self.connection, id, request }).await
    }

    fn unreadable(&self, error: &FrameError) -> bool {
        self.metrics.protocol_errors.with_label_values(&[error.reason()]).inc();
        self.answer(error.to_response())
    }

    /// False for a client that sends but does not read.
    fn answer(&self, text: String) -> bool {
        self.outbox.try_send(Out::Text(text)).is_ok()
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut outgoing: mpsc::Receiver<Out>) {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        let (message, is_last) = match tokio::time::timeout_at(next_ping, outgoing.recv()).await {
            Err(_) => {
                next_ping = Instant::now() + PING_INTERVAL;
                (Message::Ping(axum::body::Bytes::new()), false)
            }
            Ok(Some(Out::Text(text))) => (Message::Text(text.into()), false),
            Ok(Some(Out::Close(code, reason))) => (close_message(code, reason), true),
            Ok(None) => (close_message(1008, "this client does not read its messages"), true),
        };
        let is_sent = matches!(timeout(SEND_LIMIT, sink.send(message)).await, Ok(Ok(())));
        if is_last || !is_sent {
            return;
        }
    }
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

//! Timeouts and control frames of a client's WebSocket. It reads nothing.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;

/// How often the server pings. Proxies on the path close connections that are idle for a minute.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Time without any frame, even a pong, after which a socket counts as half-open.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Timeout for sending one message.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for sending the last frame of a socket, and for the client to close it.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts the socket only to close it with a reason: a refused handshake tells a browser nothing.
pub(crate) async fn refuse(mut socket: WebSocket, may_reconnect: bool, reason: &'static str) {
    let code = if may_reconnect { CLOSE_COME_BACK } else { CLOSE_FINAL };
    let _ = timeout(SEND_TIMEOUT, socket.send(close_message(code, reason))).await;
}

/// Sends a message; false if that failed or timed out.
pub(super) async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(timeout(SEND_TIMEOUT, sink.send(message)).await, Ok(Ok(())))
}

/// Discards what the client still sends: a socket closed with unread data is reset, and its last frame may be lost.
pub(super) async fn discard_rest(stream: &mut SplitStream<WebSocket>) {
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    let _ = timeout(CLOSE_TIMEOUT, rest).await;
}

pub(super) fn ping_message() -> Message {
    Message::Ping(axum::body::Bytes::new())
}

pub(super) fn close_message(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

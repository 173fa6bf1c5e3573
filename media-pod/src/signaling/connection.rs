//! Serves a client whose connection to the room ends with its socket. [`super::resume`] handles sessions that survive their socket.

use axum::extract::ws::{Message, WebSocket};
use convene_service::metrics::GaugeGuard;
use futures_util::StreamExt;
use futures_util::stream::SplitSink;
use tokio::time::{Instant, timeout, timeout_at};

use super::entrant::Entrant;
use super::reader::connect;
use super::socket::{CLOSE_TIMEOUT, PING_INTERVAL, close_message, discard_rest, ping_message, refuse, send};
use crate::actor::handle::RoomHandle;
use crate::actor::outbox::{Inbox, Out};
use crate::metrics::Metrics;

/// Serves one client until either side ends.
pub(crate) async fn serve(socket: WebSocket, room: RoomHandle, entrant: Entrant, metrics: Metrics) {
    let _counted = GaugeGuard::new(&metrics.connections);
    let Some((mut reader, outgoing, guard)) = connect(&room, entrant, metrics).await else {
        return refuse(socket, true, "the room has just ended: please reconnect").await;
    };
    let (sink, mut stream) = socket.split();
    let writer = write(sink, outgoing);
    tokio::pin!(writer);
    let mut writer_ended = false;
    // Whichever ends first ends the other: a socket that cannot be written to is not read either.
    let close = tokio::select! {
        close = reader.run(&mut stream) => close,
        () = &mut writer => {
            writer_ended = true;
            None
        }
    };
    if let Some(close) = close {
        reader.outbox.close(close);
    }
    guard.disconnect().await;
    // The room has removed the client or has ended: the writer still sends the close frame, if the client can receive it.
    if !writer_ended {
        let _ = timeout(CLOSE_TIMEOUT, writer).await;
    }
    discard_rest(&mut stream).await;
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut outgoing: Inbox) {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        let (message, is_last) = match timeout_at(next_ping, outgoing.recv()).await {
            Err(_) => {
                next_ping = Instant::now() + PING_INTERVAL;
                (ping_message(), false)
            }
            Ok(Out::Ping) => (ping_message(), false),
            Ok(Out::Text(text)) => (Message::Text(text), false),
            Ok(Out::Close(code, reason)) => (close_message(code, reason), true),
        };
        if !send(&mut sink, message).await || is_last {
            return;
        }
    }
}

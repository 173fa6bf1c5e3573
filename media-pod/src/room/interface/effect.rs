//! The outputs of a room, returned by [`Room::handle`](crate::room::Room::handle). The room's actor runs them in order.

use std::time::Duration;

use convene_protocol::message::{ServerNotification, ServerRequest};
use serde_json::Value;

use super::context::Context;
use super::ids::ConnectionId;
use super::moves::{MoveAnswer, MoveRefusal};
use super::operation::Operation;

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a message to a client.
    Send(ConnectionId, Outgoing),
    /// Ping a client. Its answer comes as [`Command::SignOfLife`](crate::room::Command::SignOfLife).
    Ping(ConnectionId),
    /// Close a client's WebSocket.
    Close {
        /// The client's connection.
        connection: ConnectionId,
        /// 4000 is final; 1012 means that the client reconnects to the same URL.
        code: u16,
        /// Human-readable; at most 123 bytes.
        reason: &'static str,
    },
    /// Run an operation of the media plane. Its outcome is returned later with the context, once, unless the room has ended: other commands
    /// come in between. Operations on the same object, and on what is on the same transport, are run in order, and their outcomes come in that
    /// order; for all others there is none.
    Media(Operation, Context),
    /// The answer to the last [`Command::Move`](crate::room::Command::Move).
    MoveAnswer(Result<MoveAnswer, MoveRefusal>),
    /// Count something in the metrics.
    Note(Fact),
    /// The room has ended and is empty.
    Shut,
}

/// An event that is counted in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A participant joined, with the time since it connected.
    Joined(Duration),
    /// The media of a client connected for the first time, with the time since its WebSocket opened.
    MediaConnected(Duration),
    /// A limit was reached.
    LimitReached(&'static str),
    /// A moderator sent this request successfully.
    Moderated(&'static str),
    /// A step of a move, by its outcome.
    Move(&'static str),
    /// A client has moved, or was closed for a move.
    ClientMove(&'static str),
}

/// A message to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// The request succeeded.
    Success(u64, Value),
    /// The request failed.
    Failure {
        /// Id of the request.
        id: u64,
        /// With HTTP's meaning.
        code: u16,
        /// Readable.
        reason: String,
    },
    /// A request of the room.
    Request(u64, ServerRequest),
    /// A notification.
    Notification(ServerNotification),
}

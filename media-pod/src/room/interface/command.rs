//! The inputs of a room, for [`Room::handle`](crate::room::Room::handle). Plain data, no handles.

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ClientRequest;

use super::broadcaster::BroadcasterRequest;
use super::context::Context;
use super::ids::{ConnectionId, PeerId};
use super::media::MediaEvent;
use super::moves::MoveCommand;
use super::outcome::{MediaError, Outcome};

/// Everything that can happen to a room.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The WebSocket of a client was accepted.
    Connected(Connect),
    /// A client that was pinged has sent something, or a disconnected client is back.
    SignOfLife {
        /// The client's connection.
        connection: ConnectionId,
    },
    /// The WebSocket of a client was lost; the client may resume its session.
    CutOff {
        /// The client's connection.
        connection: ConnectionId,
    },
    /// A WebSocket has ended.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
    /// A client sent a request.
    Request {
        /// The client's connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
        /// The request.
        request: ClientRequest,
    },
    /// A client sent a request in the form of a notification; there is no response.
    Notification {
        /// The client's connection.
        connection: ConnectionId,
        /// The request.
        request: ClientRequest,
    },
    /// A client answered a request of the room.
    Answered {
        /// The client's connection.
        connection: ConnectionId,
        /// Id of the room's request.
        id: u64,
        /// Whether the client accepted.
        is_ok: bool,
    },
    /// A broadcaster's script called over HTTP.
    Broadcaster(Box<BroadcasterCall>),
    /// An [`Operation`](crate::room::Operation) has ended.
    MediaDone {
        /// As given with the operation.
        context: Context,
        /// Its result.
        outcome: Result<Outcome, MediaError>,
    },
    /// The media plane reports an event.
    Media(MediaEvent),
    /// Time has passed: deadlines are due.
    Tick,
    /// The meeting's settings have changed.
    Update {
        /// All of them.
        settings: RoomSettings,
        /// The people who were in the meeting before it moved here, if they are known.
        returning: Option<Vec<String>>,
    },
    /// The pod accepts no new participants from now on: prepared connections are closed.
    StopPreparing,
    /// A step of the meeting's move between pods.
    Move(MoveCommand),
    /// Remove a participant permanently.
    Remove(PeerId),
    /// End the room.
    End(End),
}

/// A client that connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    /// The new connection.
    pub connection: ConnectionId,
    /// Chosen by the client.
    pub peer: PeerId,
    /// The permissions that its admission grants.
    pub grant: ParticipantGrant,
    /// Additional copies of every consumer that it requested.
    pub replicas: usize,
    /// Whether it is admitted only if it is in the room or has just left it, because the pod accepts no new participants.
    pub comes_back_only: bool,
    /// The connection whose session secret it has presented, if any.
    pub proves: Option<ConnectionId>,
    /// Whether it only prepares, and enters once it sends `join` or `knock`.
    pub prepares: bool,
    /// Whether it understands `moving`, and moves to another pod before this one closes its connection.
    pub moves: bool,
}

/// Whether a prepared client enters the room with this request.
pub(crate) fn enters(request: &ClientRequest) -> bool {
    matches!(request, ClientRequest::Join(_) | ClientRequest::Knock(_))
}

/// A call of a broadcaster's script.
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcasterCall {
    /// The call; answered once.
    pub call: ConnectionId,
    /// The broadcaster.
    pub peer: PeerId,
    /// The permissions that the caller's admission grants.
    pub grant: ParticipantGrant,
    /// The request.
    pub request: BroadcasterRequest,
}

/// How a room ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Final: clients do not reconnect.
    Over,
    /// Continues elsewhere: clients reconnect to the same URL.
    Moved,
}

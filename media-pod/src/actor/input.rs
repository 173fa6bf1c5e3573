//! Messages from the rest of the pod to a room's actor. Data only.

use convene_protocol::admin::RoomSites;
use serde_json::Value;
use tokio::sync::oneshot;

use super::outbox::Outbox;
use super::vocabulary::Vocabulary;
use crate::room::broadcaster::Refused;
use crate::room::{BroadcasterCall, Command, Connect, MoveAnswer, MoveCommand, MoveRefusal, PeerId, PeerReport};

/// Receives the one response to a broadcaster's call.
pub type Answer = oneshot::Sender<Result<Value, Refused>>;

/// A command for the room, or a request to its actor.
#[derive(Debug)]
pub enum Input {
    /// A command, passed on to the room unchanged.
    Command(Command),
    /// A client's WebSocket is open.
    Connect(Connect, Client),
    /// A call of a broadcaster's script.
    Broadcast(Box<BroadcasterCall>, Answer),
    /// A command whose sender is answered once the room has handled it.
    Update(Command, oneshot::Sender<()>),
    /// A step of a move.
    Move(MoveCommand, oneshot::Sender<Result<MoveAnswer, MoveRefusal>>),
    /// The other pods that serve the room from now on.
    Sites(RoomSites, oneshot::Sender<()>),
    /// Lists the peers of the room.
    Describe(oneshot::Sender<Vec<PeerReport>>),
    /// Removes a participant; the answer is whether there was one with this id.
    Remove(PeerId, oneshot::Sender<bool>),
    /// Makes the actor panic, to test how panics are contained.
    Panic,
}

/// A client with a WebSocket.
#[derive(Debug)]
pub struct Client {
    /// The queue of messages to it.
    pub outbox: Outbox,
    /// The notifications it understands.
    pub vocabulary: Vocabulary,
}

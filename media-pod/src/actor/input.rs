//! What the rest of the pod sends to a room's actor. Data only.

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ClientRequest;
use serde_json::Value;
use tokio::sync::oneshot;

use super::outbox::Outbox;
use super::vocabulary::Vocabulary;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::room::{ConnectionId, End, PeerId, PeerReport};

/// Receives the one response to a broadcaster's call.
pub type Answer = oneshot::Sender<Result<Value, Refused>>;

/// An event or a request for a room's actor.
#[derive(Debug)]
pub enum Input {
    /// A client's WebSocket is open.
    Connect {
        /// Unique in this process.
        connection: ConnectionId,
        /// Chosen by the client.
        peer: PeerId,
        /// The participant's permissions and identity.
        grant: ParticipantGrant,
        /// Additional copies of every consumer that the client requested.
        replicas: usize,
        /// Whether the client is admitted only if it is in the room or has just left: the pod accepts no new participants.
        comes_back_only: bool,
        /// The connection whose session secret the client has presented, if any.
        proves: Option<ConnectionId>,
        /// The queue to the client.
        client: Client,
    },
    /// A client's WebSocket has ended.
    Disconnect(ConnectionId),
    /// A client's WebSocket was interrupted; its session waits for the client.
    CutOff(ConnectionId),
    /// A client that was pinged has sent something, or one that was cut off is back.
    SignOfLife(ConnectionId),
    /// A client's request (with an id) or notification (without).
    Message {
        /// The connection it came on.
        connection: ConnectionId,
        /// Id for the response.
        id: Option<u64>,
        /// The message.
        request: ClientRequest,
    },
    /// A client's response.
    Answer {
        /// The connection it came on.
        connection: ConnectionId,
        /// Id of the room's request.
        id: u64,
        /// Whether the client accepted the request.
        is_ok: bool,
    },
    /// A call of a broadcaster's script.
    Broadcast {
        /// The call's number, unique among connections and calls.
        call: ConnectionId,
        /// The broadcaster.
        peer: PeerId,
        /// The caller's permissions and identity.
        grant: ParticipantGrant,
        /// The call.
        request: Box<BroadcasterRequest>,
        /// Receives the response.
        answer: Answer,
    },
    /// Lists the peers of the room.
    Describe(oneshot::Sender<Vec<PeerReport>>),
    /// Replaces the room's settings and the list of people who may return to it; answered once they apply.
    Update(RoomSettings, Option<Vec<String>>, oneshot::Sender<()>),
    /// Removes a participant; the answer is whether there was one with this id.
    Remove(PeerId, oneshot::Sender<bool>),
    /// Ends the room.
    End(End),
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

//! A client that enters a room, before the room knows it. Data only.

use convene_protocol::admission::ParticipantGrant;

use super::limits::ClientLimits;
use crate::actor::vocabulary::Vocabulary;
use crate::room::{ConnectionId, PeerId};

/// A client that enters a room over a WebSocket.
#[derive(Clone, Debug)]
pub(crate) struct Entrant {
    /// The number of its connection.
    pub(crate) connection: ConnectionId,
    /// Chosen by the client.
    pub(crate) peer: PeerId,
    /// The participant's permissions and identity.
    pub(crate) grant: ParticipantGrant,
    /// Additional copies of every consumer that the client requested.
    pub(crate) replicas: usize,
    /// Whether the client is admitted only if it is in the room or has just left.
    pub(crate) comes_back_only: bool,
    /// The connection whose session secret the client has presented, if any.
    pub(crate) proves: Option<ConnectionId>,
    /// Whether it only prepares to join.
    pub(crate) prepares: bool,
    /// Whether it understands `moving`.
    pub(crate) moves: bool,
    /// The notifications it understands.
    pub(crate) vocabulary: Vocabulary,
    /// Limits on what it may send.
    pub(crate) limits: ClientLimits,
}

//! A connection that wants to enter the room. Plain data.

use convene_protocol::admission::ParticipantGrant;

use crate::room::interface::command::Connect;
use crate::room::interface::ids::{ConnectionId, PeerId};

/// A connection that wants to enter the room.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    pub(crate) connection: ConnectionId,
    /// The grant of the admission, with the changes of moderators.
    pub(crate) grant: ParticipantGrant,
    /// The grant of the admission without those changes.
    pub(crate) granted: Box<ParticipantGrant>,
    /// Whether the client understands `moving`.
    pub(crate) moves: bool,
    /// The proven identity of the person who connects, as in [`ParticipantGrant::person`].
    pub(crate) person: Option<String>,
    /// Additional copies of every consumer that are requested.
    pub(crate) replicas: usize,
    /// Whether the pod accepts no new participants.
    pub(crate) comes_back_only: bool,
    /// The connection whose session secret it has presented, if any.
    pub(crate) proves: Option<ConnectionId>,
    /// Whether the connection was prepared: it enters later than connections that were opened after it.
    pub(crate) was_prepared: bool,
    /// Whether it gets statistics in an object, as in [`Peer`](super::peer::Peer).
    pub(crate) wraps_stats: bool,
}

impl Entrance {
    /// Whether both are of the same person, as far as is known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.person, &self.grant.address) == (&other.person, &other.grant.address)
            || self.person.is_some() && self.person == other.person
    }

    pub(crate) fn new(connect: Connect) -> (PeerId, Self) {
        let Connect { connection, peer, grant, replicas, comes_back_only, proves, prepares: _, moves } = connect;
        let (person, granted) = (grant.person(), Box::new(grant.clone()));
        let (was_prepared, wraps_stats) = (false, false);
        let entrance = Self {
            connection,
            grant,
            granted,
            moves,
            person,
            replicas,
            comes_back_only,
            proves,
            was_prepared,
            wraps_stats,
        };
        (peer, entrance)
    }
}

/// How a participant enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// For the first time, as far as the room knows.
    New,
    /// It was in the room on another connection: neither a lock nor the lobby applies to it.
    Back,
}

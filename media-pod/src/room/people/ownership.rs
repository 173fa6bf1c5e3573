//! Ownership of peerIds. All participants know a peerId, so it is not a credential: another connection gets it only if it is proven to be
//! the same participant. Pure.

use super::entrance::Entrance;
use crate::room::interface::ids::ConnectionId;

/// The client that has a peerId.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) person: Option<&'a str>,
    pub(crate) address: Option<&'a str>,
    pub(crate) is_broadcaster: bool,
}

/// The relation of a new connection to the peerId that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// No client has it.
    Free,
    /// It belongs to the same participant: the older connection is replaced.
    Own,
    /// It belongs to the same participant, but a newer connection already has it.
    Outdated,
    /// Neither side has a proven identity, and both have the same address: the new one gets it if the holder shows no sign of life.
    Contested(ConnectionId),
    /// Another participant has it.
    Taken,
}

impl Ownership {
    /// In a locked meeting a client without a proven identity never gets another client's peerId.
    pub(crate) fn of(holder: Option<Holder<'_>>, entrance: &Entrance, is_locked: bool) -> Self {
        let Some(holder) = holder else { return Self::Free };
        let is_same = holder.person.is_some() && holder.person == entrance.person.as_deref();
        let is_own = is_same || entrance.proves == Some(holder.connection);
        let is_unproven = holder.person.is_none() && entrance.person.is_none() && !holder.is_broadcaster;
        let is_near = holder.address == entrance.grant.address.as_deref();
        match (is_own, is_unproven && is_near && !is_locked) {
            (false, false) => Self::Taken,
            _ if holder.connection > entrance.connection && !entrance.was_prepared => Self::Outdated,
            (true, _) => Self::Own,
            (false, true) => Self::Contested(holder.connection),
        }
    }
}

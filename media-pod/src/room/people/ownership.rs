//! Who owns a peerId. All participants know it, so it proves nothing: another connection gets it only if something proves that it is the
//! same participant. Pure.

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
    /// It is the connection's own: the older connection is replaced.
    Own,
    /// It is the connection's own, and a newer connection has it already.
    Outdated,
    /// Neither side can prove anything, and both come from one address: it is the new one's if the holder shows no sign of life.
    Contested(ConnectionId),
    /// Another participant has it.
    Taken,
}

impl Ownership {
    /// In a locked meeting a client that can prove nothing never gets the peerId of another.
    pub(crate) fn of(holder: Option<Holder<'_>>, entrance: &Entrance, is_locked: bool) -> Self {
        let Some(holder) = holder else { return Self::Free };
        let is_same = holder.person.is_some() && holder.person == entrance.person.as_deref();
        let is_own = is_same || entrance.proves == Some(holder.connection);
        let is_unproven = holder.person.is_none() && entrance.person.is_none() && !holder.is_broadcaster;
        let is_near = holder.address == entrance.grant.address.as_deref();
        match (is_own, is_unproven && is_near && !is_locked) {
            (false, false) => Self::Taken,
            _ if holder.connection > entrance.connection => Self::Outdated,
            (true, _) => Self::Own,
            (false, true) => Self::Contested(holder.connection),
        }
    }
}

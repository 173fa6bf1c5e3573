//! Whose a peerId is. Everybody in the room knows it, so it proves nothing: a seat is given to another connection only where something
//! proves that it is the same participant's.

use convene_protocol::admission::ParticipantGrant;

use super::Room;
use super::ids::{ConnectionId, PeerId};
use super::seats::Entrance;

/// What a connection may do with the peerId that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nobody has it.
    Free,
    /// It is the connection's own: the older connection is replaced.
    Own,
    /// It is the connection's own, and a newer connection has it already.
    Outdated,
    /// Neither side can prove anything, and both come from one address: it is theirs if the other one shows no sign of life.
    Contested(ConnectionId),
    /// Another participant has it.
    Taken,
}

/// Who has a peerId.
struct Holder<'a> {
    connection: ConnectionId,
    person: Option<&'a str>,
    address: Option<&'a str>,
    is_broadcaster: bool,
}

impl Room {
    pub(super) fn claim(&self, id: &PeerId, entrance: &Entrance) -> Claim {
        let Some(holder) = self.holder(id) else { return Claim::Free };
        let is_same = holder.person.is_some() && holder.person == entrance.person.as_deref();
        let is_own = is_same || entrance.proves == Some(holder.connection);
        let is_unproven = holder.person.is_none() && entrance.person.is_none() && !holder.is_broadcaster;
        let is_near = holder.address == entrance.grant.address.as_deref();
        match (is_own, is_unproven && is_near && !self.is_locked()) {
            (false, false) => Claim::Taken,
            _ if holder.connection > entrance.connection => Claim::Outdated,
            (true, _) => Claim::Own,
            (false, true) => Claim::Contested(holder.connection),
        }
    }

    /// Whether a participant whom something identifies has this peerId, and the grant is another one's.
    pub(super) fn is_somebody_elses(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let person = self.holder(id).and_then(|holder| holder.person);
        person.is_some_and(|person| grant.person().as_deref() != Some(person))
    }

    fn holder(&self, id: &PeerId) -> Option<Holder<'_>> {
        if let Some(peer) = self.peers.get(id) {
            let (person, address) = (peer.person.as_deref(), peer.grant.address.as_deref());
            let (connection, is_broadcaster) = (peer.connection, peer.is_broadcaster);
            return Some(Holder { connection, person, address, is_broadcaster });
        }
        let Entrance { connection, person, grant, .. } = &self.lobby.get(id)?.entrance;
        let (person, address) = (person.as_deref(), grant.address.as_deref());
        Some(Holder { connection: *connection, person, address, is_broadcaster: false })
    }
}

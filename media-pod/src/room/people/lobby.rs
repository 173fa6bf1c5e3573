//! The lobby: clients that wait to be admitted. They have no seat and no media until a moderator admits them.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::handover::SnapshotWaiting;
use convene_protocol::message::{
    ClientRequest, Knock, Lobby as LobbyStatus, LobbyPeer, LobbyPeers, LobbyState, ServerNotification,
};

use super::entrance::Entrance;
use super::held::HeldRequests;
use super::ownership::Holder;
use crate::room::answer::{Decided, Refusal};
use crate::room::closing::{Close, LOBBY_FULL};
use crate::room::effects::Effects;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::interface::limits::Limits;

/// Maximum number of knocks of a client: moderators are notified each time.
const MAX_KNOCKS: u8 = 10;

/// A client in the lobby.
#[derive(Debug)]
struct Waiting {
    entrance: Entrance,
    since: Duration,
    /// The name from its knock.
    name: Option<String>,
    knocks: u8,
    /// Clients that do not support a lobby send these first and wait for the answers.
    held: HeldRequests,
    /// Its place among those that were expected; the others wait longer.
    place: usize,
}

impl Waiting {
    fn memory(&self, id: &PeerId) -> SnapshotWaiting {
        SnapshotWaiting {
            peer_id: id.0.clone(),
            person: self.entrance.person.clone(),
            address: self.entrance.grant.address.clone(),
            display_name: self.name.clone(),
            knocks: self.knocks,
        }
    }

    fn described(&self, id: &PeerId) -> LobbyPeer {
        let name = self.entrance.grant.name.as_ref().or(self.name.as_ref());
        LobbyPeer { peer_id: id.0.clone(), display_name: name.cloned().unwrap_or_default() }
    }
}

#[derive(Debug)]
pub(crate) struct Lobby {
    waiting: BTreeMap<PeerId, Waiting>,
    expected: Expected,
    limit: usize,
    timeout: Duration,
}

/// The clients that waited before the meeting moved here, longest first. They keep their name and their place.
#[derive(Debug, Default)]
struct Expected {
    clients: Vec<(usize, SnapshotWaiting)>,
    until: Duration,
}

impl Expected {
    /// The client that comes back, which is recognized like a participant.
    fn take(&mut self, id: &PeerId, entrance: &Entrance) -> Option<(usize, SnapshotWaiting)> {
        let is_same = |(_, client): &(usize, SnapshotWaiting)| {
            let is_near = client.person.is_some() || client.address == entrance.grant.address;
            client.peer_id == id.0 && client.person == entrance.person && is_near
        };
        let index = self.clients.iter().position(is_same)?;
        Some(self.clients.remove(index))
    }
}

impl Lobby {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (waiting, expected) = (BTreeMap::new(), Expected::default());
        Self { waiting, expected, limit: limits.lobby, timeout: limits.lobby_timeout }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.waiting.contains_key(id)
    }

    pub(crate) fn id_on(&self, connection: ConnectionId) -> Option<PeerId> {
        let found = self.waiting.iter().find(|(_, waiting)| waiting.entrance.connection == connection);
        found.map(|(id, _)| id.clone())
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.waiting.values().map(|waiting| waiting.entrance.connection)
    }

    /// Adds a client, unless the lobby is full; returns whether it was added.
    pub(crate) fn add(&mut self, id: PeerId, entrance: Entrance, effects: &mut Effects) -> bool {
        let connection = entrance.connection;
        if self.waiting.len() >= self.limit {
            effects.note(Fact::LimitReached("lobby"));
            effects.close(connection, LOBBY_FULL);
            return false;
        }
        effects.notify(connection, ServerNotification::Lobby(LobbyStatus { state: LobbyState::Waiting }));
        let (place, name, knocks) = match self.expected.take(&id, &entrance) {
            Some((place, client)) => (place, client.display_name, client.knocks),
            None => (usize::MAX, None, 0),
        };
        let held = HeldRequests::default();
        self.waiting.insert(id, Waiting { entrance, since: effects.now, name, knocks, held, place });
        true
    }

    /// Whether a client was prepared: it has sent its `join` and does not send it again.
    pub(crate) fn was_prepared(&self, id: &PeerId) -> bool {
        self.waiting.get(id).is_some_and(|waiting| waiting.entrance.was_prepared)
    }

    /// Holds a request until the client is admitted.
    pub(crate) fn hold(&mut self, id: &PeerId, request_id: u64, request: ClientRequest) -> Decided {
        let waiting = self.waiting.get_mut(id).ok_or_else(Refusal::not_waiting)?;
        waiting.held.hold(request_id, request, "requests of a client in the lobby")
    }

    /// Records the name of a client; returns whether moderators have to be notified.
    pub(crate) fn knock(&mut self, id: &PeerId, knock: &Knock) -> Result<bool, Refusal> {
        let waiting = self.waiting.get_mut(id).ok_or_else(Refusal::not_waiting)?;
        Refusal::too_many(waiting.knocks.into(), MAX_KNOCKS.into(), "knocks")?;
        waiting.knocks += 1;
        let name = Some(knock.display_name.trim().to_owned());
        Ok(std::mem::replace(&mut waiting.name, name.clone()) != name)
    }

    /// Removes an admitted client from the lobby; returns it with its held requests.
    pub(crate) fn admit(&mut self, id: &PeerId, effects: &mut Effects) -> Result<(Entrance, HeldRequests), Refusal> {
        let Waiting { entrance, held, .. } = self.waiting.remove(id).ok_or_else(Refusal::not_waiting)?;
        effects.notify(entrance.connection, ServerNotification::Lobby(LobbyStatus { state: LobbyState::Admitted }));
        Ok((entrance, held))
    }

    /// Removes a client that has left or was closed; returns whether it was in the lobby.
    pub(crate) fn remove(&mut self, id: &PeerId, close: Option<Close>, effects: &mut Effects) -> bool {
        let Some(waiting) = self.waiting.remove(id) else { return false };
        if let Some(close) = close {
            effects.close(waiting.entrance.connection, close);
        }
        true
    }

    pub(crate) fn close_all(&mut self, close: Close, effects: &mut Effects) {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            effects.close(waiting.entrance.connection, close);
        }
    }

    /// All clients, longest waiting first.
    pub(crate) fn ids_by_age(&self) -> Vec<PeerId> {
        self.by_age().into_iter().map(|(id, _)| id.clone()).collect()
    }

    /// Clients whose time in the lobby is over.
    pub(crate) fn expired(&self, now: Duration) -> Vec<PeerId> {
        let is_over = |waiting: &Waiting| now.saturating_sub(waiting.since) >= self.timeout;
        self.ids_where(is_over)
    }

    pub(crate) fn ids_of_person(&self, person: &str) -> Vec<PeerId> {
        self.ids_where(|waiting| waiting.entrance.person.as_deref() == Some(person))
    }

    /// The lobby as moderators see it, longest waiting first.
    pub(crate) fn peers(&self) -> ServerNotification {
        let peers = self.by_age().into_iter().map(|(id, waiting)| waiting.described(id)).collect();
        ServerNotification::LobbyPeers(LobbyPeers { peers })
    }

    /// The client that has a peerId.
    pub(crate) fn holder(&self, id: &PeerId) -> Option<Holder<'_>> {
        let Entrance { connection, person, grant, .. } = &self.waiting.get(id)?.entrance;
        let (person, address) = (person.as_deref(), grant.address.as_deref());
        Some(Holder { connection: *connection, person, address, is_broadcaster: false })
    }

    fn by_age(&self) -> Vec<(&PeerId, &Waiting)> {
        let mut all: Vec<_> = self.waiting.iter().collect();
        all.sort_by_key(|(_, waiting)| (waiting.place, waiting.since, waiting.entrance.connection));
        all
    }

    fn ids_where(&self, is_meant: impl Fn(&Waiting) -> bool) -> Vec<PeerId> {
        self.waiting.iter().filter(|(_, waiting)| is_meant(waiting)).map(|(id, _)| id.clone()).collect()
    }
}

/// Moves between pods.
impl Lobby {
    /// The clients, longest waiting first, with those that have not come back yet.
    pub(crate) fn memory(&self) -> Vec<SnapshotWaiting> {
        let here = self.by_age().into_iter().map(|(id, waiting)| waiting.memory(id));
        here.chain(self.expected.clients.iter().map(|(_, client)| client.clone())).collect()
    }

    /// The clients that waited before the meeting moved here, longest first; they are expected until then.
    pub(crate) fn expect(&mut self, clients: Vec<SnapshotWaiting>, until: Duration) {
        self.expected = Expected { clients: clients.into_iter().enumerate().collect(), until };
    }

    pub(crate) fn forget_expected(&mut self, now: Duration) {
        if now >= self.expected.until {
            self.expected = Expected::default();
        }
    }

    /// The grants of the clients that understand `moving`.
    pub(crate) fn grants_that_move(&self) -> impl Iterator<Item = (&PeerId, &ParticipantGrant)> {
        self.that_move().map(|(id, waiting)| (id, &*waiting.entrance.granted))
    }

    /// Their connections.
    pub(crate) fn connections_that_move(&self) -> impl Iterator<Item = (PeerId, ConnectionId)> {
        self.that_move().map(|(id, waiting)| (id.clone(), waiting.entrance.connection))
    }

    fn that_move(&self) -> impl Iterator<Item = (&PeerId, &Waiting)> {
        self.waiting.iter().filter(|(_, waiting)| waiting.entrance.moves)
    }
}

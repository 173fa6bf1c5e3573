//! Prepared connections: clients whose users may join soon. Each has transports and nothing else: no peerId, no seat, and no information
//! about the room. It enters with `join` or `knock`. Nothing here decides who may enter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::entrance::Entrance;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::interface::limits::Limits;

/// A prepared connection.
#[derive(Debug)]
struct PreparedConnection {
    /// The peerId with which it will enter.
    id: PeerId,
    entrance: Entrance,
    since: Duration,
}

/// The prepared connections, and those that still wait for a seat after they have sent `join` or `knock`.
#[derive(Debug)]
pub(crate) struct Prepared {
    connections: BTreeMap<ConnectionId, PreparedConnection>,
    /// Connections with transports that are pending or in the lobby.
    entering: BTreeSet<ConnectionId>,
    limit: usize,
    timeout: Duration,
}

/// The owner of a prepared connection's transports. No client can choose this id: a `/` is not allowed in a peerId.
pub(crate) fn owner_on(connection: ConnectionId) -> PeerId {
    PeerId(format!("prepared/{}", connection.0))
}

impl Prepared {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (connections, entering) = (BTreeMap::new(), BTreeSet::new());
        Self { connections, entering, limit: limits.prepared, timeout: limits.prepare_timeout }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn contains(&self, connection: ConnectionId) -> bool {
        self.connections.contains_key(&connection)
    }

    /// The owner of the transports of a prepared connection.
    pub(crate) fn id_on(&self, connection: ConnectionId) -> Option<PeerId> {
        self.contains(connection).then(|| owner_on(connection))
    }

    /// The owner of the transports of a connection that has no seat, whether it is still prepared or waits for a seat.
    pub(crate) fn owner_on(&self, connection: ConnectionId) -> Option<PeerId> {
        let is_here = self.contains(connection) || self.entering.contains(&connection);
        is_here.then(|| owner_on(connection))
    }

    pub(crate) fn add(&mut self, id: PeerId, entrance: Entrance, now: Duration) {
        self.connections.insert(entrance.connection, PreparedConnection { id, entrance, since: now });
    }

    /// The oldest connection, if there is no place for another one.
    pub(crate) fn surplus(&self) -> Option<ConnectionId> {
        if self.len() < self.limit {
            return None;
        }
        self.connections.iter().min_by_key(|(connection, prepared)| (prepared.since, **connection)).map(|(id, _)| *id)
    }

    /// Connections that have been prepared for too long.
    pub(crate) fn expired(&self, now: Duration) -> Vec<ConnectionId> {
        self.connections_where(|prepared| now.saturating_sub(prepared.since) >= self.timeout)
    }

    /// Connections with that peerId, or of that person.
    pub(crate) fn connections_of(&self, id: &PeerId, person: Option<&str>) -> Vec<ConnectionId> {
        let is_same = |entrance: &Entrance| person.is_some() && entrance.person.as_deref() == person;
        self.connections_where(|prepared| prepared.id == *id || is_same(&prepared.entrance))
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionId> {
        self.connections_where(|_| true)
    }

    /// Its statistics are sent in an object from now on.
    pub(crate) fn wrap_stats(&mut self, connection: ConnectionId) {
        if let Some(prepared) = self.connections.get_mut(&connection) {
            prepared.entrance.wraps_stats = true;
        }
    }

    pub(crate) fn wraps_stats(&self, connection: ConnectionId) -> bool {
        self.connections.get(&connection).is_some_and(|prepared| prepared.entrance.wraps_stats)
    }

    /// Removes a connection that ends; returns whether it was prepared.
    pub(crate) fn remove(&mut self, connection: ConnectionId) -> bool {
        self.connections.remove(&connection).is_some()
    }

    /// Removes a connection that enters. Its transports are kept until it has a seat or is gone.
    pub(crate) fn begin_entering(&mut self, connection: ConnectionId) -> Option<(PeerId, Entrance)> {
        let PreparedConnection { id, entrance, .. } = self.connections.remove(&connection)?;
        self.entering.insert(connection);
        Some((id, Entrance { was_prepared: true, ..entrance }))
    }

    /// A connection has a seat now; returns whether it was entering.
    pub(crate) fn end_entering(&mut self, connection: ConnectionId) -> bool {
        self.entering.remove(&connection)
    }

    pub(crate) fn has_entering(&self) -> bool {
        !self.entering.is_empty()
    }

    /// Removes and returns the connections that were entering and no longer wait.
    pub(crate) fn take_gone(&mut self, waiting: &BTreeSet<ConnectionId>) -> Vec<ConnectionId> {
        let gone: Vec<_> = self.entering.difference(waiting).copied().collect();
        self.entering.retain(|connection| waiting.contains(connection));
        gone
    }

    /// The owners of all transports without a seat.
    pub(crate) fn owners(&self) -> impl Iterator<Item = PeerId> {
        self.connections.keys().chain(&self.entering).map(|connection| owner_on(*connection))
    }

    /// Removes all connections and returns them.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = ConnectionId> + use<> {
        self.entering.clear();
        std::mem::take(&mut self.connections).into_keys()
    }

    fn connections_where(&self, is_meant: impl Fn(&PreparedConnection) -> bool) -> Vec<ConnectionId> {
        self.connections.iter().filter(|(_, prepared)| is_meant(prepared)).map(|(id, _)| *id).collect()
    }
}

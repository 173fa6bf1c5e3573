//! The seats: the clients in the room, and the participants who have just left it. Whether a client may enter is decided from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ServerNotification;

use super::departed::{Departed, Trace};
use super::entrance::{Arrival, Entrance};
use super::ownership::Holder;
use super::peer::{Peer, takes_seat};
use crate::room::answer::Refusal;
use crate::room::closing::{Close, FULL, JOIN_TIMEOUT, UNSEATED_FULL};
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::interface::limits::Limits;

/// The clients in the room.
#[derive(Debug)]
pub(crate) struct Seats {
    peers: BTreeMap<PeerId, Peer>,
    /// The peers by their connections.
    by_connection: BTreeMap<ConnectionId, PeerId>,
    departed: Departed,
    limits: Limits,
}

impl Seats {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { peers: BTreeMap::new(), by_connection: BTreeMap::new(), departed: Departed::default(), limits }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.peers.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(id)
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.peers.contains_key(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&PeerId, &mut Peer)> {
        self.peers.iter_mut()
    }

    /// The ids of the clients for which `is_meant` holds.
    pub(crate) fn ids_where(&self, is_meant: impl Fn(&PeerId, &Peer) -> bool) -> Vec<PeerId> {
        self.peers.iter().filter(|(id, peer)| is_meant(id, peer)).map(|(id, _)| id.clone()).collect()
    }

    /// The participant with that id, if it has joined.
    pub(crate) fn joined(&self, id: &PeerId) -> Result<&Peer, Refusal> {
        self.peers.get(id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)
    }

    pub(crate) fn joined_mut(&mut self, id: &PeerId) -> Result<&mut Peer, Refusal> {
        self.peers.get_mut(id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)
    }

    /// The participant that a moderator named, if it is not hidden. Moderators know viewers who have raised a hand.
    pub(crate) fn known(&self, id: &str) -> Result<(&PeerId, &Peer), Refusal> {
        let found = self.peers.get_key_value(&PeerId::from(id));
        let found = found.filter(|(_, peer)| peer.is_seen() || peer.is_viewer());
        found.ok_or_else(|| Refusal::no_participant(id))
    }

    pub(crate) fn id_on(&self, connection: ConnectionId) -> Option<PeerId> {
        self.by_connection.get(&connection).cloned()
    }

    pub(crate) fn on(&self, connection: ConnectionId) -> Option<(&PeerId, &Peer)> {
        self.peers.get_key_value(self.by_connection.get(&connection)?)
    }

    pub(crate) fn on_mut(&mut self, connection: ConnectionId) -> Option<(&PeerId, &mut Peer)> {
        let id = self.by_connection.get(&connection)?;
        Some((id, self.peers.get_mut(id)?))
    }

    pub(crate) fn connection_of(&self, id: &PeerId) -> Option<ConnectionId> {
        self.peers.get(id).map(|peer| peer.connection)
    }

    /// Seats a client. A participant who returns has the same state as when it left.
    pub(crate) fn insert(&mut self, id: &PeerId, entrance: Entrance, arrival: Arrival, now: Duration) {
        let Entrance { connection, grant, granted, moves, person, wraps_stats, .. } = entrance;
        let before = self.departed.take(id).filter(|trace| trace.person == person);
        let mut peer = Peer::new(connection, grant, now);
        (peer.granted, peer.moves) = (granted, moves);
        peer.arrival = arrival;
        peer.wraps_stats = wraps_stats;
        peer.hand_raised = arrival == Arrival::Back && before.is_some_and(|trace| trace.hand_raised);
        self.insert_peer(id, peer);
    }

    pub(crate) fn insert_broadcaster(&mut self, id: &PeerId, peer: Peer) {
        self.insert_peer(id, peer);
    }

    fn insert_peer(&mut self, id: &PeerId, peer: Peer) {
        self.remove(id);
        self.by_connection.insert(peer.connection, id.clone());
        self.peers.insert(id.clone(), peer);
    }

    pub(crate) fn remove(&mut self, id: &PeerId) -> Option<Peer> {
        let peer = self.peers.remove(id)?;
        self.by_connection.remove(&peer.connection);
        Some(peer)
    }

    pub(crate) fn take_all(&mut self) -> BTreeMap<PeerId, Peer> {
        self.by_connection.clear();
        std::mem::take(&mut self.peers)
    }

    /// Sends a notification to all who have joined, except one.
    pub(crate) fn notify(&self, notification: &ServerNotification, except: Option<&PeerId>, effects: &mut Effects) {
        for (id, peer) in &self.peers {
            if peer.joined.is_some() && Some(id) != except {
                effects.notify(peer.connection, notification.clone());
            }
        }
    }

    pub(crate) fn notify_moderators(&self, notification: &ServerNotification, effects: &mut Effects) {
        for peer in self.peers.values().filter(|peer| peer.joined.is_some() && peer.moderates()) {
            effects.notify(peer.connection, notification.clone());
        }
    }

    /// Participants who have joined; broadcasters, recorders and hidden participants do not count.
    pub(crate) fn participants(&self) -> usize {
        self.peers.values().filter(|peer| peer.joined.is_some() && peer.takes_seat()).count()
    }

    /// Viewers who have joined.
    pub(crate) fn viewers(&self) -> usize {
        self.peers.values().filter(|peer| peer.is_viewer()).count()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.participants() >= self.limits.peers
    }

    /// Whether there is neither a client nor a participant who has just left.
    pub(crate) fn is_deserted(&self) -> bool {
        self.peers.is_empty() && self.departed.is_empty()
    }

    /// Whether the room has no client that takes a seat, joined or not.
    pub(crate) fn is_empty(&self) -> bool {
        !self.peers.values().any(Peer::takes_seat)
    }

    /// Whether any client is in the room, whether it takes a seat or not.
    pub(crate) fn has_clients(&self) -> bool {
        !self.peers.is_empty()
    }

    pub(crate) fn unjoined(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter().filter(|(_, peer)| peer.joined.is_none() && !peer.is_broadcaster)
    }

    /// The client that has waited longest to join, if there are too many of them.
    pub(crate) fn surplus_unjoined(&self) -> Option<PeerId> {
        if self.unjoined().count() < self.limits.unjoined {
            return None;
        }
        self.unjoined().min_by_key(|(_, peer)| (peer.since, peer.connection)).map(|(id, _)| id.clone())
    }

    /// The reason there is no room for a client, if that is the case. Clients that have not joined take no seat.
    pub(crate) fn check_place(&self, grant: &ParticipantGrant) -> Result<(), Close> {
        if takes_seat(grant) {
            return if self.is_full() { Err(FULL) } else { Ok(()) };
        }
        let unseated = self.peers.values().filter(|peer| !takes_seat(&peer.grant)).count();
        if unseated < self.limits.unseated { Ok(()) } else { Err(UNSEATED_FULL) }
    }

    /// Clients that have not joined in time.
    pub(crate) fn is_late_to_join(&self, peer: &Peer, now: Duration) -> Option<Close> {
        let is_late = now.saturating_sub(peer.since) >= self.limits.join_timeout;
        (peer.joined.is_none() && is_late).then_some(JOIN_TIMEOUT)
    }

    /// The client that has a peerId.
    pub(crate) fn holder(&self, id: &PeerId) -> Option<Holder<'_>> {
        self.peers.get(id).map(|peer| Holder {
            connection: peer.connection,
            person: peer.person.as_deref(),
            address: peer.grant.address.as_deref(),
            is_broadcaster: peer.is_broadcaster,
        })
    }

    pub(crate) fn is_held_by_participant(&self, id: &PeerId) -> bool {
        self.peers.get(id).is_some_and(|peer| !peer.is_broadcaster)
    }

    /// Whether the person is in the room or has just left it.
    pub(crate) fn was_in(&self, person: &str) -> bool {
        let is_same = |peer: &Peer| peer.person.as_deref() == Some(person);
        self.peers.values().any(|peer| peer.belongs() && !peer.is_broadcaster && is_same(peer))
            || self.departed.has_person(person)
    }

    /// Whether a client without a proven identity appears to return, by its peerId and address.
    pub(crate) fn seems_to_be_back(&self, id: &PeerId, address: Option<&str>) -> bool {
        self.departed.has_unproven(id, address)
    }

    /// Whether the client knows the session secret of the participant with this peerId.
    pub(crate) fn is_proven(&self, id: &PeerId, proven: ConnectionId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.connection == proven && peer.belongs())
    }

    /// Remembers a participant who is about to leave: networks change, and a lock must not exclude it then.
    pub(crate) fn note_departure(&mut self, id: &PeerId, now: Duration) {
        let limit = self.limits.peers + self.limits.unseated;
        if let Some(trace) = self.peers.get(id).and_then(Peer::trace) {
            self.departed.add(id.clone(), trace, limit, now);
        }
    }

    /// Remembers all participants: the room is about to end, and they may rejoin the next one.
    pub(crate) fn note_departures(&mut self) {
        self.departed = Departed::all_at(Duration::ZERO, self.traces());
    }

    /// Restores the participants of an earlier room, as if they had left then.
    pub(crate) fn restore(&mut self, traces: BTreeMap<PeerId, Trace>, left_at: Duration) {
        self.departed = Departed::all_at(left_at, traces);
    }

    /// The participants who are in the room and those who have just left it.
    pub(crate) fn traces(&self) -> BTreeMap<PeerId, Trace> {
        let departed = self.departed.traces().map(|(id, trace)| (id.clone(), trace.clone()));
        let here = self.peers.iter().filter_map(|(id, peer)| Some((id.clone(), peer.trace()?)));
        departed.chain(here).collect()
    }

    /// By what they are recognized when they return: peerId and proven identity.
    pub(crate) fn recognized(&self) -> Vec<(&PeerId, Option<&str>)> {
        let departed = self.departed.traces().map(|(id, trace)| (id, trace.person.as_deref()));
        let here =
            self.peers.iter().filter(|(_, peer)| peer.leaves_trace()).map(|(id, peer)| (id, peer.person.as_deref()));
        let people: BTreeMap<_, _> = departed.chain(here).collect();
        people.into_iter().collect()
    }

    /// The same as the operator knows them, if they have a proven identity.
    pub(crate) fn people(&self) -> Vec<String> {
        let people: BTreeSet<_> = self.recognized().into_iter().filter_map(|(_, person)| person).collect();
        people.into_iter().map(str::to_owned).collect()
    }

    /// A participant who was removed must not return.
    pub(crate) fn forget_departed(&mut self, id: &PeerId, person: Option<&str>) {
        self.departed.forget(id, person);
    }

    pub(crate) fn forget_expired(&mut self, now: Duration) {
        self.departed.forget_expired(now);
    }
}

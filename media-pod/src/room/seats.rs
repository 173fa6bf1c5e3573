//! Who may be in the room: coming in, and going out when time is up.

use std::time::Duration;

use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use convene_protocol::message::{ProtocolVersion, ServerNotification};

use super::ids::{ConnectionId, PeerId};
use super::peer::{Arrival, Peer};
use super::{Effects, Room};

/// Close code and reason.
pub(super) type Close = (u16, &'static str);

/// How long somebody whose connection has ended may be about to come back.
const COMING_BACK: Duration = Duration::from_mins(1);

/// How somebody comes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    pub(super) connection: ConnectionId,
    /// Further copies that are wanted of every consumer.
    pub(super) replicas: usize,
    /// Whether nobody new is taken.
    pub(super) comes_back_only: bool,
}

impl Room {
    pub(super) fn connect(&mut self, id: PeerId, entrance: Entrance, now: Duration, effects: &mut Effects) {
        const REPLACED: Close = (CLOSE_FINAL, "replaced by a newer connection of the same peer");
        let Entrance { connection, replicas, comes_back_only } = entrance;
        // Sockets are served side by side, so the older one may get here last.
        if self.peers.get(&id).is_some_and(|peer| peer.connection > connection) {
            effects.close(connection, REPLACED.0, REPLACED.1);
            return;
        }
        let arrival = self.arrival(&id);
        let refusal = self.closed_to_newcomers(comes_back_only).filter(|_| arrival == Arrival::New);
        if let Some((code, reason)) = refusal {
            effects.close(connection, code, reason);
            return;
        }
        // The old socket of the same person may be half open: this is how reconnecting looks.
        self.remove(&id, effects, Some(REPLACED));
        if self.is_full() {
            effects.close(connection, CLOSE_FINAL, "the meeting is full");
            return;
        }
        self.make_place(effects);
        self.gone.remove(&id);
        let mut peer = Peer::new(connection, replicas.min(self.limits.replicas), now);
        peer.arrival = arrival;
        self.peers.insert(id, peer);
        let version = ProtocolVersion { version: self.version.clone() };
        effects.tell(connection, ServerNotification::MediasoupVersion(version.clone()));
        effects.tell(connection, ServerNotification::MediasoupVersionLegacy(version));
    }

    fn closed_to_newcomers(&self, comes_back_only: bool) -> Option<Close> {
        if self.terms.is_locked {
            return Some((CLOSE_FINAL, "the meeting is locked"));
        }
        comes_back_only.then_some((CLOSE_COME_BACK, "this media pod takes nobody new: please come back"))
    }

    fn arrival(&self, id: &PeerId) -> Arrival {
        let is_known = self.peers.get(id).is_some_and(Peer::belongs) || self.gone.contains_key(id);
        if is_known { Arrival::Back } else { Arrival::New }
    }

    /// Remembers who was in and goes: networks change, and a lock is not for those.
    pub(super) fn note_going(&mut self, id: &PeerId, now: Duration) {
        let was_in = self.peers.get(id).is_some_and(|peer| !peer.is_broadcaster && peer.belongs());
        if was_in && self.gone.len() < self.limits.peers {
            self.gone.insert(id.clone(), now);
        }
    }

    pub(super) fn forget_gone(&mut self, now: Duration) {
        self.gone.retain(|_, since| now.saturating_sub(*since) < COMING_BACK);
    }

    /// Takes somebody out for good. What it says is closed; that it does not come back is for those to see to who let it in.
    pub(super) fn expel(&mut self, id: &PeerId, effects: &mut Effects) {
        self.gone.remove(id);
        self.remove(id, effects, Some((CLOSE_FINAL, "removed from the meeting")));
    }

    /// Whether somebody of that id is in the room, joined or not.
    pub fn has(&self, id: &PeerId) -> bool {
        self.peers.contains_key(id)
    }

    /// Connections that say nothing take no seat: only who has joined counts.
    pub(super) fn is_full(&self) -> bool {
        self.participants() >= self.limits.peers
    }

    pub(super) fn unjoined(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter().filter(|(_, peer)| peer.joined.is_none() && !peer.is_broadcaster)
    }

    fn make_place(&mut self, effects: &mut Effects) {
        if self.unjoined().count() < self.limits.unjoined {
            return;
        }
        let longest = self.unjoined().min_by_key(|(_, peer)| (peer.since, peer.connection)).map(|(id, _)| id.clone());
        if let Some(id) = longest {
            self.remove(&id, effects, Some((CLOSE_COME_BACK, "too many wait to join: please come back")));
        }
    }

    /// Whose time is up, and why.
    pub(super) fn overdue(&self, now: Duration) -> Vec<(PeerId, Close)> {
        let overdue = |(id, peer): (&PeerId, &Peer)| Some((id.clone(), self.time_is_up(peer, now)?));
        self.peers.iter().filter_map(overdue).collect()
    }

    fn time_is_up(&self, peer: &Peer, now: Duration) -> Option<Close> {
        let is_over = |since: Option<Duration>, limit| since.is_some_and(|since| now.saturating_sub(since) >= limit);
        let limits = &self.limits;
        if is_over(peer.lost_since(), limits.ice_grace) {
            return Some((CLOSE_COME_BACK, "media connection lost: please come back"));
        }
        if peer.is_broadcaster {
            let is_idle = is_over(peer.idle_since(), limits.broadcaster_timeout);
            return is_idle.then_some((CLOSE_FINAL, "nothing is sent or received"));
        }
        let is_late = peer.joined.is_none() && is_over(Some(peer.since), limits.join_timeout);
        is_late.then_some((CLOSE_COME_BACK, "did not join in time: please come back"))
    }
}

//! Who may be in the room: coming in, and going out when time is up.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use convene_protocol::message::{ProtocolVersion, ServerNotification};

use super::ids::{ConnectionId, PeerId};
use super::lobby::has_to_wait;
use super::moderating::REMOVED;
use super::peer::{Arrival, Peer, takes_seat};
use super::{Effects, Room};

/// Close code and reason.
pub(super) type Close = (u16, &'static str);

/// How long somebody whose connection has ended may be about to come back.
const COMING_BACK: Duration = Duration::from_mins(1);

const REPLACED: Close = (CLOSE_FINAL, "replaced by a newer connection of the same peer");

/// Somebody who was in and may be about to come back.
#[derive(Debug)]
pub(super) struct Gone {
    since: Duration,
    identity: Option<String>,
}

/// How somebody comes in.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub(super) connection: ConnectionId,
    /// What the token says.
    pub(super) grant: ParticipantGrant,
    /// Further copies that are wanted of every consumer.
    pub(super) replicas: usize,
    /// Whether nobody new is taken.
    pub(super) comes_back_only: bool,
}

impl Room {
    pub(super) fn connect(&mut self, id: PeerId, mut entrance: Entrance, now: Duration, effects: &mut Effects) {
        let connection = entrance.connection;
        self.memory.apply(&id, &mut entrance.grant);
        let arrival = self.arrival(&id, &entrance.grant);
        if let Err((code, reason)) = self.may_enter(&id, &entrance, arrival) {
            effects.close(connection, code, reason);
            return;
        }
        // The old socket of the same person may be half open: this is how reconnecting looks.
        self.remove(&id, effects, Some(REPLACED));
        self.leave_lobby(&id, Some(REPLACED), effects);
        if let Some((code, reason)) = self.has_no_place_for(&entrance.grant) {
            effects.close(connection, code, reason);
            return;
        }
        let version = ProtocolVersion { version: self.version.clone() };
        effects.tell(connection, ServerNotification::MediasoupVersion(version.clone()));
        effects.tell(connection, ServerNotification::MediasoupVersionLegacy(version));
        if arrival == Arrival::New && has_to_wait(&entrance.grant, self.has_lobby) {
            self.wait(id, entrance, now, effects);
        } else {
            self.seat(&id, entrance, arrival, now, effects);
        }
    }

    fn may_enter(&mut self, id: &PeerId, entrance: &Entrance, arrival: Arrival) -> Result<(), Close> {
        let grant = &entrance.grant;
        // Sockets are served side by side, so the older one may get here last.
        if self.newest_of(id).is_some_and(|known| known > entrance.connection) {
            return Err(REPLACED);
        }
        if self.is_somebody_elses(id, grant) {
            return Err((CLOSE_FINAL, "this peerId is somebody else's"));
        }
        if self.memory.is_banned(id, grant) {
            return Err(REMOVED);
        }
        if let Some(close) = self.closed_to_newcomers(entrance).filter(|_| arrival == Arrival::New) {
            return Err(close);
        }
        let is_good = grant.once.as_ref().is_none_or(|once| self.memory.use_invitation(once, id));
        if is_good { Ok(()) } else { Err((CLOSE_FINAL, "this invitation was used by somebody else")) }
    }

    fn newest_of(&self, id: &PeerId) -> Option<ConnectionId> {
        let waiting = self.lobby.get(id).map(|waiting| waiting.entrance.connection);
        self.peers.get(id).map(|peer| peer.connection).max(waiting)
    }

    /// Whether an application has vouched for somebody else who is here by that id.
    pub(super) fn is_somebody_elses(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let here = self.peers.get(id).map(|peer| &peer.grant);
        let here = here.or_else(|| self.lobby.get(id).map(|waiting| &waiting.entrance.grant));
        here.is_some_and(|here| here.identity.is_some() && here.identity != grant.identity)
    }

    /// Connections that say nothing take no seat: only who has joined counts.
    fn has_no_place_for(&self, grant: &ParticipantGrant) -> Option<Close> {
        if takes_seat(grant) {
            return self.is_full().then_some((CLOSE_FINAL, "the meeting is full"));
        }
        let unseated = self.peers.values().filter(|peer| !takes_seat(&peer.grant)).count();
        (unseated >= self.limits.unseated).then_some((CLOSE_FINAL, "too many are hidden or record"))
    }

    /// Gives somebody a connection to the room, from which to join.
    pub(super) fn seat(
        &mut self,
        id: &PeerId,
        entrance: Entrance,
        arrival: Arrival,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Entrance { connection, grant, replicas, .. } = entrance;
        self.remove(id, effects, Some(REPLACED));
        self.make_place(effects);
        self.gone.remove(id);
        let mut peer = Peer::new(connection, grant, replicas.min(self.limits.replicas), now);
        peer.arrival = arrival;
        self.peers.insert(id.clone(), peer);
        self.tell_permissions(id, effects);
    }

    fn closed_to_newcomers(&self, entrance: &Entrance) -> Option<Close> {
        if self.is_locked() && !entrance.grant.moderator {
            return Some((CLOSE_FINAL, "the meeting is locked"));
        }
        let reason = "this media pod takes nobody new: please come back";
        entrance.comes_back_only.then_some((CLOSE_COME_BACK, reason))
    }

    /// Who comes by the name of somebody else whom an application knows is new.
    fn arrival(&self, id: &PeerId, grant: &ParticipantGrant) -> Arrival {
        let is_in = self.peers.get(id).is_some_and(|peer| peer.belongs() && peer.grant.identity == grant.identity);
        let was_in = self.gone.get(id).is_some_and(|gone| gone.identity == grant.identity);
        if is_in || was_in { Arrival::Back } else { Arrival::New }
    }

    /// Remembers who was in and goes: networks change, and a lock is not for those.
    pub(super) fn note_going(&mut self, id: &PeerId, now: Duration) {
        let was_in = self.peers.get(id).filter(|peer| !peer.is_broadcaster && peer.belongs());
        let Some(identity) = was_in.map(|peer| peer.grant.identity.clone()) else { return };
        if self.gone.len() < self.limits.peers + self.limits.unseated {
            self.gone.insert(id.clone(), Gone { since: now, identity });
        }
    }

    pub(super) fn forget_gone(&mut self, now: Duration) {
        self.gone.retain(|_, gone| now.saturating_sub(gone.since) < COMING_BACK);
    }

    /// Takes somebody out for good. What it says is closed; that it does not come back is for those to see to who let it in.
    pub(super) fn expel(&mut self, id: &PeerId, effects: &mut Effects) {
        const EXPELLED: Close = (CLOSE_FINAL, "removed from the meeting");
        self.gone.remove(id);
        self.remove(id, effects, Some(EXPELLED));
        self.leave_lobby(id, Some(EXPELLED), effects);
    }

    /// Whether somebody of that id is in the room, joined or not, or in its lobby.
    pub fn has(&self, id: &PeerId) -> bool {
        self.peers.contains_key(id) || self.lobby.contains_key(id)
    }

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

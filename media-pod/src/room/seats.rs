//! Who may be in the room: coming in, and going out when time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use convene_protocol::message::{ProtocolVersion, ServerNotification};

use super::claim::Claim;
use super::ids::{ConnectionId, PeerId};
use super::moderating::REMOVED;
use super::peer::{Arrival, Peer, takes_seat};
use super::pending::{IN_USE, Question};
use super::{Effects, Room};

/// Close code and reason.
pub(super) type Close = (u16, &'static str);

/// How long somebody whose connection has ended may be about to come back.
const COMING_BACK: Duration = Duration::from_mins(1);

const REPLACED: Close = (CLOSE_FINAL, "replaced by a newer connection of the same peer");
pub(super) const LOCKED: Close = (CLOSE_FINAL, "the meeting is locked");

/// What is known of a participant who was in.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    person: Option<String>,
    address: Option<String>,
    hand_raised: bool,
}

/// A participant who was in and may be about to come back.
#[derive(Debug)]
pub(super) struct Gone {
    since: Duration,
    trace: Trace,
}

impl Gone {
    /// Gone at the room's time zero.
    pub(super) fn now(trace: Trace) -> Self {
        Self { since: Duration::ZERO, trace }
    }
}

/// How a participant comes in.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub(super) connection: ConnectionId,
    /// What the token says.
    pub(super) grant: ParticipantGrant,
    /// Who it provably is, as [`ParticipantGrant::person`] says it.
    pub(super) person: Option<String>,
    /// Further copies that are wanted of every consumer.
    pub(super) replicas: usize,
    /// Whether nobody new is taken.
    pub(super) comes_back_only: bool,
    /// The connection whose secret it knows, if it does.
    pub(super) proves: Option<ConnectionId>,
}

/// What becomes of a connection.
enum Entry {
    Open(Arrival),
    Pending(Question),
    Refused(Close),
}

impl Room {
    pub(super) fn connect(&mut self, id: PeerId, mut entrance: Entrance, now: Duration, effects: &mut Effects) {
        self.memory.apply(&id, &mut entrance.grant);
        match self.entry(&id, &entrance) {
            Entry::Refused((code, reason)) => effects.close(entrance.connection, code, reason),
            Entry::Pending(question) => self.park(id, entrance, question, now, effects),
            Entry::Open(arrival) => self.enter(id, entrance, arrival, now, effects),
        }
    }

    fn entry(&self, id: &PeerId, entrance: &Entrance) -> Entry {
        match self.claim(id, entrance) {
            Claim::Taken => return Entry::Refused(IN_USE),
            Claim::Outdated => return Entry::Refused(REPLACED),
            Claim::Contested(holder) => return Entry::Pending(Question::IsHolderAlive(holder)),
            Claim::Free | Claim::Own => {}
        }
        if self.memory.is_banned(id, &entrance.grant) {
            return Entry::Refused(REMOVED);
        }
        let arrival = self.arrival(id, entrance);
        if arrival == Arrival::New && self.is_locked() && !entrance.grant.moderator {
            let may_have_been_in = self.returning.is_awaited() && entrance.person.is_some();
            return if may_have_been_in { Entry::Pending(Question::WasIn) } else { Entry::Refused(LOCKED) };
        }
        if arrival == Arrival::New && entrance.comes_back_only {
            return Entry::Refused((CLOSE_COME_BACK, "this media pod takes nobody new: please come back"));
        }
        Entry::Open(arrival)
    }

    fn enter(&mut self, id: PeerId, entrance: Entrance, arrival: Arrival, now: Duration, effects: &mut Effects) {
        let (connection, grant) = (entrance.connection, &entrance.grant);
        let is_good = grant.once.as_ref().is_none_or(|once| self.memory.use_invitation(once, &id, grant));
        if !is_good {
            return effects.close(connection, CLOSE_FINAL, "this invitation was used by somebody else");
        }
        // The old socket of the same person may be half open: this is how reconnecting looks.
        self.remove(&id, effects, Some(REPLACED));
        self.leave_lobby(&id, Some(REPLACED), effects);
        if let Some((code, reason)) = self.has_no_place_for(&entrance.grant) {
            return effects.close(connection, code, reason);
        }
        let version = ProtocolVersion { version: self.version.clone() };
        effects.tell(connection, ServerNotification::MediasoupVersion(version.clone()));
        effects.tell(connection, ServerNotification::MediasoupVersionLegacy(version));
        if arrival == Arrival::New && self.has_to_wait(&id, &entrance.grant) {
            self.wait(id, entrance, now, effects);
        } else {
            self.seat(&id, entrance, arrival, now, effects);
        }
    }

    /// Connections that say nothing take no seat: only who has joined counts.
    fn has_no_place_for(&self, grant: &ParticipantGrant) -> Option<Close> {
        if takes_seat(grant) {
            return self.is_full().then_some((CLOSE_FINAL, "the meeting is full"));
        }
        let unseated = self.peers.values().filter(|peer| !takes_seat(&peer.grant)).count();
        (unseated >= self.limits.unseated).then_some((CLOSE_FINAL, "too many are hidden or record"))
    }

    /// Gives a participant a connection to the room, from which to join.
    pub(super) fn seat(
        &mut self,
        id: &PeerId,
        entrance: Entrance,
        arrival: Arrival,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Entrance { connection, grant, person, replicas, .. } = entrance;
        self.remove(id, effects, Some(REPLACED));
        self.make_place(effects);
        let before = self.gone.remove(id).filter(|gone| gone.trace.person == person);
        let mut peer = Peer::new(connection, grant, replicas.min(self.limits.replicas), now);
        peer.arrival = arrival;
        peer.hand_raised = arrival == Arrival::Back && before.is_some_and(|gone| gone.trace.hand_raised);
        self.peers.insert(id.clone(), peer);
        self.tell_permissions(id, effects);
    }

    /// Who was in, provably or as far as a client that can prove nothing is to be believed: by its address and peerId, never past a lock.
    fn arrival(&self, id: &PeerId, entrance: &Entrance) -> Arrival {
        let is_back = match &entrance.person {
            Some(person) => self.was_in(person) || self.returning.has(Some(person)),
            None => !self.is_locked() && self.seems_to_be_back(id, entrance),
        };
        let is_replaced = entrance
            .proves
            .is_some_and(|proven| self.peers.get(id).is_some_and(|peer| peer.connection == proven && peer.belongs()));
        if is_back || is_replaced { Arrival::Back } else { Arrival::New }
    }

    fn was_in(&self, person: &String) -> bool {
        let is_same = |of: &Option<String>| of.as_ref() == Some(person);
        self.peers.values().any(|peer| peer.belongs() && !peer.is_broadcaster && is_same(&peer.person))
            || self.gone.values().any(|gone| is_same(&gone.trace.person))
    }

    fn seems_to_be_back(&self, id: &PeerId, entrance: &Entrance) -> bool {
        let is_near = |trace: &Trace| trace.person.is_none() && trace.address == entrance.grant.address;
        self.gone.get(id).is_some_and(|gone| is_near(&gone.trace))
    }

    /// Remembers who was in and goes: networks change, and a lock is not for those.
    pub(super) fn note_going(&mut self, id: &PeerId, now: Duration) {
        if let Some(trace) = self.peers.get(id).and_then(Trace::of)
            && self.gone.len() < self.limits.peers + self.limits.unseated
        {
            self.gone.insert(id.clone(), Gone { since: now, trace });
        }
    }

    /// The room is about to end: those who are in may come back to its successor.
    pub(super) fn remember_everyone(&mut self) {
        self.gone = self.traces().into_iter().map(|(id, trace)| (id, Gone::now(trace))).collect();
    }

    /// The participants who are in, and those who have just left.
    pub(super) fn traces(&self) -> BTreeMap<PeerId, Trace> {
        let gone = self.gone.iter().map(|(id, gone)| (id.clone(), gone.trace.clone()));
        let here = self.peers.iter().filter_map(|(id, peer)| Some((id.clone(), Trace::of(peer)?)));
        gone.chain(here).collect()
    }

    /// The same as the operator gets it, where the meeting itself is locked: to be let in again after a move.
    pub fn people_of_a_locked_meeting(&self) -> Vec<String> {
        if !self.terms.is_locked {
            return Vec::new();
        }
        let people: BTreeSet<_> = self.traces().into_values().filter_map(|trace| trace.person).collect();
        people.into_iter().collect()
    }

    /// A participant who was removed does not come back.
    pub(super) fn forget_traces_of(&mut self, id: &PeerId, person: Option<&String>) {
        let is_meant = |gone: &Gone| person.is_some() && gone.trace.person.as_ref() == person;
        self.gone.retain(|other, gone| other != id && !is_meant(gone));
    }

    pub(super) fn forget_gone(&mut self, now: Duration) {
        self.gone.retain(|_, gone| now.saturating_sub(gone.since) < COMING_BACK);
    }

    /// Takes somebody out for good. What it says is closed; that it does not come back is for those to see to who let it in.
    pub(super) fn expel(&mut self, id: &PeerId, effects: &mut Effects) {
        const EXPELLED: Close = (CLOSE_FINAL, "removed from the meeting");
        self.gone.remove(id);
        self.drop_pending(id, Some(EXPELLED), effects);
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

impl Trace {
    /// Of a participant who belongs to the meeting.
    fn of(peer: &Peer) -> Option<Self> {
        let (person, address) = (peer.person.clone(), peer.grant.address.clone());
        let is_participant = !peer.is_broadcaster && peer.belongs();
        is_participant.then_some(Self { person, address, hand_raised: peer.hand_raised })
    }
}

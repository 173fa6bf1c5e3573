//! How clients enter: ownership of peerIds, bans, locks, the lobby, and connections that are decided later.

use convene_protocol::message::{ProtocolVersion, ServerNotification};

use crate::room::answer::{Refusal, respond};
use crate::room::closing::{
    ASK_AGAIN, Close, IN_USE, INVITATION_USED, LOCKED, MEETING_MOVES, NO_SIGN_OF_LIFE, NOT_ACCEPTING, REMOVED,
    REPLACED, TOO_MANY_JOINING,
};
use crate::room::effects::Effects;
use crate::room::interface::context::Requester;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::people::entrance::{Arrival, Entrance};
use crate::room::people::held::HeldRequests;
use crate::room::people::ownership::{Holder, Ownership};
use crate::room::people::pending::Question;
use crate::room::state::Room;

/// The decision about a connection.
enum Entry {
    Open(Arrival),
    Pending(Question),
    Refused(Close),
}

impl Room {
    pub(super) fn connect(&mut self, id: PeerId, mut entrance: Entrance, effects: &mut Effects) {
        if self.moving.is_some() {
            return effects.close(entrance.connection, MEETING_MOVES);
        }
        self.moderation.apply(&id, &mut entrance.grant);
        match self.entry(&id, &entrance) {
            Entry::Refused(close) => effects.close(entrance.connection, close),
            Entry::Pending(question) => self.pending.add(id, entrance, question, effects),
            Entry::Open(arrival) => self.enter(id, entrance, arrival, effects),
        }
    }

    fn entry(&self, id: &PeerId, entrance: &Entrance) -> Entry {
        if self.pending.awaits_backup() {
            return Entry::Pending(Question::WhatWasDecided);
        }
        match Ownership::of(self.holder(id), entrance, self.is_locked()) {
            Ownership::Taken => return Entry::Refused(IN_USE),
            Ownership::Outdated => return Entry::Refused(REPLACED),
            Ownership::Contested(holder) => return Entry::Pending(Question::IsHolderAlive(holder)),
            Ownership::Free | Ownership::Own => {}
        }
        if self.moderation.is_banned(id, &entrance.grant) {
            return Entry::Refused(REMOVED);
        }
        let arrival = self.arrival(id, entrance);
        if arrival == Arrival::New && self.is_locked() && !entrance.grant.moderator {
            let may_have_been_in = self.pending.awaits_returning() && entrance.person.is_some();
            return if may_have_been_in { Entry::Pending(Question::WasIn) } else { Entry::Refused(LOCKED) };
        }
        if arrival == Arrival::New && entrance.comes_back_only {
            return Entry::Refused(NOT_ACCEPTING);
        }
        Entry::Open(arrival)
    }

    /// The client that has a peerId, in the room or in its lobby.
    pub(super) fn holder(&self, id: &PeerId) -> Option<Holder<'_>> {
        self.seats.holder(id).or_else(|| self.lobby.holder(id))
    }

    /// A participant returns if that is proven. A client without a proven identity is recognized by its address and peerId, but never in
    /// a locked meeting.
    fn arrival(&self, id: &PeerId, entrance: &Entrance) -> Arrival {
        let is_back = match &entrance.person {
            Some(person) => self.seats.was_in(person) || self.pending.is_returning(person),
            None => !self.is_locked() && self.seats.seems_to_be_back(id, entrance.grant.address.as_deref()),
        };
        let is_proven = entrance.proves.is_some_and(|proven| self.seats.is_proven(id, proven));
        if is_back || is_proven { Arrival::Back } else { Arrival::New }
    }

    fn enter(&mut self, id: PeerId, entrance: Entrance, arrival: Arrival, effects: &mut Effects) {
        let (connection, grant) = (entrance.connection, &entrance.grant);
        let is_good = grant.once.as_ref().is_none_or(|once| self.moderation.use_invitation(once, &id, grant));
        if !is_good {
            return effects.close(connection, INVITATION_USED);
        }
        // The old socket of the same participant may be half open: this is the usual way of reconnecting.
        self.remove(&id, Some(REPLACED), effects);
        self.leave_lobby(&id, Some(REPLACED), effects);
        if let Err(close) = self.seats.check_place(&entrance.grant) {
            return effects.close(connection, close);
        }
        if !entrance.was_prepared {
            self.notify_version(connection, effects);
        }
        if arrival == Arrival::New && self.moderation.has_to_wait(&id, &entrance.grant) {
            self.enter_lobby(id, entrance, effects);
        } else {
            self.seat(&id, entrance, arrival, effects);
        }
    }

    pub(super) fn notify_version(&self, connection: ConnectionId, effects: &mut Effects) {
        let version = ProtocolVersion { version: self.version.clone() };
        effects.notify(connection, ServerNotification::MediasoupVersion(version.clone()));
        effects.notify(connection, ServerNotification::MediasoupVersionLegacy(version));
    }

    /// Seats a client in the room, so that it can join.
    fn seat(&mut self, id: &PeerId, entrance: Entrance, arrival: Arrival, effects: &mut Effects) {
        self.remove(id, Some(REPLACED), effects);
        if let Some(surplus) = self.seats.surplus_unjoined() {
            self.remove(&surplus, Some(TOO_MANY_JOINING), effects);
        }
        self.take_over_transports(id, &entrance, effects);
        self.data.add_peer(id);
        self.seats.insert(id, entrance, arrival, effects.now);
        self.notify_permissions(id, effects);
    }

    fn enter_lobby(&mut self, id: PeerId, entrance: Entrance, effects: &mut Effects) {
        if self.lobby.add(id, entrance, effects) {
            self.notify_lobby(effects);
        }
    }

    pub(super) fn leave_lobby(&mut self, id: &PeerId, close: Option<Close>, effects: &mut Effects) -> bool {
        let was_there = self.lobby.remove(id, close, effects);
        if was_there {
            self.notify_lobby(effects);
        }
        was_there
    }

    pub(super) fn notify_lobby(&self, effects: &mut Effects) {
        self.seats.notify_moderators(&self.lobby.peers(), effects);
    }

    /// Admits a client from the lobby, which then continues as if it had just connected. Neither a lock nor the lobby applies to it again.
    pub(super) fn admit(&mut self, id: &PeerId, effects: &mut Effects) -> Result<(), Refusal> {
        let (entrance, held) = self.lobby.admit(id, effects)?;
        let connection = entrance.connection;
        self.moderation.note_admitted(id, &entrance.grant);
        self.seat(id, entrance, Arrival::Back, effects);
        self.answer_held(connection, held, effects);
        Ok(())
    }

    fn answer_held(&mut self, connection: ConnectionId, held: HeldRequests, effects: &mut Effects) {
        for (id, request) in held.into_list() {
            let requester = Requester::client(connection, id);
            let decided = self.decide(requester, request, effects);
            respond(requester, decided, effects);
        }
    }
}

/// Connections that are decided later.
impl Room {
    /// A client is alive. If it holds a peerId that another connection wants, that connection is refused.
    pub(super) fn on_sign_of_life(&mut self, connection: ConnectionId, effects: &mut Effects) {
        self.note_life(connection, effects);
        for id in self.pending.waiting_for(Question::IsHolderAlive(connection)) {
            self.pending.close(&id, IN_USE, effects);
        }
    }

    /// The operator has sent the list of people who were in the meeting before it moved here.
    pub(super) fn on_returning(&mut self, people: Vec<String>, effects: &mut Effects) {
        self.pending.set_returning(people);
        for id in self.pending.waiting_for(Question::WasIn) {
            self.settle(&id, effects);
        }
    }

    /// The backup of the meeting's earlier room has been restored.
    pub(super) fn on_backup(&mut self, effects: &mut Effects) {
        for id in self.pending.end_awaiting_backup() {
            self.settle(&id, effects);
        }
    }

    /// Decides about connections that have waited long enough.
    pub(super) fn settle_pending(&mut self, effects: &mut Effects) {
        for id in self.pending.end_returning(effects.now) {
            self.pending.close(&id, LOCKED, effects);
        }
        for (id, question) in self.pending.timed_out(effects.now) {
            match question {
                Question::WasIn | Question::WhatWasDecided => self.pending.close(&id, ASK_AGAIN, effects),
                Question::IsHolderAlive(holder) => self.replace_silent(&id, holder, effects),
            }
        }
    }

    fn replace_silent(&mut self, id: &PeerId, holder: ConnectionId, effects: &mut Effects) {
        if self.seats.id_on(holder).is_some() || self.lobby.id_on(holder).is_some() {
            self.seats.note_departure(id, effects.now);
            self.remove(id, Some(NO_SIGN_OF_LIFE), effects);
            self.leave_lobby(id, Some(NO_SIGN_OF_LIFE), effects);
        }
        self.settle(id, effects);
    }

    /// Decides again, now that more is known, and answers the requests that were held.
    pub(super) fn settle(&mut self, id: &PeerId, effects: &mut Effects) {
        let Some((entrance, held)) = self.pending.take(id) else { return };
        let connection = entrance.connection;
        self.connect(id.clone(), entrance, effects);
        self.answer_held(connection, held, effects);
    }
}

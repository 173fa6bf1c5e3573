//! The room: who is in it, who sends what to whom, and what everybody is told.
//!
//! A pure state machine (sans-IO): [`Room::handle`] takes what happened and the time, and gives back what is to be done, in
//! order. It never waits, reads a clock, opens a socket or holds a handle of the media plane; that is [`crate::actor`]'s part.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod balance;
pub mod broadcaster;
mod broadcasting;
mod census;
mod chat;
mod chatting;
mod claim;
mod command;
mod data;
mod effect;
mod events;
mod hands;
mod ids;
mod keepsake;
mod limits;
mod lobby;
mod memory;
mod moderating;
mod owned;
mod peer;
mod pending;
mod presence;
mod requests;
mod results;
mod rights;
mod seats;
mod selection;
mod terms;
#[cfg(test)]
mod tests;
mod throttle;
mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use convene_protocol::message::{PeerClosed, ServerNotification};
use serde_json::Value;

use balance::Balance;
pub use census::{PeerReport, RoomCensus};
use chat::Chat;
pub use command::{
    Asker, Command, Context, CreatedConsumer, CreatedDataConsumer, CreatedPlainTransport, CreatedProducer,
    CreatedTransport, End, Heard, MediaError, MediaEvent, Outcome,
};
pub use effect::{Effect, Fact, Operation, Outgoing};
pub use ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
pub use keepsake::Keepsake;
pub use limits::Limits;
pub use terms::Terms;

use keepsake::Ending;
use lobby::Waiting;
use memory::Memory;
use peer::Peer;
use pending::{Pending, Returning};
use seats::{Entrance, Gone};

/// One meeting's room on this pod.
#[derive(Debug)]
pub struct Room {
    limits: Limits,
    terms: Terms,
    /// mediasoup's `RtpCapabilities` of the room's router.
    capabilities: Value,
    version: String,
    peers: BTreeMap<PeerId, Peer>,
    chat: Chat,
    /// Who were in and may be about to come back, with the time at which they went.
    gone: BTreeMap<PeerId, Gone>,
    /// Who wait to be let in.
    lobby: BTreeMap<PeerId, Waiting>,
    /// Beside the meeting's own lock.
    is_locked_by_moderator: bool,
    /// Whether a moderator lets newcomers wait, beside what their grants say.
    has_lobby: bool,
    memory: Memory,
    /// Connections about which nothing is decided yet.
    pending: BTreeMap<PeerId, Pending>,
    returning: Returning,
    balance: Balance,
    streams_version: u64,
    /// When the last tick was.
    looked_at: Duration,
    empty_since: Option<Duration>,
    ending: Ending,
}

impl Room {
    /// An empty room. Every later `now` is the time since this moment, which is `opened_at` milliseconds after 1970.
    /// `keepsake` is what an earlier room of the same meeting has handed on.
    pub fn new(
        limits: Limits,
        terms: Terms,
        capabilities: Value,
        version: String,
        opened_at: u64,
        keepsake: Option<Keepsake>,
    ) -> Self {
        let chat = Chat::new(limits.chat_messages, opened_at);
        let mut room = Self {
            returning: Returning::until(terms.returning.filter(|_| keepsake.is_none())),
            limits,
            terms,
            capabilities,
            version,
            peers: BTreeMap::new(),
            chat,
            gone: BTreeMap::new(),
            lobby: BTreeMap::new(),
            is_locked_by_moderator: false,
            has_lobby: false,
            memory: Memory::default(),
            pending: BTreeMap::new(),
            balance: Balance::default(),
            streams_version: opened_at,
            looked_at: Duration::ZERO,
            empty_since: Some(Duration::ZERO),
            ending: Ending::default(),
        };
        if let Some(keepsake) = keepsake {
            room.restore(keepsake);
        }
        room
    }

    /// Participants who have joined; broadcasters, recorders and who is hidden are not counted.
    pub fn participants(&self) -> usize {
        self.peers.values().filter(|peer| peer.joined.is_some() && peer.takes_seat()).count()
    }

    /// Takes what happened, gives what is to be done, in order.
    pub fn handle(&mut self, command: Command, now: Duration) -> Vec<Effect> {
        let mut effects = Effects::default();
        match command {
            Command::Connected { connection, peer, grant, replicas, comes_back_only, proves } => {
                let person = grant.person();
                let entrance = Entrance { connection, grant, person, replicas, comes_back_only, proves };
                self.connect(peer, entrance, now, &mut effects);
            }
            Command::SignOfLife { connection } => self.sign_of_life(connection, now, &mut effects),
            Command::CutOff { connection } => self.cut_off(connection, now),
            Command::Disconnected { connection } => self.disconnect(connection, now, &mut effects),
            Command::Request { connection, id, request } => {
                self.request(Asker::client(connection, id), request, now, &mut effects);
            }
            Command::Notification { connection, request } => self.notified(connection, request, now, &mut effects),
            Command::Broadcaster { call, peer, grant, request } => {
                self.broadcast(call, &peer, grant, request, now, &mut effects);
            }
            Command::Answered { connection, id, is_ok } => self.answered(connection, id, is_ok, now, &mut effects),
            Command::MediaDone { context, outcome } => self.media_done(context, outcome, now, &mut effects),
            Command::Media(event) => self.media_event(event, now, &mut effects),
            Command::Tick => self.tick(now, &mut effects),
            Command::Update { settings, returning } => {
                self.update(settings, &mut effects);
                if let Some(people) = returning {
                    self.note_returning(people, now, &mut effects);
                }
            }
            Command::Remove(peer) => self.expel(&peer, &mut effects),
            Command::End(end) => self.end(end, &mut effects),
        }
        self.note_emptiness(now);
        effects.0
    }

    fn disconnect(&mut self, connection: ConnectionId, now: Duration, effects: &mut Effects) {
        if let Some(id) = self.peer_id_of(connection) {
            self.note_going(&id, now);
            self.remove(&id, effects, None);
            // Another connection may have claimed the seat.
            self.settle(&id, now, effects);
        } else if let Some(id) = self.waiting_on(connection) {
            self.leave_lobby(&id, None, effects);
            self.settle(&id, now, effects);
        } else if let Some(id) = self.pending_on(connection) {
            self.drop_pending(&id, None, effects);
        }
    }

    fn end(&mut self, end: End, effects: &mut Effects) {
        let close = match end {
            End::Over => (CLOSE_FINAL, "meeting ended"),
            End::Moved => (CLOSE_COME_BACK, "the meeting moves: please come back"),
        };
        let ending = if end == End::Over { Ending::Over } else { Ending::Interrupted };
        self.remove_all(close, ending, effects);
    }

    /// Closes everybody's connection and all that is theirs; the room is over.
    fn remove_all(&mut self, close: (u16, &'static str), ending: Ending, effects: &mut Effects) {
        self.ending = ending;
        self.remember_everyone();
        self.empty_lobby(close, effects);
        self.empty_pending(close, effects);
        for (_, peer) in std::mem::take(&mut self.peers) {
            effects.close(peer.connection, close.0, close.1);
            for transport in peer.transports.into_keys() {
                effects.run(Operation::CloseTransport(transport));
            }
        }
        effects.0.push(Effect::Shut);
    }

    fn tick(&mut self, now: Duration, effects: &mut Effects) {
        self.speak_up(now, effects);
        self.forget_gone(now);
        self.memory.forget_expired(now);
        self.settle_pending(now, effects);
        self.resume_throttled(now, effects);
        self.look_for_the_lost(now, effects);
        self.note_rest();
        self.rebalance(effects);
        self.send_home_who_waits_too_long(now, effects);
        for (id, close) in self.overdue(now) {
            if close.0 == CLOSE_COME_BACK {
                self.note_going(&id, now);
            }
            self.remove(&id, effects, Some(close));
        }
        let is_abandoned = self.empty_since.is_some_and(|since| now.saturating_sub(since) >= self.limits.empty_timeout);
        if is_abandoned {
            self.remove_all((CLOSE_COME_BACK, "the room was empty"), Ending::Empty, effects);
        }
    }

    /// Broadcasters, recorders and who is hidden keep no room alive: somebody has to be there to receive, or wait for that.
    fn note_emptiness(&mut self, now: Duration) {
        let is_empty = self.lobby.is_empty() && self.pending.is_empty() && !self.peers.values().any(Peer::takes_seat);
        self.empty_since = if is_empty { self.empty_since.or(Some(now)) } else { None };
    }

    /// Takes a participant and all that is theirs out of the room, and tells the others.
    fn remove(&mut self, id: &PeerId, effects: &mut Effects, close: Option<(u16, &'static str)>) {
        let Some(peer) = self.peers.remove(id) else { return };
        for producer in peer.producers.keys() {
            self.close_consumers_of(producer, effects);
        }
        if peer.producers.is_empty() {
            self.balance.note_change();
        } else {
            self.note_streams();
        }
        for producer in peer.data_producers.keys() {
            self.close_data_consumers_of(producer, effects);
        }
        // A voice is on no transport of the peer's.
        if let Some(voice) = peer.voice.producer() {
            effects.run(Operation::CloseDataProducer(voice.clone()));
        }
        if peer.is_seen() {
            self.tell_joined(&ServerNotification::PeerClosed(PeerClosed { peer_id: id.0.clone() }), None, effects);
        }
        if let Some((code, reason)) = close {
            effects.close(peer.connection, code, reason);
        }
        // A transport takes its producers and consumers with it.
        for transport in peer.transports.into_keys() {
            effects.run(Operation::CloseTransport(transport));
        }
    }

    /// Ends the consumers of a producer that is no more.
    fn close_consumers_of(&mut self, producer: &ProducerId, effects: &mut Effects) {
        for peer in self.peers.values_mut() {
            peer.declined.remove(producer);
            peer.drop_consumers(|_, of| of == producer, effects);
        }
    }

    /// Tells everybody who has joined, but for `except`.
    fn tell_joined(&self, told: &ServerNotification, except: Option<&PeerId>, effects: &mut Effects) {
        for (id, peer) in &self.peers {
            if peer.joined.is_some() && Some(id) != except {
                effects.tell(peer.connection, told.clone());
            }
        }
    }

    fn peer_id_of(&self, connection: ConnectionId) -> Option<PeerId> {
        self.peers.iter().find(|(_, peer)| peer.connection == connection).map(|(id, _)| id.clone())
    }

    fn peer_of(&mut self, connection: ConnectionId) -> Option<(&PeerId, &mut Peer)> {
        self.peers.iter_mut().find(|(_, peer)| peer.connection == connection)
    }

    fn owner_of_producer(&self, producer: &ProducerId) -> Option<(&PeerId, &Peer)> {
        self.peers.iter().find(|(_, peer)| peer.producers.contains_key(producer))
    }
}

/// Effects in the order in which they are to be run.
#[derive(Default)]
struct Effects(Vec<Effect>);

impl Effects {
    fn tell(&mut self, connection: ConnectionId, told: ServerNotification) {
        self.0.push(Effect::Send(connection, Outgoing::Notification(told)));
    }

    fn succeed(&mut self, asker: Asker, data: Value) {
        self.0.push(Effect::Send(asker.reply, Outgoing::Success(asker.id, data)));
    }

    fn fail(&mut self, asker: Asker, code: u16, reason: impl Into<String>) {
        self.0.push(Effect::Send(asker.reply, Outgoing::Failure { id: asker.id, code, reason: reason.into() }));
    }

    fn note(&mut self, fact: Fact) {
        self.0.push(Effect::Note(fact));
    }

    fn ping(&mut self, connection: ConnectionId) {
        self.0.push(Effect::Ping(connection));
    }

    fn close(&mut self, connection: ConnectionId, code: u16, reason: &'static str) {
        self.0.push(Effect::Close { connection, code, reason });
    }

    /// An operation for which nobody waits.
    fn run(&mut self, operation: Operation) {
        self.0.push(Effect::Media(operation, Context::None));
    }

    fn run_for(&mut self, operation: Operation, context: Context) {
        self.0.push(Effect::Media(operation, context));
    }
}

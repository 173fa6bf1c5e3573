//! How clients leave: on their own, removed, after a deadline, or with the room.

use std::time::Duration;

use convene_protocol::message::{NoData, PeerClosed, ServerNotification};

use crate::room::closing::{BROADCASTER_IDLE, Close, EXPELLED, MEDIA_LOST, SITE_LOST, WORKER_ENDED};
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConnectionId, PeerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::moving::Moving;
use crate::room::people::peer::Peer;
use crate::room::state::{Ending, Room};

/// Time that clients have to create other transports.
const RENEW_TIME: Duration = Duration::from_secs(3);

impl Room {
    pub(super) fn on_disconnected(&mut self, connection: ConnectionId, effects: &mut Effects) {
        if let Some(id) = self.seats.id_on(connection) {
            self.seats.note_departure(&id, effects.now);
            self.remove(&id, None, effects);
            // Another connection may be waiting for the peerId.
            self.settle(&id, effects);
        } else if let Some(id) = self.lobby.id_on(connection) {
            self.leave_lobby(&id, None, effects);
            self.settle(&id, effects);
        } else if let Some(id) = self.pending.id_on(connection) {
            self.pending.take(&id);
        } else {
            self.drop_prepared(connection, effects);
        }
    }

    /// Removes a client with everything that it owns, and notifies the others.
    pub(super) fn remove(&mut self, id: &PeerId, close: Option<Close>, effects: &mut Effects) {
        let Some(peer) = self.seats.remove(id) else { return };
        self.tracks.close_consumers_of_peer(id, &mut self.seats, effects);
        self.data.remove_peer(id, &mut self.seats, effects);
        self.chat.remove_peer(id);
        self.broadcasters.remove(id);
        self.audience.set_hand(id, false);
        if let Some(moving) = &mut self.moving {
            moving.forget(id);
        }
        if peer.is_seen() && !self.has_moved(id) {
            self.notify_gone(id, false, effects);
        }
        if let Some(close) = close {
            effects.close(peer.connection, close);
        }
        self.close_transports(id, effects);
    }

    /// Notifies the others that they no longer see a participant.
    pub(super) fn notify_gone(&self, id: &PeerId, is_viewer: bool, effects: &mut Effects) {
        let gone = PeerClosed { peer_id: id.0.clone(), viewer: is_viewer };
        let notification = ServerNotification::PeerClosed(gone);
        self.seats.notify(&notification, Some(id), effects);
    }

    /// Closing a transport closes its producers and consumers.
    pub(super) fn close_transports(&mut self, id: &PeerId, effects: &mut Effects) {
        for transport in self.tracks.take_transports(id) {
            effects.run(Operation::CloseTransport(transport));
        }
    }

    /// Removes a participant permanently, on behalf of the operator, which makes sure that it does not return.
    pub(super) fn expel(&mut self, id: &PeerId, effects: &mut Effects) {
        let person = self.holder(id).and_then(|holder| holder.person.map(str::to_owned));
        self.close_prepared_of(id, person.as_deref(), EXPELLED, effects);
        self.seats.forget_departed(id, None);
        self.pending.close(id, EXPELLED, effects);
        self.remove(id, Some(EXPELLED), effects);
        self.leave_lobby(id, Some(EXPELLED), effects);
    }

    /// Closes all connections and everything in the room, which is over.
    pub(super) fn end(&mut self, close: Close, ending: Ending, effects: &mut Effects) {
        self.ending = ending;
        self.moving = None;
        self.data.close_voices(effects);
        for (id, peer) in self.empty(close, effects) {
            effects.close(peer.connection, close);
            self.close_transports(&id, effects);
        }
        for transport in self.tracks.take_all_transports() {
            effects.run(Operation::CloseTransport(transport));
        }
        effects.shut();
    }

    /// All handles have ended with the worker, so nothing is closed; all clients reconnect to a room on another worker.
    pub(super) fn on_worker_ended(&mut self, effects: &mut Effects) {
        self.ending = self.interruption();
        self.moving = None;
        for (_, peer) in self.empty(WORKER_ENDED, effects) {
            effects.close(peer.connection, WORKER_ENDED);
        }
        self.tracks.clear();
        effects.shut();
    }

    /// Transports have ended with the media pod that served them: their clients create others, or reconnect.
    pub(super) fn on_site_lost(&mut self, transports: &[TransportId], effects: &mut Effects) {
        for (id, connection) in self.tracks.owners_of(transports) {
            if self.can_renew(&id) {
                self.renew_transports(&id, effects);
            } else if self.seats.contains(&id) {
                self.send_back(&id, effects);
            } else {
                effects.close(connection, SITE_LOST);
                self.on_disconnected(connection, effects);
            }
        }
    }

    /// A participant reconnects, and returns as the same.
    fn send_back(&mut self, id: &PeerId, effects: &mut Effects) {
        self.seats.note_departure(id, effects.now);
        self.remove(id, Some(SITE_LOST), effects);
        self.settle(id, effects);
    }

    /// Whether a client can create other transports on the same connection. Not while the meeting moves: the room lets no client create any.
    fn can_renew(&self, id: &PeerId) -> bool {
        let is_fit = |peer: &Peer| peer.joined.is_some() && peer.moves && !peer.is_broadcaster;
        self.moving.is_none() && self.seats.get(id).is_some_and(is_fit)
    }

    /// A participant keeps its seat, and sends and receives nothing until its client has created other transports.
    fn renew_transports(&mut self, id: &PeerId, effects: &mut Effects) {
        self.tracks.close_consumers_of_peer(id, &mut self.seats, effects);
        self.data.remove_peer(id, &mut self.seats, effects);
        self.data.add_peer(id);
        for transport in self.tracks.renew(id) {
            effects.run(Operation::CloseTransport(transport));
        }
        let Some(peer) = self.seats.get_mut(id) else { return };
        peer.offers.withdraw_all();
        peer.renewing = Some(effects.now);
        effects.notify(peer.connection, ServerNotification::TransportsLost(NoData {}));
    }

    /// A participant is back, and learns only now that its transports were lost.
    pub(super) fn note_renewal_begins(&mut self, id: &PeerId, now: Duration) {
        if let Some(peer) = self.seats.get_mut(id) {
            peer.renewing = peer.renewing.map(|_| now);
        }
    }

    /// Those that have new transports send as they did, or the others learn what is missing. Those that have none have to reconnect.
    pub(super) fn settle_renewals(&mut self, effects: &mut Effects) {
        let is_due = |peer: &Peer| peer.renewing.is_some_and(|since| effects.now.saturating_sub(since) >= RENEW_TIME);
        for id in self.seats.ids_where(|_, peer| is_due(peer) && !peer.presence.is_cut()) {
            if !self.tracks.has_transports(&id) {
                self.send_back(&id, effects);
            } else if let Some(peer) = self.seats.get_mut(&id) {
                peer.renewing = None;
                self.tracks.announce_sends(&id, &self.seats, effects);
            }
        }
    }

    /// How the room ends if it is interrupted now: once clients move, what it knows is on the other pod.
    pub(super) fn interruption(&self) -> Ending {
        let is_elsewhere = self.moving.as_ref().is_some_and(Moving::has_begun);
        if is_elsewhere { Ending::Elsewhere } else { Ending::Interrupted }
    }

    /// Empties the room except for its transports; returns the clients that were seated.
    fn empty(&mut self, close: Close, effects: &mut Effects) -> Vec<(PeerId, Peer)> {
        self.seats.note_departures();
        self.lobby.close_all(close, effects);
        self.pending.close_all(close, effects);
        for connection in self.prepared.take_all() {
            effects.close(connection, close);
        }
        self.data.clear();
        self.broadcasters.clear();
        self.audience.clear();
        self.seats.take_all().into_iter().collect()
    }

    /// The clients whose deadline has passed, and why.
    pub(super) fn overdue(&self, now: Duration) -> Vec<(PeerId, Close)> {
        let overdue = |(id, peer): (&PeerId, &Peer)| Some((id.clone(), self.deadline_passed(id, peer, now)?));
        self.seats.iter().filter_map(overdue).collect()
    }

    fn deadline_passed(&self, id: &PeerId, peer: &Peer, now: Duration) -> Option<Close> {
        let is_over = |since: Option<Duration>, limit| since.is_some_and(|since| now.saturating_sub(since) >= limit);
        if is_over(self.tracks.lost_since(id), self.limits.ice_grace) {
            return Some(MEDIA_LOST);
        }
        let Some(called) = self.broadcasters.last_call(id) else { return self.seats.is_late_to_join(peer, now) };
        let idle_since = self.tracks.idle_since(id, called).filter(|_| self.data.is_idle(id));
        is_over(idle_since, self.limits.broadcaster_timeout).then_some(BROADCASTER_IDLE)
    }
}

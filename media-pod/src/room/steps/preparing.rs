//! Prepared connections: what they may request, how they enter, and how they end. Until they enter they change nothing in the room, and
//! no participant is notified of them.

use convene_protocol::message::ClientRequest;

use crate::room::answer::{Decided, Refusal};
use crate::room::closing::{Close, MEETING_MOVES, NO_LONGER_PREPARED, NOT_ACCEPTING};
use crate::room::effects::Effects;
use crate::room::interface::command::enters;
use crate::room::interface::context::Requester;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::people::entrance::Entrance;
use crate::room::people::prepared::owner_on;
use crate::room::state::Room;

impl Room {
    /// A client connects in order to prepare. A pod that accepts no new participants prepares none.
    pub(super) fn prepare(&mut self, id: PeerId, entrance: Entrance, effects: &mut Effects) {
        let connection = entrance.connection;
        if self.moving.is_some() {
            return effects.close(connection, MEETING_MOVES);
        }
        if entrance.comes_back_only {
            return effects.close(connection, NOT_ACCEPTING);
        }
        if let Some(oldest) = self.prepared.surplus() {
            effects.note(Fact::LimitReached("prepared connections"));
            self.close_prepared([oldest], NO_LONGER_PREPARED, effects);
        }
        self.tracks.add_prepared(&owner_on(connection), connection, entrance.replicas);
        self.prepared.add(id, entrance, effects.now);
        self.notify_version(connection, effects);
    }

    /// The first decision about a request of a prepared connection: `join` and `knock` are decided as if it had just connected.
    pub(super) fn decide_prepared(
        &mut self,
        owner: &PeerId,
        requester: Requester,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Decided {
        if enters(&request) {
            if let Some((id, entrance)) = self.prepared.begin_entering(requester.peer) {
                self.connect(id, entrance, effects);
            }
            return self.decide(requester, request, effects);
        }
        if is_for_preparing(&request) {
            return self.perform(owner, requester, request, effects);
        }
        Err(Refusal::forbidden("join first"))
    }

    /// The transports of a connection that has been given a seat become those of its seat.
    pub(super) fn take_over_transports(&mut self, id: &PeerId, entrance: &Entrance, effects: &mut Effects) {
        let connection = entrance.connection;
        if self.prepared.end_entering(connection) {
            self.tracks.take_over(&owner_on(connection), id, connection, effects);
        } else {
            self.tracks.add_peer(id, connection, entrance.replicas);
        }
    }

    /// Closes the transports of connections that wanted to enter, and were refused or have left before they had a seat.
    pub(super) fn close_unseated_transports(&mut self, effects: &mut Effects) {
        if !self.prepared.has_entering() {
            return;
        }
        let waiting = self.lobby.connections().chain(self.pending.connections()).collect();
        for connection in self.prepared.take_gone(&waiting) {
            self.close_transports(&owner_on(connection), effects);
        }
    }

    /// Connections that were prepared too long ago, or whose media is lost.
    pub(super) fn expire_prepared(&mut self, effects: &mut Effects) {
        let is_lost = |connection: &ConnectionId| {
            let since = self.tracks.lost_since(&owner_on(*connection));
            since.is_some_and(|since| effects.now.saturating_sub(since) >= self.limits.ice_grace)
        };
        let mut overdue = self.prepared.expired(effects.now);
        overdue.extend(self.prepared.connections().into_iter().filter(is_lost));
        self.close_prepared(overdue, NO_LONGER_PREPARED, effects);
    }

    /// The pod accepts no new participants from now on.
    pub(super) fn stop_preparing(&mut self, effects: &mut Effects) {
        self.close_all_prepared(NO_LONGER_PREPARED, effects);
    }

    pub(super) fn close_all_prepared(&mut self, close: Close, effects: &mut Effects) {
        self.close_prepared(self.prepared.connections(), close, effects);
    }

    /// Closes the prepared connections of a participant who has been removed.
    pub(super) fn close_prepared_of(&mut self, id: &PeerId, person: Option<&str>, close: Close, effects: &mut Effects) {
        self.close_prepared(self.prepared.connections_of(id, person), close, effects);
    }

    fn close_prepared(
        &mut self,
        connections: impl IntoIterator<Item = ConnectionId>,
        close: Close,
        effects: &mut Effects,
    ) {
        for connection in connections {
            if self.drop_prepared(connection, effects) {
                effects.close(connection, close);
            }
        }
    }

    /// Removes a prepared connection with its transports; returns whether there was one.
    pub(super) fn drop_prepared(&mut self, connection: ConnectionId, effects: &mut Effects) -> bool {
        let was_prepared = self.prepared.remove(connection);
        if was_prepared {
            self.close_transports(&owner_on(connection), effects);
        }
        was_prepared
    }
}

fn is_for_preparing(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::GetRtcStatsUrl(_)
            | ClientRequest::GetRouterRtpCapabilities(_)
            | ClientRequest::CreateWebRtcTransport(_)
            | ClientRequest::ConnectWebRtcTransport(_)
            | ClientRequest::RestartIce(_)
            | ClientRequest::GetTransportStats(_)
    )
}

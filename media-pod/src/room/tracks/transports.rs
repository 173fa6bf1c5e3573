//! Transports: their limits, and whether they are connected.

use std::collections::BTreeSet;
use std::time::Duration;

use convene_protocol::message::{Direction, DownlinkBwe, ServerNotification};

use super::own::{PeerTracks, TransportState};
use super::state::Tracks;
use crate::room::answer::Refusal;
use crate::room::effects::Effects;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConnectionId, PeerId, TransportId};
use crate::room::people::seats::Seats;

impl Tracks {
    /// Counts a transport that is about to be requested, unless a limit forbids it.
    pub(crate) fn begin_transport(&mut self, id: &PeerId) -> Result<(), Refusal> {
        let Some(tracks) = self.peers.get(id) else { return Err(Refusal::not_joined()) };
        let (connection, is_prepared) = (tracks.connection, tracks.is_prepared);
        self.check_all_transports(is_prepared)?;
        let own = tracks.transports.len() + self.coming.transports_of(connection);
        Refusal::too_many(own, self.limits.transports_per_peer, "transports per participant")?;
        self.coming.add_transport(connection, is_prepared);
        Ok(())
    }

    /// Prepared connections have a separate limit, so that they never prevent a participant from sending and receiving.
    fn check_all_transports(&self, is_prepared: bool) -> Result<(), Refusal> {
        let count = self.owners.count_transports(is_prepared) + self.coming.transports(is_prepared);
        if is_prepared {
            let limit = self.limits.prepared.saturating_mul(self.limits.transports_per_peer);
            return Refusal::too_many(count, limit, "transports of prepared connections");
        }
        Refusal::too_many(count, self.limits.transports, "transports in the meeting")
    }

    /// The outcome of a transport's creation has come.
    pub(crate) fn end_transport(&mut self, connection: ConnectionId) {
        self.coming.remove_transport(connection);
    }

    pub(crate) fn add_transport(
        &mut self,
        peer: &PeerId,
        id: TransportId,
        direction: Option<Direction>,
        is_plain: bool,
        now: Duration,
    ) {
        if let Some(tracks) = self.peers.get_mut(peer) {
            self.owners.add_transport(id.clone(), peer, tracks.is_prepared);
            tracks.transports.insert(id, TransportState { direction, is_plain, since: now, lost_since: None });
        }
    }

    /// A prepared connection was given a seat: everything that `owner` has belongs to the peer from now on. Media that was lost meanwhile
    /// gets the usual time to reconnect.
    pub(crate) fn take_over(&mut self, owner: &PeerId, id: &PeerId, connection: ConnectionId, effects: &mut Effects) {
        let prepared = self.remove(owner).unwrap_or_else(|| PeerTracks::new(connection, 0));
        let mut tracks = PeerTracks { is_prepared: false, ..prepared };
        self.coming.note_seat(connection);
        for lost_since in tracks.transports.values_mut().filter_map(|state| state.lost_since.as_mut()) {
            *lost_since = effects.now;
        }
        if tracks.has_connected {
            effects.note(Fact::MediaConnected(Duration::ZERO));
        }
        self.insert(id, tracks);
    }

    /// The transport on which a peer receives what the room chooses.
    pub(crate) fn receiving_transport(&self, id: &PeerId) -> Option<&TransportId> {
        self.peers.get(id)?.transport(Direction::Consumer)
    }

    pub(crate) fn is_plain(&self, id: &PeerId, transport: &TransportId) -> bool {
        let state = self.peers.get(id).and_then(|tracks| tracks.transports.get(transport));
        state.is_some_and(|state| state.is_plain)
    }

    /// A transport that the client named, of the kind required by the request.
    pub(crate) fn transport_of_kind(&self, peer: &PeerId, id: &str, is_plain: bool) -> Result<TransportId, Refusal> {
        let transport = self.transport(peer, id)?;
        if self.is_plain(peer, &transport) == is_plain {
            Ok(transport)
        } else {
            Err(Refusal(400, "this transport is of the other kind".into()))
        }
    }

    pub(crate) fn on_transport_connected(&mut self, id: &TransportId, seats: &Seats, effects: &mut Effects) {
        let Some((peer, tracks)) = self.owner_of_transport(id) else { return };
        if let Some(state) = tracks.transports.get_mut(id) {
            state.lost_since = None;
        }
        if !std::mem::replace(&mut tracks.has_connected, true)
            && let Some(peer) = seats.get(peer)
        {
            effects.note(Fact::MediaConnected(effects.now.saturating_sub(peer.since)));
        }
    }

    pub(crate) fn on_transport_disconnected(&mut self, id: &TransportId, now: Duration) {
        let state = self.owner_of_transport(id).and_then(|(_, tracks)| tracks.transports.get_mut(id));
        if let Some(state) = state {
            state.lost_since = Some(now);
        }
    }

    /// Only of noticeable changes: the media plane drops the others.
    pub(crate) fn on_bandwidth(
        &mut self,
        id: &TransportId,
        estimate: DownlinkBwe,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let owner = self.owner_of_transport(id);
        if let Some(connection) = owner.and_then(|(peer, _)| seats.connection_of(peer)) {
            effects.notify(connection, ServerNotification::DownlinkBwe(estimate));
        }
    }

    /// The owners of these transports, each once.
    pub(crate) fn owners_of(&self, lost: &[TransportId]) -> Vec<(PeerId, ConnectionId)> {
        let owners: BTreeSet<_> = lost.iter().filter_map(|id| self.owners.transports.get(id)).collect();
        owners.into_iter().filter_map(|id| Some((id.clone(), self.peers.get(id)?.connection))).collect()
    }

    fn owner_of_transport(&mut self, id: &TransportId) -> Option<(&PeerId, &mut PeerTracks)> {
        let owner = self.owners.transports.get(id)?;
        Some((owner, self.peers.get_mut(owner)?))
    }
}

//! The view of the tracks for tests.

use std::collections::BTreeSet;

use super::state::Tracks;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId, TransportId};

impl Tracks {
    /// The consumers of a peer, with their producers.
    pub(crate) fn received_by(&self, id: &PeerId) -> Vec<(ConsumerId, ProducerId)> {
        let consumers = self.peers[id].consumers.iter();
        consumers.map(|(id, state)| (id.clone(), state.producer.clone())).collect()
    }

    pub(crate) fn declined_by(&self, id: &PeerId) -> BTreeSet<ProducerId> {
        self.peers[id].declined.clone()
    }

    pub(crate) fn replicas_of(&self, id: &PeerId) -> usize {
        self.peers.get(id).map_or(0, |tracks| tracks.replicas)
    }

    pub(crate) fn transports_of(&self, id: &PeerId) -> Vec<TransportId> {
        self.peers[id].transports.keys().cloned().collect()
    }
}

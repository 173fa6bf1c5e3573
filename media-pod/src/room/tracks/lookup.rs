//! Finds the tracks of a peer by the ids that its client sends. Ids of other peers are not found.

use std::collections::BTreeMap;

use super::own::PeerTracks;
use super::state::Tracks;
use crate::room::answer::Refusal;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId, TransportId};

impl Tracks {
    pub(crate) fn transport(&self, peer: &PeerId, id: &str) -> Result<TransportId, Refusal> {
        self.find(peer, &TransportId::from(id), |tracks| &tracks.transports)
            .ok_or_else(|| Refusal::not_found("transport", id))
    }

    pub(crate) fn producer(&self, peer: &PeerId, id: &str) -> Result<ProducerId, Refusal> {
        self.find(peer, &ProducerId::from(id), |tracks| &tracks.producers)
            .ok_or_else(|| Refusal::not_found("producer", id))
    }

    pub(crate) fn consumer(&self, peer: &PeerId, id: &str) -> Result<ConsumerId, Refusal> {
        self.find(peer, &ConsumerId::from(id), |tracks| &tracks.consumers)
            .ok_or_else(|| Refusal::not_found("consumer", id))
    }

    fn find<K: Ord + Clone, V>(&self, peer: &PeerId, id: &K, of: fn(&PeerTracks) -> &BTreeMap<K, V>) -> Option<K> {
        let (own, _) = of(self.peers.get(peer)?).get_key_value(id)?;
        Some(own.clone())
    }
}

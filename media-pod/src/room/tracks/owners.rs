//! An index of the media plane's objects by id: which peer owns each, and how many there are. Scanning all peers for each report would be too
//! slow in a meeting with thousands of viewers. Plain data, kept equal to the tracks of the peers.

use std::collections::BTreeMap;

use super::own::PeerTracks;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId, TransportId};

/// The owners of all transports, producers and consumers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Owners {
    pub(super) transports: BTreeMap<TransportId, PeerId>,
    pub(super) producers: BTreeMap<ProducerId, PeerId>,
    pub(super) consumers: BTreeMap<ConsumerId, PeerId>,
    /// Transports of peers without a seat.
    prepared_transports: usize,
}

impl Owners {
    /// A peer with everything that it has.
    pub(super) fn add_all(&mut self, id: &PeerId, tracks: &PeerTracks) {
        self.transports.extend(tracks.transports.keys().map(|transport| (transport.clone(), id.clone())));
        self.producers.extend(tracks.producers.keys().map(|producer| (producer.clone(), id.clone())));
        self.consumers.extend(tracks.consumers.keys().map(|consumer| (consumer.clone(), id.clone())));
        self.prepared_transports += prepared(tracks);
    }

    pub(super) fn remove_all(&mut self, tracks: &PeerTracks) {
        tracks.transports.keys().for_each(|id| drop(self.transports.remove(id)));
        tracks.producers.keys().for_each(|id| drop(self.producers.remove(id)));
        tracks.consumers.keys().for_each(|id| drop(self.consumers.remove(id)));
        self.prepared_transports -= prepared(tracks);
    }

    pub(super) fn add_transport(&mut self, id: TransportId, owner: &PeerId, is_prepared: bool) {
        self.transports.insert(id, owner.clone());
        self.prepared_transports += usize::from(is_prepared);
    }

    /// The transports of peers with a seat, or else of those without.
    pub(super) fn count_transports(&self, is_prepared: bool) -> usize {
        if is_prepared { self.prepared_transports } else { self.transports.len() - self.prepared_transports }
    }
}

fn prepared(tracks: &PeerTracks) -> usize {
    if tracks.is_prepared { tracks.transports.len() } else { 0 }
}

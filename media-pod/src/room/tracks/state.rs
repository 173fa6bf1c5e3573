//! The tracks of all peers, and questions about them.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::message::{PublishSource, Sends};

use super::coming::Coming;
use super::own::{MediaCounts, PeerTracks, ProducerState};
use super::owners::Owners;
use super::priorities::Priorities;
use crate::room::interface::ids::{ConnectionId, PeerId, ProducerId, TransportId};
use crate::room::interface::limits::Limits;
use crate::room::interface::media::MediaEvent;

/// The tracks of all peers.
#[derive(Debug)]
pub(crate) struct Tracks {
    pub(super) peers: BTreeMap<PeerId, PeerTracks>,
    pub(super) owners: Owners,
    pub(super) coming: Coming,
    pub(super) priorities: Priorities,
    /// When the last tick was.
    pub(super) last_tick: Duration,
    pub(super) limits: Limits,
    streams_version: u64,
}

impl Tracks {
    pub(crate) fn new(streams_version: u64, limits: Limits) -> Self {
        let (peers, coming, priorities) = (BTreeMap::new(), Coming::default(), Priorities::default());
        Self {
            peers,
            owners: Owners::default(),
            coming,
            priorities,
            last_tick: Duration::ZERO,
            limits,
            streams_version,
        }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The version of what participants send. Never the same for two rooms, and exact in readers that have only doubles.
    pub(crate) fn streams_version(&self) -> u64 {
        self.streams_version
    }

    /// The peers that were the dominant speaker, the last one first.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = &PeerId> {
        self.priorities.speakers()
    }

    /// Continues with the speakers of an earlier room.
    pub(crate) fn restore_speakers(&mut self, speakers: Vec<PeerId>) {
        self.priorities.restore_speakers(speakers);
    }

    /// Records that what participants send has changed: a new choice of streams is due, and readers of the version are notified.
    pub(super) fn note_streams(&mut self) {
        self.priorities.note_change();
        self.streams_version += 1;
    }

    pub(crate) fn add_peer(&mut self, id: &PeerId, connection: ConnectionId, replicas: usize) {
        let replicas = replicas.min(self.limits.replicas);
        self.insert(id, PeerTracks::new(connection, replicas));
    }

    pub(super) fn insert(&mut self, id: &PeerId, tracks: PeerTracks) {
        self.owners.add_all(id, &tracks);
        if let Some(before) = self.peers.insert(id.clone(), tracks) {
            self.owners.remove_all(&before);
        }
    }

    /// Forgets everything that a peer has, because its transports were lost, and returns them. What its client has said stays.
    pub(crate) fn renew(&mut self, id: &PeerId) -> Vec<TransportId> {
        let Some(PeerTracks { connection, replicas, watched, announced, has_connected, transports, .. }) =
            self.remove(id)
        else {
            return Vec::new();
        };
        let renewed = PeerTracks { watched, announced, has_connected, ..PeerTracks::new(connection, replicas) };
        self.insert(id, renewed);
        transports.into_keys().collect()
    }

    pub(super) fn remove(&mut self, id: &PeerId) -> Option<PeerTracks> {
        let tracks = self.peers.remove(id)?;
        self.owners.remove_all(&tracks);
        Some(tracks)
    }

    /// Adds the owner of the transports of a prepared connection.
    pub(crate) fn add_prepared(&mut self, owner: &PeerId, connection: ConnectionId, replicas: usize) {
        self.add_peer(owner, connection, replicas);
        if let Some(tracks) = self.peers.get_mut(owner) {
            tracks.is_prepared = true;
        }
    }

    /// Removes a peer, and returns its transports, which have to be closed.
    pub(crate) fn take_transports(&mut self, id: &PeerId) -> Vec<TransportId> {
        self.remove(id).map_or_else(Vec::new, |tracks| tracks.transports.into_keys().collect())
    }

    /// Removes all peers, and returns their transports, which have to be closed.
    pub(crate) fn take_all_transports(&mut self) -> Vec<TransportId> {
        self.owners = Owners::default();
        std::mem::take(&mut self.peers).into_values().flat_map(|tracks| tracks.transports.into_keys()).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.owners = Owners::default();
        self.peers.clear();
    }

    pub(crate) fn counts(&self, id: &PeerId) -> MediaCounts {
        self.peers.get(id).map(PeerTracks::counts).unwrap_or_default()
    }

    pub(crate) fn sends(&self, id: &PeerId) -> Sends {
        self.peers.get(id).map(PeerTracks::sends).unwrap_or_default()
    }

    /// The sources that a peer sends, according to the last notification to the others.
    pub(crate) fn announced(&self, id: &PeerId) -> Sends {
        self.peers.get(id).map(|tracks| tracks.announced).unwrap_or_default()
    }

    /// Whether a peer has transports, or is about to have some.
    pub(crate) fn has_transports(&self, id: &PeerId) -> bool {
        let tracks = self.peers.get(id);
        tracks.is_some_and(|tracks| !tracks.transports.is_empty() || self.coming.transports_of(tracks.connection) > 0)
    }

    pub(crate) fn producers_of(&self, id: &PeerId) -> impl Iterator<Item = (&ProducerId, &ProducerState)> {
        self.peers.get(id).into_iter().flat_map(|tracks| &tracks.producers)
    }

    /// The producers of a peer that need this permission.
    pub(crate) fn producers_for(&self, id: &PeerId, source: PublishSource) -> Vec<ProducerId> {
        self.producers_of(id).filter(|(_, state)| state.needs() == source).map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn owner_of(&self, producer: &ProducerId) -> Option<(&PeerId, &ProducerState)> {
        let (id, tracks) = self.peers.get_key_value(self.owners.producers.get(producer)?)?;
        Some((id, tracks.producers.get(producer)?))
    }

    pub(super) fn owner_of_mut(&mut self, producer: &ProducerId) -> Option<(&PeerId, &mut ProducerState)> {
        let id = self.owners.producers.get(producer)?;
        Some((id, self.peers.get_mut(id)?.producers.get_mut(producer)?))
    }

    /// Consumers that a peer has or is about to have.
    pub(super) fn consumer_count(&self, tracks: &PeerTracks) -> usize {
        tracks.consumers.len() + self.coming.consumers_of(tracks.connection)
    }

    /// Whether an event may be of an object whose creation is on its way.
    pub(crate) fn may_be_coming(&self, event: &MediaEvent) -> bool {
        if self.coming.is_empty() {
            return false;
        }
        match event {
            MediaEvent::TransportConnected(id)
            | MediaEvent::TransportDisconnected(id)
            | MediaEvent::DownlinkBwe(id, _) => !self.owners.transports.contains_key(id),
            MediaEvent::ProducerScore(id, _) | MediaEvent::DominantSpeaker(id) => self.owner_of(id).is_none(),
            MediaEvent::ConsumerScore(id, _) | MediaEvent::ConsumerLayers(id, _) => {
                !self.owners.consumers.contains_key(id)
            }
            MediaEvent::Volumes(_)
            | MediaEvent::BotMessage(_)
            | MediaEvent::ChatMessage(_)
            | MediaEvent::WorkerDied
            | MediaEvent::SiteLost(_) => false,
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        self.coming.is_empty()
    }

    /// A producer of the peer whose packets arrive: its microphone if there is one, then its camera.
    pub(crate) fn active_producer(&self, id: &PeerId) -> Option<&ProducerId> {
        let active = self.producers_of(id).filter(|(_, producer)| producer.is_active());
        active.min_by_key(|(_, producer)| (producer.is_share(), !producer.is_audio())).map(|(id, _)| id)
    }

    /// When the media of a peer was disconnected, if it is.
    pub(crate) fn lost_since(&self, id: &PeerId) -> Option<Duration> {
        let transports = self.peers.get(id).into_iter().flat_map(|tracks| tracks.transports.values());
        transports.filter_map(|state| state.lost_since).min()
    }

    /// When a peer stopped sending and receiving, if it does neither; `since` at the earliest.
    pub(crate) fn idle_since(&self, id: &PeerId, since: Duration) -> Option<Duration> {
        let tracks = self.peers.get(id)?;
        if self.consumer_count(tracks) > 0 {
            return None;
        }
        tracks.producers.values().try_fold(since, |latest, producer| Some(latest.max(producer.silent_since?)))
    }
}

#[cfg(test)]
impl Tracks {
    /// Fails unless the owners are those of the tracks. Large rooms are left out: it takes longer than all else.
    pub(crate) fn assert_owners(&self) {
        if self.peers.len() > 12 {
            return;
        }
        let mut owners = Owners::default();
        self.peers.iter().for_each(|(id, tracks)| owners.add_all(id, tracks));
        assert_eq!(self.owners, owners);
    }
}

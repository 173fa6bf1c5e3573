//! Events of the media plane about producers and consumers: scores, layers, volumes and the dominant speaker.

use convene_protocol::message::{
    ActiveSpeaker, ConsumerLayers, ConsumerScore, Layers, PeerVolume, ProducerScore, ScoreOf, ServerNotification,
    SpeakingPeers,
};
use serde_json::Value;

use super::state::Tracks;
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConsumerId, ProducerId};
use crate::room::people::seats::Seats;

/// The volume above which a sound counts as speech instead of room noise, in dBvo over 800 ms.
const SPEECH: i8 = -70;

impl Tracks {
    pub(crate) fn on_producer_score(
        &mut self,
        producer: &ProducerId,
        score: Value,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let Some((id, state)) = self.owner_of_mut(producer) else { return };
        let scores = score.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_silent = scores.iter().all(|stream| stream["score"] == 0);
        state.silent_since = is_silent.then(|| state.silent_since.unwrap_or(effects.now));
        if let Some(connection) = seats.connection_of(id) {
            let notification = ProducerScore { producer_id: producer.0.clone(), score };
            effects.notify(connection, ServerNotification::ProducerScore(notification));
        }
    }

    pub(crate) fn on_consumer_score(
        &mut self,
        consumer: &ConsumerId,
        score: ConsumerScore,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let Some(id) = self.owners.consumers.get(consumer) else { return };
        let Some(state) = self.peers.get_mut(id).and_then(|tracks| tracks.consumers.get_mut(consumer)) else { return };
        state.score = score.clone();
        if let Some(connection) = seats.connection_of(id) {
            let notification = ScoreOf { consumer_id: consumer.0.clone(), score };
            effects.notify(connection, ServerNotification::ConsumerScore(notification));
        }
    }

    pub(crate) fn on_consumer_layers(
        &self,
        consumer: &ConsumerId,
        layers: Option<Layers>,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let owner = self.owners.consumers.get(consumer);
        if let Some(connection) = owner.and_then(|id| seats.connection_of(id)) {
            let notification = ConsumerLayers::new(consumer.0.clone(), layers);
            effects.notify(connection, ServerNotification::ConsumerLayersChanged(notification));
        }
    }

    pub(crate) fn on_volumes(&mut self, volumes: &[(ProducerId, i8)], seats: &mut Seats, effects: &mut Effects) {
        for (producer, volume) in volumes {
            if let Some((_, state)) = self.owner_of_mut(producer) {
                state.volume = Some(*volume);
            }
        }
        let of_peer = |(producer, volume): &(ProducerId, i8)| {
            let (peer, _) = self.owner_of(producer)?;
            Some(PeerVolume { peer_id: peer.0.clone(), volume: *volume })
        };
        let peer_volumes = volumes.iter().filter_map(of_peer).collect();
        seats.notify(&ServerNotification::SpeakingPeers(SpeakingPeers { peer_volumes }), None, effects);
        let heard = volumes.iter().filter(|(_, volume)| *volume >= SPEECH);
        self.priorities.note_heard(heard.map(|(producer, _)| producer.clone()));
        self.rebalance_if_short(seats, effects);
    }

    /// During silence the last speaker stays, so that layouts do not jump.
    pub(crate) fn on_dominant_speaker(&mut self, producer: &ProducerId, seats: &mut Seats, effects: &mut Effects) {
        let Some((id, state)) = self.owner_of(producer) else { return };
        let (speaker, volume) = (id.clone(), state.volume);
        let notification = ActiveSpeaker { peer_id: Some(speaker.0.clone()), volume };
        seats.notify(&ServerNotification::ActiveSpeaker(notification), None, effects);
        self.priorities.note_speaker(speaker);
        self.rebalance_if_short(seats, effects);
    }
}

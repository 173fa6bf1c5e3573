//! What the media plane reports: scores, layers, loudness, lost ways; turned into what people are told.

use std::time::Duration;

use convene_protocol::frame::CLOSE_COME_BACK;
use convene_protocol::message::{
    ActiveSpeaker, ConsumerLayers, ConsumerScore, Layers, PeerVolume, ProducerScore, ScoreOf, ServerNotification,
    SpeakingPeers,
};
use serde_json::Value;

use super::command::MediaEvent;
use super::effect::Effect;
use super::ids::{ConnectionId, ConsumerId, ProducerId, TransportId};
use super::{Effects, Room};

impl Room {
    pub(super) fn media_event(&mut self, event: MediaEvent, now: Duration, effects: &mut Effects) {
        match event {
            MediaEvent::TransportConnected(transport) => self.set_lost(&transport, None),
            MediaEvent::TransportDisconnected(transport) => self.set_lost(&transport, Some(now)),
            MediaEvent::ProducerScore(producer, score) => self.producer_score(&producer, score, effects),
            MediaEvent::ConsumerScore(consumer, score) => self.consumer_score(&consumer, &score, effects),
            MediaEvent::ConsumerLayers(consumer, layers) => self.consumer_layers(&consumer, layers, effects),
            MediaEvent::Volumes(volumes) => self.volumes(&volumes, effects),
            MediaEvent::BotHeard(producer, text) => self.bot_heard(&producer, &text, effects),
            MediaEvent::DominantSpeaker(producer) => self.dominant_speaker(&producer, effects),
            MediaEvent::WorkerDied => self.worker_died(effects),
        }
    }

    fn set_lost(&mut self, transport: &TransportId, lost_since: Option<Duration>) {
        let state = self.peers.values_mut().find_map(|peer| peer.transports.get_mut(transport));
        if let Some(state) = state {
            state.lost_since = lost_since;
        }
    }

    fn producer_score(&self, producer: &ProducerId, score: Value, effects: &mut Effects) {
        if let Some((_, peer)) = self.owner_of_producer(producer) {
            let told = ProducerScore { producer_id: producer.0.clone(), score };
            effects.tell(peer.connection, ServerNotification::ProducerScore(told));
        }
    }

    fn consumer_score(&mut self, consumer: &ConsumerId, score: &ConsumerScore, effects: &mut Effects) {
        for peer in self.peers.values_mut() {
            if let Some(state) = peer.consumers.get_mut(consumer) {
                state.score = score.clone();
                let told = ScoreOf { consumer_id: consumer.0.clone(), score: score.clone() };
                effects.tell(peer.connection, ServerNotification::ConsumerScore(told));
            }
        }
    }

    fn consumer_layers(&self, consumer: &ConsumerId, layers: Option<Layers>, effects: &mut Effects) {
        if let Some(connection) = self.receiver(consumer) {
            let told = ConsumerLayers::new(consumer.0.clone(), layers);
            effects.tell(connection, ServerNotification::ConsumerLayersChanged(told));
        }
    }

    fn volumes(&self, volumes: &[(ProducerId, i8)], effects: &mut Effects) {
        let of_peer = |(producer, volume): &(ProducerId, i8)| {
            let (peer, _) = self.owner_of_producer(producer)?;
            Some(PeerVolume { peer_id: peer.0.clone(), volume: *volume })
        };
        let peer_volumes = volumes.iter().filter_map(of_peer).collect();
        self.tell_joined(&ServerNotification::SpeakingPeers(SpeakingPeers { peer_volumes }), None, effects);
    }

    /// A silence is no speaker: the last one stays, so that layouts do not jump.
    fn dominant_speaker(&self, producer: &ProducerId, effects: &mut Effects) {
        if let Some((peer, _)) = self.owner_of_producer(producer) {
            let told = ActiveSpeaker { peer_id: Some(peer.0.clone()), volume: None };
            self.tell_joined(&ServerNotification::ActiveSpeaker(told), None, effects);
        }
    }

    /// Every handle is gone already, so nothing is closed; everybody comes back to a room on another worker.
    fn worker_died(&mut self, effects: &mut Effects) {
        for (_, peer) in std::mem::take(&mut self.peers) {
            effects.close(peer.connection, CLOSE_COME_BACK, "the media worker ended: please come back");
        }
        effects.0.push(Effect::Shut);
    }

    fn receiver(&self, consumer: &ConsumerId) -> Option<ConnectionId> {
        self.peers.values().find(|peer| peer.consumers.contains_key(consumer)).map(|peer| peer.connection)
    }
}

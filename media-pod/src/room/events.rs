//! What the media plane reports: scores, layers, loudness, lost ways; turned into what people are told.

use std::time::Duration;

use convene_protocol::frame::CLOSE_COME_BACK;
use convene_protocol::message::{
    ActiveSpeaker, ConsumerLayers, ConsumerScore, DownlinkBwe, Layers, PeerVolume, ProducerScore, ScoreOf,
    ServerNotification, SpeakingPeers,
};
use serde_json::Value;

use super::command::MediaEvent;
use super::effect::{Effect, Fact};
use super::ids::{ConnectionId, ConsumerId, ProducerId, TransportId};
use super::peer::Peer;
use super::{Effects, Room};

/// How often a client is told of its bandwidth.
const BANDWIDTH_INTERVAL: Duration = Duration::from_secs(1);
/// Loudness from which on it is speech and not the noise of a room, in dBvo over 800 ms.
const SPEECH: i8 = -70;

impl Room {
    pub(super) fn media_event(&mut self, event: MediaEvent, now: Duration, effects: &mut Effects) {
        match event {
            MediaEvent::TransportConnected(transport) => self.found_way(&transport, now, effects),
            MediaEvent::TransportDisconnected(transport) => self.lost_way(&transport, now),
            MediaEvent::ProducerScore(producer, score) => self.producer_score(&producer, score, now, effects),
            MediaEvent::ConsumerScore(consumer, score) => self.consumer_score(&consumer, &score, effects),
            MediaEvent::ConsumerLayers(consumer, layers) => self.consumer_layers(&consumer, layers, effects),
            MediaEvent::Volumes(volumes) => self.volumes(&volumes, effects),
            MediaEvent::BotHeard(heard) => self.bot_heard(&heard, now, effects),
            MediaEvent::ChatHeard(heard) => self.chat_heard(&heard, now, effects),
            MediaEvent::DownlinkBwe(transport, estimate) => self.bandwidth(&transport, estimate, now, effects),
            MediaEvent::DominantSpeaker(producer) => self.dominant_speaker(&producer, effects),
            MediaEvent::WorkerDied => self.worker_died(effects),
        }
    }

    fn found_way(&mut self, transport: &TransportId, now: Duration, effects: &mut Effects) {
        let Some(peer) = self.owner_of_transport(transport) else { return };
        if let Some(state) = peer.transports.get_mut(transport) {
            state.lost_since = None;
        }
        if peer.media_since.is_none() {
            peer.media_since = Some(now);
            effects.note(Fact::MediaConnected(now.saturating_sub(peer.since)));
        }
    }

    fn lost_way(&mut self, transport: &TransportId, now: Duration) {
        let state = self.owner_of_transport(transport).and_then(|peer| peer.transports.get_mut(transport));
        if let Some(state) = state {
            state.lost_since = Some(now);
        }
    }

    /// The worker estimates many times a second; people read once.
    fn bandwidth(&mut self, transport: &TransportId, estimate: DownlinkBwe, now: Duration, effects: &mut Effects) {
        let Some(peer) = self.owner_of_transport(transport) else { return };
        if peer.bandwidth_told.is_none_or(|told| now.saturating_sub(told) >= BANDWIDTH_INTERVAL) {
            peer.bandwidth_told = Some(now);
            effects.tell(peer.connection, ServerNotification::DownlinkBwe(estimate));
        }
    }

    fn owner_of_transport(&mut self, transport: &TransportId) -> Option<&mut Peer> {
        self.peers.values_mut().find(|peer| peer.transports.contains_key(transport))
    }

    fn producer_score(&mut self, producer: &ProducerId, score: Value, now: Duration, effects: &mut Effects) {
        let owner = self.peers.values_mut().find(|peer| peer.producers.contains_key(producer));
        let Some(peer) = owner else { return };
        let scores = score.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_silent = scores.iter().all(|stream| stream["score"] == 0);
        if let Some(state) = peer.producers.get_mut(producer) {
            state.silent_since = is_silent.then(|| state.silent_since.unwrap_or(now));
        }
        let told = ProducerScore { producer_id: producer.0.clone(), score };
        effects.tell(peer.connection, ServerNotification::ProducerScore(told));
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

    fn volumes(&mut self, volumes: &[(ProducerId, i8)], effects: &mut Effects) {
        for (producer, volume) in volumes {
            let state = self.peers.values_mut().find_map(|peer| peer.producers.get_mut(producer));
            if let Some(state) = state {
                state.volume = Some(*volume);
            }
        }
        let of_peer = |(producer, volume): &(ProducerId, i8)| {
            let (peer, _) = self.owner_of_producer(producer)?;
            Some(PeerVolume { peer_id: peer.0.clone(), volume: *volume })
        };
        let peer_volumes = volumes.iter().filter_map(of_peer).collect();
        self.tell_joined(&ServerNotification::SpeakingPeers(SpeakingPeers { peer_volumes }), None, effects);
        let heard = volumes.iter().filter(|(_, volume)| *volume >= SPEECH);
        self.balance.note_heard(heard.map(|(producer, _)| producer.clone()));
        self.choose_anew(effects);
    }

    /// A silence is no speaker: the last one stays, so that layouts do not jump.
    fn dominant_speaker(&mut self, producer: &ProducerId, effects: &mut Effects) {
        if let Some((id, peer)) = self.owner_of_producer(producer) {
            let volume = peer.producers.get(producer).and_then(|state| state.volume);
            let told = ActiveSpeaker { peer_id: Some(id.0.clone()), volume };
            let speaker = id.clone();
            self.tell_joined(&ServerNotification::ActiveSpeaker(told), None, effects);
            self.balance.note_speaker(speaker);
            self.choose_anew(effects);
        }
    }

    /// Every handle is gone already, so nothing is closed; everybody comes back to a room on another worker.
    fn worker_died(&mut self, effects: &mut Effects) {
        const CLOSE: (u16, &str) = (CLOSE_COME_BACK, "the media worker ended: please come back");
        self.remember_everyone();
        self.empty_lobby(CLOSE, effects);
        self.empty_pending(CLOSE, effects);
        for (_, peer) in std::mem::take(&mut self.peers) {
            effects.close(peer.connection, CLOSE.0, CLOSE.1);
        }
        effects.0.push(Effect::Shut);
    }

    fn receiver(&self, consumer: &ConsumerId) -> Option<ConnectionId> {
        self.peers.values().find(|peer| peer.consumers.contains_key(consumer)).map(|peer| peer.connection)
    }
}

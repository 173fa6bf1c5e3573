//! Events of the media plane, each passed to its owner.

use crate::room::effects::Effects;
use crate::room::interface::media::MediaEvent;
use crate::room::state::Room;

impl Room {
    pub(super) fn on_media_event(&mut self, event: MediaEvent, effects: &mut Effects) {
        let (tracks, seats) = (&mut self.tracks, &mut self.seats);
        match event {
            MediaEvent::TransportConnected(id) => tracks.on_transport_connected(&id, seats, effects),
            MediaEvent::TransportDisconnected(id) => tracks.on_transport_disconnected(&id, effects.now),
            MediaEvent::ProducerScore(id, score) => tracks.on_producer_score(&id, score, seats, effects),
            MediaEvent::ConsumerScore(id, score) => tracks.on_consumer_score(&id, score, seats, effects),
            MediaEvent::ConsumerLayers(id, layers) => tracks.on_consumer_layers(&id, layers, seats, effects),
            MediaEvent::Volumes(volumes) => tracks.on_volumes(&volumes, seats, effects),
            MediaEvent::DownlinkBwe(id, estimate) => tracks.on_bandwidth(&id, estimate, seats, effects),
            MediaEvent::DominantSpeaker(id) => tracks.on_dominant_speaker(&id, seats, effects),
            MediaEvent::BotMessage(message) => self.on_bot_message(&message, effects),
            MediaEvent::ChatMessage(message) => self.on_chat_message(&message, effects),
            MediaEvent::WorkerDied => self.on_worker_ended(effects),
        }
    }
}

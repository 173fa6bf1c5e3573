//! Events of the media plane, each passed to its owner.

use crate::room::effects::Effects;
use crate::room::interface::media::MediaEvent;
use crate::room::state::Room;

impl Room {
    /// An event of an object whose creation is on its way waits for its outcome.
    pub(super) fn on_media_event(&mut self, event: MediaEvent, effects: &mut Effects) {
        if matches!(event, MediaEvent::DominantSpeaker(_)) {
            self.early.forget_speaker();
        }
        if self.tracks.may_be_coming(&event) || self.data.may_be_coming(&event) {
            return self.early.keep(event);
        }
        self.pass_on(event, effects);
    }

    /// An object was created: its events that came earlier count now.
    pub(super) fn pass_on_early(&mut self, object: &str, effects: &mut Effects) {
        for event in self.early.take(object) {
            self.pass_on(event, effects);
        }
    }

    fn pass_on(&mut self, event: MediaEvent, effects: &mut Effects) {
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
            MediaEvent::SiteLost(transports) => self.on_site_lost(&transports, effects),
        }
    }
}

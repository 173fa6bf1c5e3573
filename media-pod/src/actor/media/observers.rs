//! The observers of audio levels at a room's first router, and their events. It decides nothing about who speaks.

use mediasoup::prelude::{
    ActiveSpeakerObserver, ActiveSpeakerObserverOptions, AudioLevelObserver, AudioLevelObserverVolume, Producer,
    Router, RtpObserver, RtpObserverAddProducerOptions,
};
use mediasoup::worker::RequestError;
use tokio::sync::mpsc;

use super::convert::{level_options, report};
use crate::room::{MediaEvent, ProducerId};

/// The observers of one room.
#[derive(Debug)]
pub(super) struct Observers {
    levels: AudioLevelObserver,
    speakers: ActiveSpeakerObserver,
}

impl Observers {
    /// Observers without producers, which report to `events`.
    pub(super) async fn create(
        home: &Router,
        events: &mpsc::UnboundedSender<Box<MediaEvent>>,
    ) -> Result<Self, RequestError> {
        let levels = home.create_audio_level_observer(level_options()).await?;
        let speakers = home.create_active_speaker_observer(ActiveSpeakerObserverOptions::default()).await?;
        let observers = Self { levels, speakers };
        observers.listen(events);
        Ok(observers)
    }

    /// Observes a microphone.
    pub(super) async fn add(&self, producer: &Producer) {
        let options = || RtpObserverAddProducerOptions::new(producer.id());
        let levels = self.levels.add_producer(options()).await;
        let speakers = self.speakers.add_producer(options()).await;
        if let Err(error) = levels.and(speakers) {
            tracing::warn!(%error, "could not observe the audio level of a producer");
        }
    }

    fn listen(&self, events: &mpsc::UnboundedSender<Box<MediaEvent>>) {
        let to = events.clone();
        let on_volumes = self.levels.on_volumes(move |volumes| {
            report(&to, MediaEvent::Volumes(volumes.iter().map(volume_of).collect()));
        });
        on_volumes.detach();
        let to = events.clone();
        self.levels.on_silence(move || report(&to, MediaEvent::Volumes(Vec::new()))).detach();
        let to = events.clone();
        let on_speaker = self.speakers.on_dominant_speaker(move |speaker| {
            report(&to, MediaEvent::DominantSpeaker(ProducerId(speaker.producer.id().to_string())));
        });
        on_speaker.detach();
    }
}

fn volume_of(volume: &AudioLevelObserverVolume) -> (ProducerId, i8) {
    (ProducerId(volume.producer.id().to_string()), volume.volume)
}

//! All handles of a room, and their events.
//!
//! Children own their parents in mediasoup: a transport closes when its producers and consumers are dropped with it. So every handle is
//! in one of the maps here and nowhere else. Operations on them are in the sibling modules.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use convene_service::metrics::GaugeGuard;
use mediasoup::prelude::{
    ActiveSpeakerObserver, ActiveSpeakerObserverOptions, AudioLevelObserver, Consumer, Producer, RtpCodecCapability,
};
use mediasoup::worker::RequestError;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::mpsc;

use super::convert::{gone, level_options, report};
use super::data::DataPlane;
use super::handles::{Owned, RoomTransport};
use super::pipes::Pipes;
use super::routers::{HOME, Routers};
use super::sample::Sampler;
use super::settings::{Layout, MediaSettings};
use crate::metrics::Metrics;
use crate::room::{ConsumerId, MediaError, MediaEvent, ProducerId, TransportId};
use crate::sfu::error::WorkersError;
use crate::sfu::workers::Workers;

/// All handles of one room.
#[derive(Debug)]
pub(crate) struct MediaPlane {
    // Dropped in this order: children before parents.
    pub(super) consumers: HashMap<ConsumerId, Owned<Consumer>>,
    pub(super) pipes: Pipes,
    pub(super) producers: HashMap<ProducerId, Owned<Producer>>,
    pub(super) data: DataPlane,
    pub(super) transports: HashMap<TransportId, RoomTransport>,
    pub(super) levels: AudioLevelObserver,
    pub(super) speakers: ActiveSpeakerObserver,
    pub(super) routers: Routers,
    pub(super) settings: MediaSettings,
    pub(super) events: mpsc::UnboundedSender<MediaEvent>,
    pub(super) metrics: Metrics,
    pub(super) sampler: Sampler,
}

/// Reasons a room could not be opened.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// No worker has capacity for it.
    #[error(transparent)]
    Placement(#[from] WorkersError),
    /// The worker could not create the room's objects.
    #[error("could not set up the room on its worker")]
    SetUp(#[from] RequestError),
}

impl OpenError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Placement(source) => source.reason(),
            Self::SetUp(_) => "RoomSetUpFailed",
        }
    }
}

impl MediaPlane {
    /// The handles of a new room, and the receiver of their events.
    pub(crate) async fn open(
        workers: Arc<Workers>,
        layout: Layout,
        codecs: Vec<RtpCodecCapability>,
        settings: MediaSettings,
        metrics: Metrics,
    ) -> Result<(Self, mpsc::UnboundedReceiver<MediaEvent>), OpenError> {
        let (events, received) = mpsc::unbounded_channel();
        let routers = Routers::open(workers, layout, settings.consumers_per_worker, codecs, events.clone()).await?;
        let home = routers.router(HOME);
        let media = Self {
            consumers: HashMap::new(),
            pipes: Pipes::default(),
            producers: HashMap::new(),
            data: DataPlane::new(home).await?,
            transports: HashMap::new(),
            levels: home.create_audio_level_observer(level_options()).await?,
            speakers: home.create_active_speaker_observer(ActiveSpeakerObserverOptions::default()).await?,
            routers,
            settings,
            events,
            metrics,
            sampler: Sampler::default(),
        };
        media.listen_to_observers();
        Ok((media, received))
    }

    /// mediasoup's `RtpCapabilities` of the routers, which all offer the same.
    pub(crate) fn rtp_capabilities(&self) -> Value {
        json!(self.routers.router(HOME).rtp_capabilities())
    }

    /// How often [`MediaPlane::sample`] should be called.
    pub(crate) fn sample_interval(&self) -> Duration {
        self.settings.sample_interval
    }

    /// Samples statistics of transports and streams for the metrics.
    pub(crate) async fn sample(&mut self) {
        let Self { transports, producers, consumers, metrics, sampler, .. } = self;
        sampler.sample(transports, producers, consumers, &metrics.flow).await;
    }

    pub(super) fn transport(&self, id: &TransportId) -> Result<&RoomTransport, MediaError> {
        self.transports.get(id).ok_or_else(|| gone("transport"))
    }

    pub(super) fn producer(&self, id: &ProducerId) -> Result<&Producer, MediaError> {
        self.producers.get(id).map(|producer| &producer.handle).ok_or_else(|| gone("producer"))
    }

    pub(super) fn consumer(&self, id: &ConsumerId) -> Result<&Consumer, MediaError> {
        self.consumers.get(id).map(|consumer| &consumer.handle).ok_or_else(|| gone("consumer"))
    }

    /// Counts an object in the metrics while the guard lives.
    pub(super) fn counted(&self, object: &str, kind: &str) -> GaugeGuard {
        GaugeGuard::new(&self.metrics.objects.with_label_values(&[object, kind]))
    }

    fn listen_to_observers(&self) {
        let events = self.events.clone();
        let on_volumes = self.levels.on_volumes(move |volumes| {
            let of = |volume: &mediasoup::prelude::AudioLevelObserverVolume| {
                (ProducerId(volume.producer.id().to_string()), volume.volume)
            };
            report(&events, MediaEvent::Volumes(volumes.iter().map(of).collect()));
        });
        on_volumes.detach();
        let events = self.events.clone();
        self.levels.on_silence(move || report(&events, MediaEvent::Volumes(Vec::new()))).detach();
        let events = self.events.clone();
        let on_speaker = self.speakers.on_dominant_speaker(move |speaker| {
            report(&events, MediaEvent::DominantSpeaker(ProducerId(speaker.producer.id().to_string())));
        });
        on_speaker.detach();
    }
}

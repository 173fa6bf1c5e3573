//! The room's handles of the media plane: runs operations on them and reports what they tell.
//!
//! Children own their parents in mediasoup: a transport closes when its producers and consumers are dropped with it. Every
//! handle is in one of the maps here and nowhere else. What each operation does is in the modules beside this one.

use std::collections::HashMap;
use std::sync::Arc;

use mediasoup::prelude::{
    ActiveSpeakerObserver, ActiveSpeakerObserverOptions, AudioLevelObserver, Consumer, ConsumerLayers, Producer,
    RtpCodecCapability,
};
use mediasoup::worker::RequestError;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::mpsc;

use super::convert::{Done, done, finished, level_options, report, stats};
use super::data::{DataPlane, NewChannel};
use super::pipes::Pipes;
use super::sample::Sampler;
use super::settings::{Layout, MediaSettings};
use super::sites::{HOME, SiteId, Sites};
use super::transports::RoomTransport;
use crate::metrics::{Counted, Metrics};
use crate::room::{ConsumerId, MediaEvent, Operation, Outcome, ProducerId, TransportId};
use crate::sfu::workers::{Carried, Workers, WorkersError};

/// Every handle of one room.
#[derive(Debug)]
pub struct MediaPlane {
    // Dropped in this order: children before parents.
    pub(super) consumers: HashMap<ConsumerId, Owned<Consumer>>,
    pub(super) pipes: Pipes,
    pub(super) producers: HashMap<ProducerId, Owned<Producer>>,
    pub(super) data: DataPlane,
    pub(super) transports: HashMap<TransportId, RoomTransport>,
    pub(super) levels: AudioLevelObserver,
    pub(super) speakers: ActiveSpeakerObserver,
    pub(super) sites: Sites,
    pub(super) settings: MediaSettings,
    pub(super) events: mpsc::UnboundedSender<MediaEvent>,
    pub(super) metrics: Metrics,
    pub(super) sampler: Sampler,
}

#[derive(Debug)]
pub(super) struct Owned<T> {
    pub(super) handle: T,
    pub(super) transport: TransportId,
    pub(super) site: SiteId,
    pub(super) _counted: Counted,
    pub(super) _carried: Option<Carried>,
}

/// Why a room could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No worker took it.
    #[error(transparent)]
    Place(#[from] WorkersError),
    /// The worker took it and failed it.
    #[error("the worker cannot set up the room")]
    SetUp(#[from] RequestError),
}

impl OpenError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Place(source) => source.reason(),
            Self::SetUp(_) => "RoomSetUpFailed",
        }
    }
}

impl MediaPlane {
    /// The handles of a new room, and where their reports arrive.
    pub async fn open(
        workers: Arc<Workers>,
        layout: Layout,
        codecs: Vec<RtpCodecCapability>,
        settings: MediaSettings,
        metrics: Metrics,
    ) -> Result<(Self, mpsc::UnboundedReceiver<MediaEvent>), OpenError> {
        let (events, reports) = mpsc::unbounded_channel();
        let sites = Sites::open(workers, layout, settings.consumers_per_worker, codecs, events.clone()).await?;
        let home = sites.router(HOME);
        let media = Self {
            consumers: HashMap::new(),
            pipes: Pipes::default(),
            producers: HashMap::new(),
            data: DataPlane::new(home).await?,
            transports: HashMap::new(),
            levels: home.create_audio_level_observer(level_options()).await?,
            speakers: home.create_active_speaker_observer(ActiveSpeakerObserverOptions::default()).await?,
            sites,
            settings,
            events,
            metrics,
            sampler: Sampler::default(),
        };
        media.listen_to_observers();
        Ok((media, reports))
    }

    /// mediasoup's `RtpCapabilities` of the routers; they all offer the same.
    pub fn rtp_capabilities(&self) -> Value {
        json!(self.sites.router(HOME).rtp_capabilities())
    }

    /// Runs one operation to its end.
    pub async fn run(&mut self, operation: Operation) -> Done {
        match operation {
            Operation::Settle => Ok(Outcome::Done),
            Operation::CreateTransport { direction, force_tcp } => self.create_transport(direction, force_tcp).await,
            Operation::CreatePlainTransport { direction, comedia, rtcp_mux } => {
                self.create_plain_transport(direction, comedia, rtcp_mux).await
            }
            Operation::ConnectTransport(id, dtls) => self.connect_transport(&id, dtls).await,
            Operation::ConnectPlainTransport { transport, ip, port, rtcp_port } => {
                self.connect_plain_transport(&transport, ip, port, rtcp_port).await
            }
            Operation::RestartIce(id) => self.restart_ice(&id).await,
            Operation::CloseTransport(id) => Ok(self.close_transport(&id)),
            Operation::Produce { transport, kind, rtp_parameters } => {
                self.produce(transport, kind, rtp_parameters).await
            }
            Operation::Consume { transport, producer, rtp_capabilities, paused } => {
                self.consume(transport, &producer, rtp_capabilities, paused).await
            }
            Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol } => {
                self.produce_data(&transport, NewChannel { channel, sctp_stream_parameters, label, protocol }).await
            }
            Operation::ConsumeData { transport, producer } => self.consume_data(&transport, producer.as_ref()).await,
            Operation::CreateVoice => self.data.create_voice().await,
            Operation::VoiceSay(voice, text) => self.data.say_with(&voice, text),
            Operation::BotSay(text) => self.data.say(text),
            Operation::PauseDataProducer(id) => self.data.pause(&id).await,
            Operation::ResumeDataProducer(id) => self.data.resume(&id).await,
            Operation::CloseDataConsumer(id) => Ok(self.data.close_consumer(&id)),
            Operation::CloseDataProducer(id) => Ok(self.data.close_producer(&id, &mut self.pipes)),
            Operation::CloseProducer(id) => Ok(self.close_producer(&id)),
            Operation::CloseConsumer(id) => Ok(done(self.consumers.remove(&id))),
            Operation::PauseProducer(id) => finished(self.producer(&id)?.pause().await),
            Operation::ResumeProducer(id) => finished(self.producer(&id)?.resume().await),
            Operation::PauseConsumer(id) => finished(self.consumer(&id)?.pause().await),
            Operation::ResumeConsumer(id) => finished(self.consumer(&id)?.resume().await),
            Operation::RequestKeyFrame(id) => finished(self.consumer(&id)?.request_key_frame().await),
            Operation::SetPriority(id, priority) => finished(self.consumer(&id)?.set_priority(priority).await),
            Operation::SetPreferredLayers(id, spatial_layer, temporal_layer) => {
                let layers = ConsumerLayers { spatial_layer, temporal_layer };
                finished(self.consumer(&id)?.set_preferred_layers(layers).await)
            }
            Operation::TransportStats(id) => self.transport_stats(&id).await,
            Operation::ProducerStats(id) => stats(self.producer(&id)?.get_stats().await, "inbound-rtp"),
            Operation::ConsumerStats(id) => stats(self.consumer(&id)?.get_stats().await, "outbound-rtp"),
            Operation::DataProducerStats(id) => self.data.producer_stats(&id).await,
            Operation::DataConsumerStats(id) => self.data.consumer_stats(&id).await,
        }
    }

    pub(super) fn counted(&self, object: &str, kind: &str) -> Counted {
        Counted::new(self.metrics.objects.with_label_values(&[object, kind]))
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

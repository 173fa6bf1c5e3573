//! The room's handles of the media plane: runs operations on them and reports what they tell.
//!
//! Children own their parents in mediasoup: a transport closes when its producers and consumers are dropped with it. Every
//! handle is in one of the three maps here and nowhere else.

use std::collections::HashMap;
use std::num::NonZeroU16;

use convene_protocol::message::{ConsumerScore, Layers, MediaKind as WireKind};
use event_listener_primitives::HandlerId;
use mediasoup::prelude::{
    ActiveSpeakerObserver, ActiveSpeakerObserverOptions, AudioLevelObserver, AudioLevelObserverOptions, Consumer,
    ConsumerLayers, ConsumerOptions, MediaKind, Producer, ProducerOptions, RtpCapabilities, RtpObserver,
    RtpObserverAddProducerOptions, RtpParameters, Transport, TransportGeneric, WebRtcTransport, WebRtcTransportOptions,
    WebRtcTransportRemoteParameters,
};
use mediasoup::types::data_structures::IceState;
use mediasoup::worker::RequestError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::data::{DataPlane, NewChannel};
use crate::metrics::{Counted, Metrics};
use crate::room::{
    ConsumerId, CreatedConsumer, CreatedTransport, DataProducerId, MediaError, MediaEvent, Operation, Outcome,
    ProducerId, TransportId,
};
use crate::sfu::candidates::announce;
use crate::sfu::workers::Place;

/// Bits per second that a receiver is given before its way has been measured: enough for the top layer at once.
const INITIAL_OUTGOING_BITRATE: u64 = 3_000_000;
/// Seconds without an ICE consent after which the way counts as lost (RFC 7675).
const ICE_CONSENT_TIMEOUT: u8 = 20;

pub(super) type Done = Result<Outcome, MediaError>;

/// Every handle of one room.
#[derive(Debug)]
pub struct MediaPlane {
    // Dropped in this order: children before parents.
    consumers: HashMap<ConsumerId, Owned<Consumer>>,
    producers: HashMap<ProducerId, Owned<Producer>>,
    data: DataPlane,
    transports: HashMap<TransportId, (WebRtcTransport, Counted)>,
    levels: AudioLevelObserver,
    speakers: ActiveSpeakerObserver,
    place: Place,
    announced: Vec<String>,
    events: mpsc::UnboundedSender<MediaEvent>,
    metrics: Metrics,
    /// The worker outlives the room; what it tells the room must not.
    _on_dead: HandlerId,
}

#[derive(Debug)]
struct Owned<T> {
    handle: T,
    transport: TransportId,
    _counted: Counted,
}

impl MediaPlane {
    /// The handles of a new room, and where their reports arrive.
    pub async fn new(
        place: Place,
        announced: Vec<String>,
        metrics: Metrics,
    ) -> Result<(Self, mpsc::UnboundedReceiver<MediaEvent>), RequestError> {
        let (events, reports) = mpsc::unbounded_channel();
        let to_room = events.clone();
        let on_dead = place.worker.on_dead(move |_| report(&to_room, MediaEvent::WorkerDied));
        let levels = place.router.create_audio_level_observer(level_options()).await?;
        let speakers = place.router.create_active_speaker_observer(ActiveSpeakerObserverOptions::default()).await?;
        let media = Self {
            consumers: HashMap::new(),
            producers: HashMap::new(),
            data: DataPlane::new(&place.router).await?,
            transports: HashMap::new(),
            levels,
            speakers,
            place,
            announced,
            events,
            metrics,
            _on_dead: on_dead,
        };
        media.listen_to_observers();
        Ok((media, reports))
    }

    /// mediasoup's `RtpCapabilities` of the router.
    pub fn rtp_capabilities(&self) -> Value {
        json!(self.place.router.rtp_capabilities())
    }

    /// Runs one operation to its end.
    pub async fn run(&mut self, operation: Operation) -> Done {
        match operation {
            Operation::CreateTransport { direction: _, force_tcp } => self.create_transport(force_tcp).await,
            Operation::ConnectTransport(id, dtls) => self.connect_transport(&id, dtls).await,
            Operation::RestartIce(id) => self.restart_ice(&id).await,
            Operation::CloseTransport(id) => Ok(self.close_transport(&id)),
            Operation::Produce { transport, kind, rtp_parameters } => {
                self.produce(transport, kind, rtp_parameters).await
            }
            Operation::Consume { transport, producer, rtp_capabilities } => {
                self.consume(transport, &producer, rtp_capabilities).await
            }
            Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol } => {
                let wanted = NewChannel { channel, sctp_stream_parameters, label, protocol };
                self.produce_data(&transport, wanted).await
            }
            Operation::ConsumeData { transport, producer } => self.consume_data(&transport, producer.as_ref()).await,
            Operation::BotSay(text) => self.data.say(text),
            Operation::CloseDataConsumer(id) => {
                self.data.close_consumer(&id);
                Ok(Outcome::Done)
            }
            Operation::DataProducerStats(id) => self.data.producer_stats(&id).await,
            Operation::DataConsumerStats(id) => self.data.consumer_stats(&id).await,
            Operation::CloseProducer(id) => Ok(done(self.producers.remove(&id))),
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
            Operation::TransportStats(id) => stats(self.transport(&id)?.get_stats().await),
            Operation::ProducerStats(id) => stats(self.producer(&id)?.get_stats().await),
            Operation::ConsumerStats(id) => stats(self.consumer(&id)?.get_stats().await),
        }
    }

    async fn create_transport(&mut self, force_tcp: bool) -> Done {
        let mut options = WebRtcTransportOptions::new_with_server(self.place.server.clone());
        options.enable_udp = !force_tcp;
        options.enable_tcp = true;
        options.prefer_udp = true;
        options.enable_sctp = true;
        options.initial_available_outgoing_bitrate = INITIAL_OUTGOING_BITRATE;
        options.ice_consent_timeout = ICE_CONSENT_TIMEOUT;
        let transport = self.place.router.create_webrtc_transport(options).await.map_err(failed)?;
        let id = TransportId(transport.id().to_string());
        self.listen_to_transport(&id, &transport);
        let created = CreatedTransport {
            id: id.clone(),
            ice_parameters: json!(transport.ice_parameters()),
            ice_candidates: announce(&json!(transport.ice_candidates()), &self.announced),
            dtls_parameters: json!(transport.dtls_parameters()),
            sctp_parameters: transport.sctp_parameters().map(|parameters| json!(parameters)),
        };
        self.transports.insert(id, (transport, self.counted("transport", "webrtc")));
        Ok(Outcome::Transport(Box::new(created)))
    }

    async fn connect_transport(&self, id: &TransportId, dtls: Value) -> Done {
        let dtls_parameters = read(dtls, "dtlsParameters")?;
        finished(self.transport(id)?.connect(WebRtcTransportRemoteParameters { dtls_parameters }).await)
    }

    async fn restart_ice(&self, id: &TransportId) -> Done {
        let parameters = self.transport(id)?.restart_ice().await.map_err(failed)?;
        Ok(Outcome::IceParameters(json!(parameters)))
    }

    fn close_transport(&mut self, id: &TransportId) -> Outcome {
        self.data.close_transport(id);
        self.consumers.retain(|_, consumer| consumer.transport != *id);
        self.producers.retain(|_, producer| producer.transport != *id);
        done(self.transports.remove(id))
    }

    async fn produce(&mut self, transport: TransportId, kind: WireKind, rtp_parameters: Value) -> Done {
        let rtp_parameters = usable_parameters(rtp_parameters)?;
        let (kind, label) = match kind {
            WireKind::Audio => (MediaKind::Audio, "audio"),
            WireKind::Video => (MediaKind::Video, "video"),
        };
        let options = ProducerOptions::new(kind, rtp_parameters);
        let handle = self.transport(&transport)?.produce(options).await.map_err(refused)?;
        let id = ProducerId(handle.id().to_string());
        self.listen_to_producer(&id, &handle);
        if kind == MediaKind::Audio {
            self.observe(&handle).await;
        }
        let owned = Owned { handle, transport, _counted: self.counted("producer", label) };
        self.producers.insert(id.clone(), owned);
        Ok(Outcome::Producer(id))
    }

    async fn observe(&self, producer: &Producer) {
        let options = || RtpObserverAddProducerOptions::new(producer.id());
        let levels = self.levels.add_producer(options()).await;
        let speakers = self.speakers.add_producer(options()).await;
        if let Err(error) = levels.and(speakers) {
            tracing::warn!(%error, "cannot observe the loudness of a producer");
        }
    }

    async fn consume(&mut self, transport: TransportId, producer: &ProducerId, capabilities: Value) -> Done {
        let capabilities: RtpCapabilities = read(capabilities, "rtpCapabilities")?;
        let producer_id = self.producer(producer)?.id();
        if !self.place.router.can_consume(&producer_id, &capabilities) {
            return Ok(Outcome::NotConsumable);
        }
        let mut options = ConsumerOptions::new(producer_id, capabilities);
        options.paused = true;
        options.enable_rtx = Some(true);
        options.ignore_dtx = true;
        let handle = self.transport(&transport)?.consume(options).await.map_err(refused).inspect_err(|error| {
            tracing::warn!(error = error.message, "cannot create a consumer");
        })?;
        Ok(self.keep_consumer(handle, transport))
    }

    fn keep_consumer(&mut self, handle: Consumer, transport: TransportId) -> Outcome {
        let id = ConsumerId(handle.id().to_string());
        self.listen_to_consumer(&id, &handle);
        let created = CreatedConsumer {
            id: id.clone(),
            rtp_parameters: json!(handle.rtp_parameters()),
            consumer_type: json!(handle.r#type()).as_str().unwrap_or("simple").to_owned(),
            score: wire_score(&handle.score()),
        };
        let label = if handle.kind() == MediaKind::Audio { "audio" } else { "video" };
        let owned = Owned { handle, transport, _counted: self.counted("consumer", label) };
        self.consumers.insert(id, owned);
        Outcome::Consumer(Box::new(created))
    }

    async fn produce_data(&mut self, id: &TransportId, wanted: NewChannel) -> Done {
        let transport = self.transport(id)?.clone();
        self.data.produce((id, &transport), wanted, &self.events, &self.metrics).await
    }

    async fn consume_data(&mut self, id: &TransportId, producer: Option<&DataProducerId>) -> Done {
        let transport = self.transport(id)?.clone();
        self.data.consume((id, &transport), producer, &self.metrics).await
    }

    fn transport(&self, id: &TransportId) -> Result<&WebRtcTransport, MediaError> {
        self.transports.get(id).map(|(transport, _)| transport).ok_or_else(|| gone("transport"))
    }

    fn producer(&self, id: &ProducerId) -> Result<&Producer, MediaError> {
        self.producers.get(id).map(|producer| &producer.handle).ok_or_else(|| gone("producer"))
    }

    fn consumer(&self, id: &ConsumerId) -> Result<&Consumer, MediaError> {
        self.consumers.get(id).map(|consumer| &consumer.handle).ok_or_else(|| gone("consumer"))
    }

    fn counted(&self, object: &str, kind: &str) -> Counted {
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

    fn listen_to_transport(&self, id: &TransportId, transport: &WebRtcTransport) {
        let (events, id) = (self.events.clone(), id.clone());
        let on_change = transport.on_ice_state_change(move |state| match state {
            IceState::New => {}
            IceState::Connected | IceState::Completed => report(&events, MediaEvent::TransportConnected(id.clone())),
            IceState::Disconnected => report(&events, MediaEvent::TransportDisconnected(id.clone())),
        });
        on_change.detach();
    }

    fn listen_to_producer(&self, id: &ProducerId, producer: &Producer) {
        let (events, id) = (self.events.clone(), id.clone());
        let on_score =
            producer.on_score(move |score| report(&events, MediaEvent::ProducerScore(id.clone(), json!(score))));
        on_score.detach();
    }

    fn listen_to_consumer(&self, id: &ConsumerId, consumer: &Consumer) {
        let (events, of) = (self.events.clone(), id.clone());
        let on_score =
            consumer.on_score(move |score| report(&events, MediaEvent::ConsumerScore(of.clone(), wire_score(score))));
        on_score.detach();
        let (events, of) = (self.events.clone(), id.clone());
        let on_layers = consumer.on_layers_change(move |layers| {
            let wire = |layers: &ConsumerLayers| Layers {
                spatial_layer: layers.spatial_layer,
                temporal_layer: layers.temporal_layer,
            };
            report(&events, MediaEvent::ConsumerLayers(of.clone(), layers.as_ref().map(wire)));
        });
        on_layers.detach();
    }
}

/// The room may be over already; then nobody needs the report.
pub(super) fn report(events: &mpsc::UnboundedSender<MediaEvent>, event: MediaEvent) {
    let _ = events.send(event);
}

fn level_options() -> AudioLevelObserverOptions {
    let mut options = AudioLevelObserverOptions::default();
    options.max_entries = NonZeroU16::new(10).expect("10 is not 0");
    options.threshold = -80;
    options.interval = 800;
    options
}

/// With simulcast by rid, mediasoup-client sends an empty cname; the worker refuses it and remembers it for later producers.
fn usable_parameters(rtp_parameters: Value) -> Result<RtpParameters, MediaError> {
    let mut parameters: RtpParameters = read(rtp_parameters, "rtpParameters")?;
    if parameters.rtcp.cname.as_deref() == Some("") {
        parameters.rtcp.cname = None;
    }
    Ok(parameters)
}

fn wire_score(score: &mediasoup::consumer::ConsumerScore) -> ConsumerScore {
    ConsumerScore {
        score: score.score,
        producer_score: score.producer_score,
        producer_scores: score.producer_scores.clone(),
    }
}

pub(super) fn read<T: DeserializeOwned>(value: Value, name: &str) -> Result<T, MediaError> {
    serde_json::from_value(value).map_err(|error| {
        let problem: String = error.to_string().chars().take(200).collect();
        MediaError { code: 400, message: format!("{name} cannot be used: {problem}") }
    })
}

fn done<T>(dropped: T) -> Outcome {
    drop(dropped);
    Outcome::Done
}

fn finished(result: Result<(), RequestError>) -> Done {
    result.map(|()| Outcome::Done).map_err(failed)
}

pub(super) fn stats<T: Serialize>(result: Result<Vec<T>, RequestError>) -> Done {
    result.map(|stats| Outcome::Stats(json!(stats))).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes by value")]
fn failed(error: RequestError) -> MediaError {
    MediaError { code: 500, message: format!("the media worker refused: {error}") }
}

/// What the sender asked for cannot be had: its parameters do not fit.
pub(super) fn refused(error: impl std::error::Error) -> MediaError {
    let message: String = error.to_string().chars().take(300).collect();
    MediaError { code: 400, message }
}

pub(super) fn gone(what: &str) -> MediaError {
    MediaError { code: 404, message: format!("the {what} is gone") }
}

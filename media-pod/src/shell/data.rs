//! The room's handles of data channels, its bot, and the voices by which it speaks for participants that have no channels.
//!
//! The bot and the voices speak on a direct transport in this process; a listener beside each router hears what is for the bot and
//! what is to be kept of the chat.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use convene_protocol::message::{Channel, MAX_CHAT_TEXT};
use mediasoup::prelude::{
    DataConsumer, DataConsumerOptions, DataProducer, DataProducerOptions, DirectTransport, DirectTransportOptions,
    Router, SctpStreamParameters, Transport, WebRtcMessage,
};
use mediasoup::worker::RequestError;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::convert::{Done, done, failed, finished, gone, read, refused, report, stats};
use super::media::{MediaPlane, Owned};
use super::pipes::Pipes;
use super::sites::{HOME, SiteId, Sites};
use crate::metrics::{Counted, Metrics};
use crate::rate::{Bucket, Rate};
use crate::room::{
    CreatedDataConsumer, DataConsumerId, DataMessage, DataProducerId, MediaError, MediaEvent, Outcome, TransportId,
};

/// Longest message that the bot listens to, in bytes.
const BOT_ATTENTION: usize = 512;

/// Messages of one channel that the room is told of.
const EAR_RATE: Rate = Rate { per_second: 200, burst: 400 };

/// Every data channel of one room.
#[derive(Debug)]
pub(super) struct DataPlane {
    // Dropped in this order: children before parents.
    consumers: HashMap<DataConsumerId, Owned<DataConsumer>>,
    /// By what they listen to.
    ears: HashMap<DataProducerId, DataConsumer>,
    producers: HashMap<DataProducerId, Owned<DataProducer>>,
    voices: HashMap<DataProducerId, DataProducer>,
    bot: DataProducer,
    listeners: HashMap<SiteId, DirectTransport>,
    speaker: DirectTransport,
}

/// A data channel that a client wants to send on.
pub(super) struct NewChannel {
    pub(super) channel: Channel,
    pub(super) sctp_stream_parameters: Value,
    pub(super) label: String,
    pub(super) protocol: String,
}

impl DataPlane {
    /// The bot alone.
    pub(super) async fn new(home: &Router) -> Result<Self, RequestError> {
        let speaker = home.create_direct_transport(DirectTransportOptions::default()).await?;
        let bot = speaker.produce_data(spoken("bot")).await.map_err(|_| RequestError::ChannelClosed)?;
        Ok(Self {
            consumers: HashMap::new(),
            ears: HashMap::new(),
            producers: HashMap::new(),
            voices: HashMap::new(),
            bot,
            listeners: HashMap::new(),
            speaker,
        })
    }

    /// Hears what is sent on a channel, for the bot or for the chat's history.
    async fn listen(
        &mut self,
        sites: &Sites,
        site: SiteId,
        producer: &DataProducer,
        channel: Channel,
        events: &mpsc::UnboundedSender<MediaEvent>,
    ) -> Result<(), MediaError> {
        let listener = match self.listeners.entry(site) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let made = sites.router(site).create_direct_transport(DirectTransportOptions::default()).await;
                place.insert(made.map_err(failed)?)
            }
        };
        let ear = listener.consume_data(DataConsumerOptions::new_direct(producer.id(), None)).await.map_err(refused)?;
        let id = DataProducerId(producer.id().to_string());
        let (events, producer) = (events.clone(), id.clone());
        let (opened, rate) = (Instant::now(), Mutex::new(Bucket::full(EAR_RATE)));
        let on_message = ear.on_message(move |message| {
            // A flood is heard of, and ended by the room; it is not to fill the memory until then.
            let is_flood = !rate.lock().unwrap_or_else(PoisonError::into_inner).take(1, opened.elapsed());
            if !is_flood {
                report(&events, heard(channel, producer.clone(), message));
            }
        });
        on_message.detach();
        self.ears.insert(id, ear);
        Ok(())
    }

    pub(super) async fn create_voice(&mut self) -> Done {
        let voice = self.speaker.produce_data(spoken("chat")).await.map_err(refused)?;
        let id = DataProducerId(voice.id().to_string());
        self.voices.insert(id.clone(), voice);
        Ok(Outcome::DataProducer(id))
    }

    pub(super) fn say(&self, text: String) -> Done {
        send(&self.bot, text)
    }

    pub(super) fn say_with(&self, voice: &DataProducerId, text: String) -> Done {
        send(self.voices.get(voice).ok_or_else(|| gone("voice"))?, text)
    }

    /// Messages that come meanwhile are lost.
    pub(super) async fn pause(&self, id: &DataProducerId) -> Done {
        finished(self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle.pause().await)
    }

    pub(super) async fn resume(&self, id: &DataProducerId) -> Done {
        finished(self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle.resume().await)
    }

    pub(super) fn close_consumer(&mut self, id: &DataConsumerId) -> Outcome {
        done(self.consumers.remove(id))
    }

    pub(super) fn close_producer(&mut self, id: &DataProducerId, pipes: &mut Pipes) -> Outcome {
        self.ears.remove(id);
        pipes.drop_data_producer(id);
        done((self.voices.remove(id), self.producers.remove(id)))
    }

    /// Drops everything on a transport that is about to be dropped itself.
    pub(super) fn close_transport(&mut self, transport: &TransportId, pipes: &mut Pipes) {
        self.consumers.retain(|_, consumer| consumer.transport != *transport);
        for (id, _) in self.producers.extract_if(|_, producer| producer.transport == *transport) {
            self.ears.remove(&id);
            pipes.drop_data_producer(&id);
        }
    }

    pub(super) async fn producer_stats(&self, id: &DataProducerId) -> Done {
        let producer = &self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle;
        stats(producer.get_stats().await, "data-producer")
    }

    pub(super) async fn consumer_stats(&self, id: &DataConsumerId) -> Done {
        let consumer = &self.consumers.get(id).ok_or_else(|| gone("data consumer"))?.handle;
        stats(consumer.get_stats().await, "data-consumer")
    }

    /// What somebody wants to receive and where it comes from; without an id the bot's.
    fn source(&self, id: Option<&DataProducerId>) -> Result<(DataProducer, SiteId), MediaError> {
        let Some(id) = id else { return Ok((self.bot.clone(), HOME)) };
        if let Some(voice) = self.voices.get(id) {
            return Ok((voice.clone(), HOME));
        }
        let producer = self.producers.get(id).ok_or_else(|| gone("data producer"))?;
        Ok((producer.handle.clone(), producer.site))
    }
}

impl MediaPlane {
    pub(super) async fn produce_data(&mut self, on: &TransportId, wanted: NewChannel) -> Done {
        let parameters = usable_parameters(wanted.sctp_stream_parameters)?;
        let mut options = DataProducerOptions::new_sctp(parameters);
        options.label = wanted.label;
        options.protocol = wanted.protocol;
        let transport = self.transport(on)?;
        let site = transport.site;
        let handle = transport.as_transport().produce_data(options).await.map_err(refused)?;
        self.data.listen(&self.sites, site, &handle, wanted.channel, &self.events).await?;
        let id = DataProducerId(handle.id().to_string());
        let owned =
            Owned { handle, transport: on.clone(), site, _counted: counted(&self.metrics, "producer"), _carried: None };
        self.data.producers.insert(id.clone(), owned);
        Ok(Outcome::DataProducer(id))
    }

    pub(super) async fn consume_data(&mut self, on: &TransportId, producer: Option<&DataProducerId>) -> Done {
        let (source, from) = self.data.source(producer)?;
        let site = self.transport(on)?.site;
        self.pipes.bring_data(&self.sites, &source, from, site).await?;
        let options = DataConsumerOptions::new_sctp(source.id());
        let handle = self.transport(on)?.as_transport().consume_data(options).await.map_err(refused)?;
        let id = DataConsumerId(handle.id().to_string());
        let created = CreatedDataConsumer {
            id: id.clone(),
            producer: DataProducerId(source.id().to_string()),
            sctp_stream_parameters: json!(handle.sctp_stream_parameters()),
            label: handle.label().clone(),
            protocol: handle.protocol().clone(),
        };
        let owned =
            Owned { handle, transport: on.clone(), site, _counted: counted(&self.metrics, "consumer"), _carried: None };
        self.data.consumers.insert(id, owned);
        Ok(Outcome::DataConsumer(Box::new(created)))
    }
}

fn counted(metrics: &Metrics, object: &str) -> Counted {
    Counted::new(metrics.objects.with_label_values(&[object, "data"]))
}

fn spoken(label: &str) -> DataProducerOptions {
    let mut options = DataProducerOptions::new_direct();
    label.clone_into(&mut options.label);
    options
}

fn send(producer: &DataProducer, text: String) -> Done {
    let DataProducer::Direct(producer) = producer else { return Err(gone("voice")) };
    let message = WebRtcMessage::String(Cow::Owned(text.into_bytes()));
    producer.send(message, None, None, None).map(|()| Outcome::Done).map_err(refused)
}

fn heard(channel: Channel, producer: DataProducerId, message: &WebRtcMessage<'_>) -> MediaEvent {
    let bytes = match message {
        WebRtcMessage::String(text) => text.len(),
        WebRtcMessage::Binary(bytes) => bytes.len(),
        WebRtcMessage::EmptyString | WebRtcMessage::EmptyBinary => 0,
    };
    match channel {
        Channel::Bot => MediaEvent::BotMessage(DataMessage { producer, bytes, text: text_of(message, BOT_ATTENTION) }),
        Channel::Chat => {
            MediaEvent::ChatMessage(DataMessage { producer, bytes, text: text_of(message, MAX_CHAT_TEXT) })
        }
    }
}

/// Text that is not too long; nothing else is listened to.
fn text_of(message: &WebRtcMessage<'_>, longest: usize) -> Option<String> {
    match message {
        WebRtcMessage::String(text) if text.len() <= longest => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

/// Clients leave out what has a default.
fn usable_parameters(mut parameters: Value) -> Result<SctpStreamParameters, MediaError> {
    if let Some(fields) = parameters.as_object_mut() {
        let is_unreliable = fields.contains_key("maxPacketLifeTime") || fields.contains_key("maxRetransmits");
        fields.entry("ordered").or_insert(json!(!is_unreliable));
    }
    read(parameters, "sctpStreamParameters")
}

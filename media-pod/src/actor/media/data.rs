//! The room's data channels, its bot, and the data producers on which it sends on behalf of participants without data channels (voices).
//!
//! Bot and voices send on a direct transport in this process; a direct transport at each router receives messages for the bot and for
//! the chat history. The room interprets the messages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use convene_protocol::message::{Channel, MAX_CHAT_TEXT};
use convene_service::rate::{Rate, TokenBucket};
use mediasoup::prelude::{
    DataConsumer, DataConsumerOptions, DataProducer, DataProducerOptions, DirectTransport, DirectTransportOptions,
    Router, Transport, WebRtcMessage,
};
use mediasoup::worker::RequestError;
use serde_json::Value;
use tokio::sync::mpsc;

use super::convert::{MediaResult, done, failed, finished, gone, refused, report, stats};
use super::handles::Owned;
use super::pipes::Pipes;
use super::routers::{HOME, RouterId, Routers};
use crate::room::{
    DataConsumerId, DataMessage, DataProducerId, MediaError, MediaEvent, Outcome, PipeOutcome, PipedChannel,
    TransportId,
};

/// Maximum length of a message to the bot, in bytes.
const MAX_BOT_TEXT: usize = 512;

/// Maximum rate of messages of one channel that are passed on to the room.
const LISTEN_RATE: Rate = Rate { per_second: 200, burst: 400 };

/// All data channels of one room.
#[derive(Debug, Default)]
pub(super) struct DataPlane {
    // Dropped in this order: children before parents.
    pub(super) consumers: HashMap<DataConsumerId, Owned<DataConsumer>>,
    /// By the data producer that they receive from.
    taps: HashMap<DataProducerId, DataConsumer>,
    pub(super) producers: HashMap<DataProducerId, Owned<DataProducer>>,
    voices: HashMap<DataProducerId, DataProducer>,
    bot: Option<Bot>,
    listeners: HashMap<RouterId, DirectTransport>,
}

/// The bot, and the transport on which it and the voices send.
#[derive(Debug)]
struct Bot {
    // Dropped first.
    producer: DataProducer,
    transport: DirectTransport,
}

/// A client's request for a data producer.
pub(super) struct NewChannel {
    pub(super) channel: Channel,
    pub(super) sctp_stream_parameters: Value,
    pub(super) label: String,
    pub(super) protocol: String,
}

impl DataPlane {
    /// Creates the bot.
    pub(super) async fn open(&mut self, home: &Router) -> Result<(), RequestError> {
        let transport = home.create_direct_transport(DirectTransportOptions::default()).await?;
        let producer = transport
            .produce_data(spoken("bot".to_owned(), String::new()))
            .await
            .map_err(|_| RequestError::ChannelClosed)?;
        self.bot = Some(Bot { producer, transport });
        Ok(())
    }

    /// Drops the bot and the transports of this process. All channels must have been closed.
    pub(super) fn close(&mut self) {
        self.listeners.clear();
        self.bot = None;
    }

    /// Whether voices send on the bot's transport.
    pub(super) fn has_voices(&self) -> bool {
        !self.voices.is_empty()
    }

    fn bot(&self) -> Result<&Bot, MediaError> {
        self.bot.as_ref().ok_or_else(|| gone("bot"))
    }

    /// Receives the messages of a channel, for the bot or the chat history.
    pub(super) async fn listen(
        &mut self,
        routers: &Routers,
        router: RouterId,
        producer: &DataProducer,
        channel: Channel,
        events: &mpsc::UnboundedSender<Box<MediaEvent>>,
    ) -> Result<(), MediaError> {
        let listener = match self.listeners.entry(router) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(entry) => {
                let created = routers.router(router).create_direct_transport(DirectTransportOptions::default()).await;
                entry.insert(created.map_err(failed)?)
            }
        };
        let tap = listener.consume_data(DataConsumerOptions::new_direct(producer.id(), None)).await.map_err(refused)?;
        let id = DataProducerId(producer.id().to_string());
        let (events, producer) = (events.clone(), id.clone());
        let (opened, rate) = (Instant::now(), Mutex::new(TokenBucket::full(LISTEN_RATE)));
        let on_message = tap.on_message(move |message| {
            // The room ends a flood; until then it must not fill the memory.
            let is_flood = !rate.lock().unwrap_or_else(PoisonError::into_inner).take(1, opened.elapsed());
            if !is_flood {
                report(&events, message_event(channel, producer.clone(), message));
            }
        });
        on_message.detach();
        self.taps.insert(id, tap);
        Ok(())
    }

    pub(super) async fn create_voice(&mut self) -> MediaResult {
        self.create_mirror("chat".to_owned(), String::new()).await
    }

    /// A data producer of this process, with these names.
    pub(super) async fn create_mirror(&mut self, label: String, protocol: String) -> MediaResult {
        let voice = self.bot()?.transport.produce_data(spoken(label, protocol)).await.map_err(refused)?;
        let id = DataProducerId(voice.id().to_string());
        self.voices.insert(id.clone(), voice);
        Ok(Outcome::DataProducer(id))
    }

    pub(super) fn say(&self, text: String) -> MediaResult {
        send(&self.bot()?.producer, text)
    }

    pub(super) fn say_with(&self, voice: &DataProducerId, text: String) -> MediaResult {
        send(self.voices.get(voice).ok_or_else(|| gone("voice"))?, text)
    }

    /// Messages sent while it is paused are lost.
    pub(super) async fn pause(&self, id: &DataProducerId) -> MediaResult {
        finished(self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle.pause().await)
    }

    pub(super) async fn resume(&self, id: &DataProducerId) -> MediaResult {
        finished(self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle.resume().await)
    }

    pub(super) fn close_consumer(&mut self, id: &DataConsumerId) -> Outcome {
        done(self.consumers.remove(id))
    }

    pub(super) fn close_producer(&mut self, id: &DataProducerId, pipes: &mut Pipes) -> Outcome {
        self.taps.remove(id);
        pipes.drop_data_producer(id);
        done((self.voices.remove(id), self.producers.remove(id)))
    }

    /// Drops everything on a transport that is about to be dropped.
    pub(super) fn close_transport(&mut self, transport: &TransportId, pipes: &mut Pipes) {
        self.consumers.retain(|_, consumer| consumer.transport != *transport);
        for (id, _) in self.producers.extract_if(|_, producer| producer.transport == *transport) {
            self.taps.remove(&id);
            pipes.drop_data_producer(&id);
        }
    }

    pub(super) async fn producer_stats(&self, id: &DataProducerId) -> MediaResult {
        let producer = &self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle;
        stats(producer.get_stats().await, "data-producer")
    }

    pub(super) async fn consumer_stats(&self, id: &DataConsumerId) -> MediaResult {
        let consumer = &self.consumers.get(id).ok_or_else(|| gone("data consumer"))?.handle;
        stats(consumer.get_stats().await, "data-consumer")
    }

    /// The description of a data producer that another site needs.
    pub(super) fn describe(&self, id: &DataProducerId) -> MediaResult {
        let transport = self.producers.get(id).map(|producer| producer.transport.clone());
        let (source, _) = self.source(Some(id))?;
        let (label, protocol) = (source.label().clone(), source.protocol().clone());
        Ok(Outcome::Pipe(PipeOutcome::Channel(PipedChannel { label, protocol, transport })))
    }

    /// A data producer and its router; without an id, that of the bot.
    pub(super) fn source(&self, id: Option<&DataProducerId>) -> Result<(DataProducer, RouterId), MediaError> {
        let Some(id) = id else { return Ok((self.bot()?.producer.clone(), HOME)) };
        if let Some(voice) = self.voices.get(id) {
            return Ok((voice.clone(), HOME));
        }
        let producer = self.producers.get(id).ok_or_else(|| gone("data producer"))?;
        Ok((producer.handle.clone(), producer.router))
    }
}

fn spoken(label: String, protocol: String) -> DataProducerOptions {
    let mut options = DataProducerOptions::new_direct();
    (options.label, options.protocol) = (label, protocol);
    options
}

fn send(producer: &DataProducer, text: String) -> MediaResult {
    let DataProducer::Direct(producer) = producer else { return Err(gone("voice")) };
    let message = WebRtcMessage::String(Cow::Owned(text.into_bytes()));
    producer.send(message, None, None, None).map(|()| Outcome::Done).map_err(refused)
}

fn message_event(channel: Channel, producer: DataProducerId, message: &WebRtcMessage<'_>) -> MediaEvent {
    let bytes = match message {
        WebRtcMessage::String(text) => text.len(),
        WebRtcMessage::Binary(bytes) => bytes.len(),
        WebRtcMessage::EmptyString | WebRtcMessage::EmptyBinary => 0,
    };
    match channel {
        Channel::Bot => MediaEvent::BotMessage(DataMessage { producer, bytes, text: text_of(message, MAX_BOT_TEXT) }),
        Channel::Chat => {
            MediaEvent::ChatMessage(DataMessage { producer, bytes, text: text_of(message, MAX_CHAT_TEXT) })
        }
    }
}

/// The text of a message; `None` if it is binary, not UTF-8 or too long.
fn text_of(message: &WebRtcMessage<'_>, longest: usize) -> Option<String> {
    match message {
        WebRtcMessage::String(text) if text.len() <= longest => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

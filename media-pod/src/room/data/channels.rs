//! Data producers and consumers: creating them, offering them to their receivers, and closing them.

use std::time::Duration;

use convene_protocol::message::{
    Channel, DataConsumerAppData, DataConsumerRef, NewDataConsumer, ServerNotification, ServerRequest,
};

use super::state::{DataChannels, PeerChannels};
use super::voice::{VOICE_CHANNEL, Voice};
use crate::room::answer::Refusal;
use crate::room::effects::Effects;
use crate::room::interface::context::Context;
use crate::room::interface::ids::{ConnectionId, DataConsumerId, DataProducerId, PeerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::interface::outcome::CreatedDataConsumer;
use crate::room::interface::settings::MeetingSettings;
use crate::room::people::offers::Offered;
use crate::room::people::peer::Peer;
use crate::room::people::permissions::{check_channel, check_data};
use crate::room::people::seats::Seats;
use crate::room::tracks::Tracks;

impl DataChannels {
    /// The transport to send on, unless state, permissions, ownership or a limit forbids it.
    pub(crate) fn check_produce(
        &self,
        id: &PeerId,
        transport: &str,
        channel: Channel,
        (seats, tracks, settings): (&Seats, &Tracks, &MeetingSettings),
    ) -> Result<TransportId, Refusal> {
        check_channel(settings, channel)?;
        let existing: usize = self.peers.values().map(|channels| channels.producers.len()).sum();
        let in_room = existing + self.coming.producers();
        Refusal::too_many(in_room, self.limits.data_producers, "data producers in the meeting")?;
        let peer = seats.joined(id)?;
        check_data(&peer.grant)?;
        let transport = tracks.transport(id, transport)?;
        let own = self.counts(id).data_producers + self.coming.producers_of(peer.connection);
        Refusal::too_many(own, self.limits.data_producers_per_peer, "data producers per participant")
            .map(|()| transport)
    }

    /// Counts a data producer that is about to be requested.
    pub(crate) fn begin_producer(&mut self, connection: ConnectionId) {
        self.coming.add_producer(connection);
    }

    /// The outcome of a data producer's creation has come.
    pub(crate) fn end_producer(&mut self, connection: ConnectionId) {
        self.coming.remove_producer(connection);
    }

    /// Records a data producer that was created; it is not offered yet.
    pub(crate) fn add_producer(
        &mut self,
        id: &PeerId,
        producer: &DataProducerId,
        channel: Channel,
        effects: &mut Effects,
    ) {
        let Some(channels) = self.peers.get_mut(id) else { return };
        channels.producers.insert(producer.clone(), channel);
        if channels.throttled.is_some() {
            effects.run(Operation::PauseDataProducer(producer.clone()));
        }
    }

    /// Offers a participant's chat channel to all others.
    pub(crate) fn offer_to_all(
        &mut self,
        sender: &PeerId,
        producer: &DataProducerId,
        seats: &Seats,
        tracks: &Tracks,
        effects: &mut Effects,
    ) {
        for (receiver, peer) in seats.iter().filter(|(id, _)| *id != sender) {
            self.consume((receiver, peer), Some(producer), tracks, effects);
        }
    }

    /// Offers a newcomer the bot's messages and the chat channels of all others. Messages for the bot are offered to no client.
    pub(crate) fn offer_all_to(&mut self, receiver: &PeerId, seats: &Seats, tracks: &Tracks, effects: &mut Effects) {
        let Some(peer) = seats.get(receiver) else { return };
        self.consume((receiver, peer), None, tracks, effects);
        let others = self.peers.iter().filter(|(id, _)| *id != receiver);
        let channels = others.flat_map(|(_, channels)| &channels.producers);
        let chats: Vec<_> =
            channels.filter(|(_, channel)| **channel == Channel::Chat).map(|(id, _)| id.clone()).collect();
        for producer in &chats {
            self.consume((receiver, peer), Some(producer), tracks, effects);
        }
    }

    fn consume(
        &mut self,
        (receiver, peer): (&PeerId, &Peer),
        producer: Option<&DataProducerId>,
        tracks: &Tracks,
        effects: &mut Effects,
    ) {
        // Viewers get the chat by signaling only.
        let is_participant = peer.joined.is_some() && !peer.is_broadcaster && !peer.grant.viewer;
        let may_receive = is_participant && peer.grant.subscribe;
        let Some(transport) = tracks.receiving_transport(receiver).filter(|_| may_receive).cloned() else { return };
        let Some(channels) = self.peers.get(receiver) else { return };
        let is_received = channels.consumers.values().any(|of| of.as_ref() == producer);
        if is_received || self.coming.has_consumer(peer.connection, producer) {
            return;
        }
        let (connection, producer) = (peer.connection, producer.cloned());
        self.coming.add_consumer(connection, producer.clone(), effects.now);
        let context = Context::ConsumeData { connection, transport: transport.clone(), producer: producer.clone() };
        effects.run_for(Operation::ConsumeData { transport, producer }, context);
    }

    /// Counts the data consumer that a broadcaster requests. It gets one for each data producer.
    pub(crate) fn begin_consumer(
        &mut self,
        (receiver, connection): (&PeerId, ConnectionId),
        producer: &DataProducerId,
        now: Duration,
    ) -> Result<(), Refusal> {
        let consumers = self.peers.get(receiver).into_iter().flat_map(|channels| channels.consumers.values());
        let has_one = consumers.into_iter().any(|of| of.as_ref() == Some(producer));
        if has_one || self.coming.has_consumer(connection, Some(producer)) {
            return Err(Refusal(409, "it receives this data producer already".into()));
        }
        self.coming.add_consumer(connection, Some(producer.clone()), now);
        Ok(())
    }

    /// The outcome of a data consumer's creation has come.
    pub(crate) fn end_consumer(&mut self, connection: ConnectionId, producer: Option<&DataProducerId>) {
        self.coming.remove_consumer(connection, producer);
    }

    /// Offers a data consumer that was created; it is closed if its sender or receiver has left in the meantime.
    pub(crate) fn offer_consumer(
        &mut self,
        connection: ConnectionId,
        transport: &TransportId,
        producer: Option<DataProducerId>,
        created: CreatedDataConsumer,
        seats: &mut Seats,
        effects: &mut Effects,
    ) {
        let sender = producer.as_ref().and_then(|producer| self.owner_of(producer)).cloned();
        let is_orphan = producer.is_some() && sender.is_none();
        let Some((id, peer)) = seats.on_mut(connection).filter(|_| !is_orphan) else {
            return effects.run(Operation::CloseDataConsumer(created.id));
        };
        let request = peer.offers.add(Offered::DataConsumer(created.id.clone()), effects.now);
        self.add_consumer(id, created.id.clone(), producer);
        let offer = offer_of(sender, transport, created);
        effects.request(connection, request, ServerRequest::NewDataConsumer(Box::new(offer)));
    }

    pub(crate) fn add_consumer(&mut self, receiver: &PeerId, id: DataConsumerId, producer: Option<DataProducerId>) {
        if let Some(channels) = self.peers.get_mut(receiver) {
            channels.consumers.insert(id, producer);
        }
    }

    /// The client has accepted a data consumer, whose messages flow from the start, or has declined it.
    pub(crate) fn on_consumer_answered(
        &mut self,
        receiver: &PeerId,
        consumer: DataConsumerId,
        is_accepted: bool,
        effects: &mut Effects,
    ) {
        if is_accepted {
            return;
        }
        if let Some(channels) = self.peers.get_mut(receiver) {
            channels.consumers.remove(&consumer);
        }
        effects.run(Operation::CloseDataConsumer(consumer));
    }

    fn close_consumers_of(&mut self, producer: &DataProducerId, seats: &mut Seats, effects: &mut Effects) {
        for (id, channels) in &mut self.peers {
            let Some(peer) = seats.get_mut(id) else { continue };
            for (consumer, _) in channels.consumers.extract_if(.., |_, of| of.as_ref() == Some(producer)) {
                peer.offers.withdraw(&Offered::DataConsumer(consumer.clone()));
                let notification = DataConsumerRef { data_consumer_id: consumer.0.clone() };
                effects.notify(peer.connection, ServerNotification::DataConsumerClosed(notification));
                effects.run(Operation::CloseDataConsumer(consumer));
            }
        }
    }

    /// Closes the data producers of a participant that may no longer send messages.
    pub(crate) fn close_producers_of(&mut self, id: &PeerId, seats: &mut Seats, effects: &mut Effects) {
        let Some(channels) = self.peers.get_mut(id) else { return };
        channels.voice = Voice::None;
        for producer in std::mem::take(&mut channels.producers).into_keys() {
            self.close_consumers_of(&producer, seats, effects);
            effects.run(Operation::CloseDataProducer(producer));
        }
    }

    /// Removes a peer that leaves and closes its voice, which is not on one of its transports; the other channels end with its transports.
    pub(crate) fn remove_peer(&mut self, id: &PeerId, seats: &mut Seats, effects: &mut Effects) {
        let Some(PeerChannels { producers, voice, .. }) = self.peers.remove(id) else { return };
        for producer in producers.keys() {
            self.close_consumers_of(producer, seats, effects);
        }
        if let Some(voice) = voice.producer() {
            effects.run(Operation::CloseDataProducer(voice.clone()));
        }
    }

    /// Closes the voices of a room that ends: they are on no transport of a participant.
    pub(crate) fn close_voices(&self, effects: &mut Effects) {
        for voice in self.peers.values().filter_map(|channels| channels.voice.producer()) {
            effects.run(Operation::CloseDataProducer(voice.clone()));
        }
    }

    /// Sends a text to participants with data channels, on a channel that the room creates for the sender.
    pub(crate) fn say(&mut self, id: &PeerId, text: String, connection: ConnectionId, effects: &mut Effects) {
        let Some(channels) = self.peers.get_mut(id) else { return };
        // One that is no longer needed may still be on its way; it will be used.
        if channels.voice.say(text, effects) && self.coming.add_voice(connection) {
            effects.run_for(Operation::CreateVoice, Context::Voice { connection });
        }
    }

    /// The outcome of a voice's creation has come.
    pub(crate) fn end_voice(&mut self, connection: ConnectionId) {
        self.coming.remove_voice(connection);
    }

    /// Records a voice that was created, and offers it to the others. It is closed if its participant may no longer send messages.
    pub(crate) fn on_voice_created(
        &mut self,
        id: &PeerId,
        created: &DataProducerId,
        seats: &Seats,
        tracks: &Tracks,
        effects: &mut Effects,
    ) {
        let channels = self.peers.get_mut(id).filter(|channels| channels.voice.is_awaited());
        let Some(channels) = channels else { return effects.run(Operation::CloseDataProducer(created.clone())) };
        channels.voice.note_created(created);
        channels.producers.insert(created.clone(), VOICE_CHANNEL);
        self.offer_to_all(id, created, seats, tracks, effects);
        // If there is no receiver, it is ready immediately.
        self.speak(seats, effects);
    }

    pub(crate) fn on_voice_failed(&mut self, id: &PeerId) {
        if let Some(channels) = self.peers.get_mut(id) {
            channels.voice.note_failed();
        }
    }

    /// Lets those voices speak that all receivers have got and accepted: a browser loses messages on a channel that it does not know yet. A
    /// receiver that does not answer, or whose site does not, delays the others for a limited time.
    pub(crate) fn speak(&mut self, seats: &Seats, effects: &mut Effects) {
        // Called for every answer of a client; finding out what they have yet to accept takes longer than the rest of it.
        if !self.peers.values().any(|channels| channels.voice.waits_for_receivers()) {
            return;
        }
        let awaited = self.awaited_producers(seats, effects);
        for channels in self.peers.values_mut() {
            channels.voice.make_ready(|producer| awaited.contains(producer), effects);
        }
    }

    /// The data producers that were offered to a client that may still accept them.
    fn awaited_producers(&self, seats: &Seats, effects: &Effects) -> Vec<DataProducerId> {
        let (now, limit) = (effects.now, self.limits.answer_timeout);
        let coming = self.coming.recently_consumed(now, limit).cloned();
        let of_peer = |(id, peer): (&PeerId, &Peer)| {
            let channels = self.peers.get(id)?;
            let awaited = peer.offers.recent_data_consumers(now, limit);
            Some(awaited.filter_map(|id| channels.consumers.get(id).cloned().flatten()).collect::<Vec<_>>())
        };
        seats.iter().filter_map(of_peer).flatten().chain(coming).collect()
    }
}

fn offer_of(sender: Option<PeerId>, transport: &TransportId, created: CreatedDataConsumer) -> NewDataConsumer {
    let peer_id = sender.map(|sender| sender.0);
    let channel = if peer_id.is_some() { Channel::Chat } else { Channel::Bot };
    NewDataConsumer {
        peer_id: peer_id.clone(),
        transport_id: transport.0.clone(),
        data_consumer_id: created.id.0.clone(),
        id: created.id.0,
        data_producer_id: created.producer.0,
        sctp_stream_parameters: created.sctp_stream_parameters,
        label: created.label,
        protocol: created.protocol,
        app_data: DataConsumerAppData { peer_id, channel },
    }
}

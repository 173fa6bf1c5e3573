//! Data producers and consumers: creating them, offering them to their receivers, and closing them.

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
        let in_room = self.peers.values().map(|channels| channels.producers.len()).sum();
        Refusal::too_many(in_room, self.limits.data_producers, "data producers in the meeting")?;
        check_data(&seats.joined(id)?.grant)?;
        let transport = tracks.transport(id, transport)?;
        let (own, limit) = (self.counts(id).data_producers, self.limits.data_producers_per_peer);
        Refusal::too_many(own, limit, "data producers per participant").map(|()| transport)
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
        &self,
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
    pub(crate) fn offer_all_to(&self, receiver: &PeerId, seats: &Seats, tracks: &Tracks, effects: &mut Effects) {
        let Some(peer) = seats.get(receiver) else { return };
        self.consume((receiver, peer), None, tracks, effects);
        let others = self.peers.iter().filter(|(id, _)| *id != receiver);
        let channels = others.flat_map(|(_, channels)| &channels.producers);
        for (producer, _) in channels.filter(|(_, channel)| **channel == Channel::Chat) {
            self.consume((receiver, peer), Some(producer), tracks, effects);
        }
    }

    fn consume(
        &self,
        (receiver, peer): (&PeerId, &Peer),
        producer: Option<&DataProducerId>,
        tracks: &Tracks,
        effects: &mut Effects,
    ) {
        let may_receive = peer.joined.is_some() && !peer.is_broadcaster && peer.grant.subscribe;
        let Some(transport) = tracks.receiving_transport(receiver).filter(|_| may_receive).cloned() else { return };
        let Some(channels) = self.peers.get(receiver) else { return };
        if channels.consumers.values().any(|of| of.as_ref() == producer) {
            return;
        }
        let (connection, producer) = (peer.connection, producer.cloned());
        let context = Context::ConsumeData { connection, transport: transport.clone(), producer: producer.clone() };
        effects.run_for(Operation::ConsumeData { transport, producer }, context);
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

    /// Sends a text to participants with data channels, on a channel that the room creates for the sender.
    pub(crate) fn say(&mut self, id: &PeerId, text: String, connection: ConnectionId, effects: &mut Effects) {
        if let Some(channels) = self.peers.get_mut(id) {
            channels.voice.say(text, connection, effects);
        }
    }

    /// Records a voice that was created, and offers it to the others.
    pub(crate) fn on_voice_created(
        &mut self,
        id: &PeerId,
        created: &DataProducerId,
        seats: &Seats,
        tracks: &Tracks,
        effects: &mut Effects,
    ) {
        if let Some(channels) = self.peers.get_mut(id) {
            channels.producers.insert(created.clone(), VOICE_CHANNEL);
            channels.voice.note_created(created);
        }
        self.offer_to_all(id, created, seats, tracks, effects);
        // Completes after the offers were made: if there was no receiver to offer it to, it is ready immediately.
        effects.run_for(Operation::Settle, Context::VoiceOffered);
    }

    pub(crate) fn on_voice_failed(&mut self, id: &PeerId) {
        if let Some(channels) = self.peers.get_mut(id) {
            channels.voice = Voice::None;
        }
    }

    /// Lets those voices speak that all receivers have accepted: a browser loses messages on a channel that it does not know yet. A
    /// receiver that does not answer delays the others for a limited time.
    pub(crate) fn speak(&mut self, seats: &Seats, effects: &mut Effects) {
        let awaited = self.awaited_producers(seats, effects);
        for channels in self.peers.values_mut() {
            channels.voice.make_ready(|producer| awaited.contains(producer), effects);
        }
    }

    /// The data producers that were offered to a client that may still accept them.
    fn awaited_producers(&self, seats: &Seats, effects: &Effects) -> Vec<DataProducerId> {
        let (now, limit) = (effects.now, self.limits.answer_timeout);
        let of_peer = |(id, peer): (&PeerId, &Peer)| {
            let channels = self.peers.get(id)?;
            let awaited = peer.offers.recent_data_consumers(now, limit);
            Some(awaited.filter_map(|id| channels.consumers.get(id).cloned().flatten()).collect::<Vec<_>>())
        };
        seats.iter().filter_map(of_peer).flatten().collect()
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

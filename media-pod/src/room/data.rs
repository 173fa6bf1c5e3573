//! Data channels: everybody's to everybody, and the bot's. What is said on them is [`super::chatting`]'s.

use std::time::Duration;

use convene_protocol::message::{
    Channel, DataConsumerAppData, DataConsumerRef, Direction, NewDataConsumer, ProduceDataAnswer, ServerNotification,
    ServerRequest,
};
use serde_json::json;

use super::command::{Asker, Context, CreatedDataConsumer};
use super::effect::{Effect, Operation, Outgoing};
use super::ids::{ConnectionId, DataProducerId, PeerId, TransportId};
use super::peer::Offered;
use super::{Effects, Room};

impl Room {
    pub(super) fn note_data_producer(
        &mut self,
        asker: Asker,
        channel: Channel,
        producer: &DataProducerId,
        effects: &mut Effects,
    ) {
        // Gone meanwhile: it ended with its transport.
        let Some((peer_id, peer)) = self.peer_of(asker.peer) else { return };
        let peer_id = peer_id.clone();
        peer.data_producers.insert(producer.clone(), channel);
        if peer.throttled.is_some() {
            effects.run(Operation::PauseDataProducer(producer.clone()));
        }
        let answer = ProduceDataAnswer { data_producer_id: producer.0.clone(), id: producer.0.clone() };
        effects.succeed(asker, json!(answer));
        if channel == Channel::Chat {
            self.offer_data(&peer_id, producer, effects);
        }
    }

    /// Offers somebody's chat to the others.
    pub(super) fn offer_data(&mut self, sender: &PeerId, producer: &DataProducerId, effects: &mut Effects) {
        for other in self.all_but(sender) {
            self.consume_data(&other, Some(producer.clone()), effects);
        }
    }

    /// Offers the bot's messages and everybody's chat. What is for the bot goes to nobody else.
    pub(super) fn consume_all_data(&mut self, receiver: &PeerId, effects: &mut Effects) {
        self.consume_data(receiver, None, effects);
        let others = self.peers.iter().filter(|(id, _)| *id != receiver);
        let all = others.flat_map(|(_, peer)| &peer.data_producers);
        let of_chat = all.filter(|(_, channel)| **channel == Channel::Chat);
        let producers: Vec<DataProducerId> = of_chat.map(|(producer, _)| producer.clone()).collect();
        for producer in producers {
            self.consume_data(receiver, Some(producer), effects);
        }
    }

    fn consume_data(&mut self, receiver: &PeerId, producer: Option<DataProducerId>, effects: &mut Effects) {
        let Some(peer) = self.peers.get(receiver).filter(|peer| !peer.is_broadcaster) else { return };
        let (Some(_), Some(transport)) = (&peer.joined, peer.transport(Direction::Consumer)) else { return };
        if !peer.grant.subscribe {
            return;
        }
        if peer.data_consumers.values().any(|of| *of == producer) {
            return;
        }
        let transport = transport.clone();
        let context = Context::ConsumeData {
            connection: peer.connection,
            transport: transport.clone(),
            producer: producer.clone(),
        };
        effects.run_for(Operation::ConsumeData { transport, producer }, context);
    }

    pub(super) fn note_data_consumer(
        &mut self,
        connection: ConnectionId,
        transport: &TransportId,
        producer: Option<DataProducerId>,
        created: CreatedDataConsumer,
        now: Duration,
        effects: &mut Effects,
    ) {
        let sender = producer.as_ref().and_then(|producer| self.owner_of_data_producer(producer)).cloned();
        let is_orphan = producer.is_some() && sender.is_none();
        let receiver = self.peer_of(connection).filter(|_| !is_orphan);
        let Some((_, peer)) = receiver else {
            effects.run(Operation::CloseDataConsumer(created.id));
            return;
        };
        peer.data_consumers.insert(created.id.clone(), producer);
        let request = peer.offer(Offered::DataConsumer(created.id.clone()), now);
        let asked = ServerRequest::NewDataConsumer(Box::new(offer(sender, transport, created)));
        effects.0.push(Effect::Send(connection, Outgoing::Request(request, asked)));
    }

    pub(super) fn close_data_consumers_of(&mut self, producer: &DataProducerId, effects: &mut Effects) {
        for peer in self.peers.values_mut() {
            let gone = peer.data_consumers.extract_if(.., |_, of| of.as_ref() == Some(producer));
            for (consumer, _) in gone {
                peer.offers.retain(|_, offer| offer.offered != Offered::DataConsumer(consumer.clone()));
                let told = DataConsumerRef { data_consumer_id: consumer.0.clone() };
                effects.tell(peer.connection, ServerNotification::DataConsumerClosed(told));
                effects.run(Operation::CloseDataConsumer(consumer));
            }
        }
    }

    pub(super) fn note_data_consumer_for(
        &mut self,
        asker: Asker,
        producer: &DataProducerId,
        created: CreatedDataConsumer,
        effects: &mut Effects,
    ) {
        let Some((_, peer)) = self.peer_of(asker.peer) else {
            effects.run(Operation::CloseDataConsumer(created.id));
            return;
        };
        let id = created.id.0.clone();
        peer.data_consumers.insert(created.id, Some(producer.clone()));
        let stream = created.sctp_stream_parameters["streamId"].clone();
        effects.succeed(asker, json!({ "dataConsumerId": id, "id": id, "streamId": stream }));
    }

    pub(super) fn owner_of_data_producer(&self, producer: &DataProducerId) -> Option<&PeerId> {
        self.peers.iter().find(|(_, peer)| peer.data_producers.contains_key(producer)).map(|(id, _)| id)
    }
}

fn offer(sender: Option<PeerId>, transport: &TransportId, created: CreatedDataConsumer) -> NewDataConsumer {
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

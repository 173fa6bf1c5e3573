//! What came of the operations: notes what the media plane made, answers who waits, and offers streams to the others.

use std::time::Duration;

use convene_protocol::message::{
    ConsumerAppData, Direction, IceParametersAnswer, MediaKind, NewConsumer, ProduceAnswer, ScoreOf,
    ServerNotification, ServerRequest, Source, StatsAnswer, TransportAnswer,
};
use serde_json::{Value, json};

use super::command::{Context, CreatedConsumer, CreatedTransport, MediaError, Outcome};
use super::effect::{Effect, Operation, Outgoing};
use super::ids::{ConnectionId, PeerId, ProducerId, TransportId};
use super::peer::{ConsumerState, Offered, ProducerState, TransportState};
use super::{Effects, Room};

impl Room {
    pub(super) fn media_done(
        &mut self,
        context: Context,
        outcome: Result<Outcome, MediaError>,
        now: Duration,
        effects: &mut Effects,
    ) {
        match (context, outcome) {
            (Context::CreateTransport { connection, id, direction }, Ok(Outcome::Transport(created))) => {
                self.note_transport(connection, id, direction, *created, now, effects);
            }
            (Context::Produce { connection, id, kind, source }, Ok(Outcome::Producer(producer))) => {
                self.note_producer(connection, id, kind, source, producer, effects);
            }
            (Context::Consume { connection, transport, producer }, Ok(Outcome::Consumer(created))) => {
                self.note_consumer(connection, &transport, &producer, *created, now, effects);
            }
            (Context::ProduceData { connection, id, channel }, Ok(Outcome::DataProducer(producer))) => {
                self.note_data_producer(connection, id, channel, &producer, effects);
            }
            (Context::ConsumeData { connection, transport, producer }, Ok(Outcome::DataConsumer(created))) => {
                self.note_data_consumer(connection, &transport, producer, *created, now, effects);
            }
            (Context::Request { connection, id }, Ok(outcome)) => self.answer(connection, id, outcome, effects),
            (
                Context::Request { connection, id }
                | Context::CreateTransport { connection, id, .. }
                | Context::Produce { connection, id, .. }
                | Context::ProduceData { connection, id, .. },
                Err(error),
            ) => effects.fail(connection, id, error.code, error.message),
            // A consumer that cannot be made is one stream less; the shell has logged why.
            (
                Context::Consume { .. }
                | Context::ConsumeData { .. }
                | Context::None
                | Context::CreateTransport { .. }
                | Context::Produce { .. }
                | Context::ProduceData { .. },
                _,
            ) => {}
        }
    }

    fn note_transport(
        &mut self,
        connection: ConnectionId,
        id: u64,
        direction: Direction,
        created: CreatedTransport,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Some((peer_id, peer)) = self.peer_of(connection) else {
            effects.run(Operation::CloseTransport(created.id));
            return;
        };
        let peer_id = peer_id.clone();
        peer.transports.insert(created.id.clone(), TransportState { direction, since: now, lost_since: None });
        effects.succeed(connection, id, json!(transport_answer(created)));
        // A client that makes its receiving transport after joining gets its consumers now.
        if direction == Direction::Consumer && peer.joined.is_some() {
            self.consume_everything(&peer_id, effects);
        }
    }

    fn note_producer(
        &mut self,
        connection: ConnectionId,
        id: u64,
        kind: MediaKind,
        source: Source,
        producer: ProducerId,
        effects: &mut Effects,
    ) {
        let Some((peer_id, peer)) = self.peer_of(connection) else {
            effects.run(Operation::CloseProducer(producer));
            return;
        };
        let peer_id = peer_id.clone();
        peer.producers.insert(producer.clone(), ProducerState { kind, source, is_paused: false });
        effects.succeed(
            connection,
            id,
            json!(ProduceAnswer { producer_id: producer.0.clone(), id: producer.0.clone() }),
        );
        let others: Vec<PeerId> = self.peers.keys().filter(|other| **other != peer_id).cloned().collect();
        for other in others {
            self.consume(&other, &producer, effects);
        }
    }

    fn note_consumer(
        &mut self,
        connection: ConnectionId,
        transport: &TransportId,
        producer: &ProducerId,
        created: CreatedConsumer,
        now: Duration,
        effects: &mut Effects,
    ) {
        let offer = self.offer_of(transport, producer, &created);
        let receiver = self.peer_of(connection);
        let (Some(offer), Some((_, peer))) = (offer, receiver) else {
            effects.run(Operation::CloseConsumer(created.id));
            return;
        };
        peer.consumers.insert(created.id.clone(), ConsumerState { producer: producer.clone(), score: created.score });
        let request = peer.offer(Offered::Consumer(created.id), now);
        let asked = ServerRequest::NewConsumer(Box::new(offer));
        effects.0.push(Effect::Send(connection, Outgoing::Request(request, asked)));
    }

    fn offer_of(
        &self,
        transport: &TransportId,
        producer: &ProducerId,
        created: &CreatedConsumer,
    ) -> Option<NewConsumer> {
        let (sender, peer) = self.owner_of_producer(producer)?;
        let state = peer.producers.get(producer)?;
        let share = (state.source == Source::Screensharing).then_some(true);
        Some(NewConsumer {
            peer_id: sender.0.clone(),
            transport_id: transport.0.clone(),
            consumer_id: created.id.0.clone(),
            id: created.id.0.clone(),
            producer_id: producer.0.clone(),
            kind: state.kind,
            rtp_parameters: created.rtp_parameters.clone(),
            consumer_type: created.consumer_type.clone(),
            producer_paused: state.is_paused,
            consumer_score: created.score.clone(),
            app_data: ConsumerAppData { peer_id: sender.0.clone(), source: state.source, share },
        })
    }

    /// The client has accepted or refused an offered consumer.
    pub(super) fn answered(&mut self, connection: ConnectionId, id: u64, is_ok: bool, effects: &mut Effects) {
        let Some((_, peer)) = self.peer_of(connection) else { return };
        let Some(offer) = peer.offers.remove(&id) else { return };
        match offer.offered {
            Offered::Consumer(consumer) if is_ok => {
                let score = peer.consumers.get(&consumer).map(|state| state.score.clone()).unwrap_or_default();
                let told = ScoreOf { consumer_id: consumer.0.clone(), score };
                effects.run(Operation::ResumeConsumer(consumer));
                effects.tell(connection, ServerNotification::ConsumerScore(told));
            }
            // Messages flow from the start.
            Offered::DataConsumer(_) if is_ok => {}
            refused => effects.run(peer.drop_offered(refused)),
        }
    }

    fn answer(&mut self, connection: ConnectionId, id: u64, outcome: Outcome, effects: &mut Effects) {
        let wraps_stats = self.peer_of(connection).is_some_and(|(_, peer)| peer.wraps_stats);
        effects.succeed(connection, id, answer_data(outcome, wraps_stats));
    }

    /// Offers everything that the others send.
    pub(super) fn consume_everything(&mut self, receiver: &PeerId, effects: &mut Effects) {
        let others = self.peers.iter().filter(|(id, _)| *id != receiver);
        let producers: Vec<ProducerId> = others.flat_map(|(_, peer)| peer.producers.keys().cloned()).collect();
        for producer in producers {
            self.consume(receiver, &producer, effects);
        }
        self.consume_all_data(receiver, effects);
    }

    /// Consumes a producer for a receiver that can and does not yet.
    fn consume(&mut self, receiver: &PeerId, producer: &ProducerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(receiver) else { return };
        let capabilities = peer.joined.as_ref().and_then(|joined| joined.rtp_capabilities.clone());
        let (Some(rtp_capabilities), Some(transport)) = (capabilities, peer.transport(Direction::Consumer)) else {
            return;
        };
        if peer.consumers.values().any(|consumer| consumer.producer == *producer) {
            return;
        }
        let (transport, producer) = (transport.clone(), producer.clone());
        let context =
            Context::Consume { connection: peer.connection, transport: transport.clone(), producer: producer.clone() };
        effects.run_for(Operation::Consume { transport, producer, rtp_capabilities }, context);
    }
}

fn transport_answer(created: CreatedTransport) -> TransportAnswer {
    TransportAnswer {
        transport_id: created.id.0.clone(),
        id: created.id.0,
        ice_parameters: created.ice_parameters,
        ice_candidates: created.ice_candidates,
        dtls_parameters: created.dtls_parameters,
        sctp_parameters: created.sctp_parameters,
    }
}

fn answer_data(outcome: Outcome, wraps_stats: bool) -> Value {
    match outcome {
        Outcome::IceParameters(parameters) => {
            json!(IceParametersAnswer { ice_parameters: parameters.clone(), flat: parameters })
        }
        Outcome::Stats(stats) if wraps_stats => json!(StatsAnswer { stats }),
        Outcome::Stats(stats) => stats,
        _ => json!({}),
    }
}

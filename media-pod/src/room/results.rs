//! What came of the operations: notes what the media plane made, answers who waits, and offers streams to the others.

use std::time::Duration;

use convene_protocol::message::{
    ConsumerAppData, Direction, IceParametersAnswer, MediaKind, NewConsumer, ProduceAnswer, ScoreOf,
    ServerNotification, ServerRequest, Source, StatsAnswer, TransportAnswer,
};
use serde_json::{Value, json};

use super::command::{
    Asker, Context, CreatedConsumer, CreatedPlainTransport, CreatedProducer, CreatedTransport, MediaError, Outcome,
};
use super::effect::{Effect, Operation, Outgoing};
use super::ids::{ConnectionId, ConsumerId, PeerId, ProducerId, TransportId};
use super::peer::{ConsumerState, Offered, Peer, ProducerState, TransportState};
use super::{Effects, Room};

impl Room {
    pub(super) fn media_done(
        &mut self,
        context: Context,
        outcome: Result<Outcome, MediaError>,
        now: Duration,
        effects: &mut Effects,
    ) {
        if let Context::Consume { connection, .. } = &context
            && let Some((_, peer)) = self.peer_of(*connection)
        {
            peer.in_making = peer.in_making.saturating_sub(1);
        }
        match outcome {
            Ok(outcome) => self.succeeded(context, outcome, now, effects),
            Err(error) => self.failed(&context, error, effects),
        }
    }

    fn succeeded(&mut self, context: Context, outcome: Outcome, now: Duration, effects: &mut Effects) {
        match (context, outcome) {
            (Context::CreateTransport { asker, direction }, Outcome::Transport(created)) => {
                self.note_transport(asker, direction, *created, now, effects);
            }
            (Context::CreateTransport { asker, direction }, Outcome::PlainTransport(created)) => {
                self.note_plain_transport(asker, direction, &created, now, effects);
            }
            (Context::Produce { asker, kind, source }, Outcome::Producer(created)) => {
                self.note_producer(asker, kind, source, created, now, effects);
            }
            (Context::Consume { connection, transport, producer }, Outcome::Consumer(created)) => {
                self.note_consumer(connection, &transport, &producer, *created, now, effects);
            }
            (Context::ConsumeFor { asker, transport, producer }, Outcome::Consumer(created)) => {
                self.note_consumer_for(asker, transport, &producer, *created, effects);
            }
            (Context::ProduceData { asker, channel }, Outcome::DataProducer(producer)) => {
                self.note_data_producer(asker, channel, &producer, effects);
            }
            (Context::Voice { connection }, Outcome::DataProducer(producer)) => {
                self.note_voice(connection, &producer, effects);
            }
            (Context::ConsumeData { connection, transport, producer }, Outcome::DataConsumer(created)) => {
                self.note_data_consumer(connection, &transport, producer, *created, now, effects);
            }
            (Context::ConsumeDataFor { asker, producer }, Outcome::DataConsumer(created)) => {
                self.note_data_consumer_for(asker, &producer, *created, effects);
            }
            (Context::ConsumeFor { asker, .. }, Outcome::NotConsumable) => {
                effects.fail(asker, 400, "the given rtpCapabilities have no codec for this producer");
            }
            (Context::Flow { connection, producer }, Outcome::Stats(stats)) => {
                self.note_flow(connection, &producer, &stats, now, effects);
            }
            (Context::VoiceOffered, _) => self.speak_up(now, effects),
            (Context::Request(asker), outcome) => self.answer(asker, outcome, effects),
            (Context::Consume { connection, producer, .. }, Outcome::NotConsumable) => {
                self.decline(connection, producer);
            }
            _ => {}
        }
    }

    /// A stream that its receiver cannot decode is not offered again.
    fn decline(&mut self, connection: ConnectionId, producer: ProducerId) {
        if let Some((_, peer)) = self.peer_of(connection) {
            peer.declined.insert(producer);
        }
    }

    /// What somebody asked for is answered with the error; what the room itself wanted is left out, and the shell has logged why.
    fn failed(&mut self, context: &Context, error: MediaError, effects: &mut Effects) {
        match context {
            Context::Request(asker)
            | Context::CreateTransport { asker, .. }
            | Context::Produce { asker, .. }
            | Context::ProduceData { asker, .. }
            | Context::ConsumeFor { asker, .. }
            | Context::ConsumeDataFor { asker, .. } => effects.fail(*asker, error.code, error.message),
            Context::Voice { connection } => self.lose_voice(*connection),
            Context::None
            | Context::Flow { .. }
            | Context::VoiceOffered
            | Context::Consume { .. }
            | Context::ConsumeData { .. } => {}
        }
    }

    fn note_transport(
        &mut self,
        asker: Asker,
        direction: Option<Direction>,
        created: CreatedTransport,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Some((peer_id, peer)) = self.peer_of(asker.peer) else {
            effects.run(Operation::CloseTransport(created.id));
            return;
        };
        let peer_id = peer_id.clone();
        let state = TransportState { direction, is_plain: false, since: now, lost_since: None };
        peer.transports.insert(created.id.clone(), state);
        effects.succeed(asker, json!(transport_answer(created)));
        // A client that makes its receiving transport after joining gets its consumers now.
        if direction == Some(Direction::Consumer) && peer.joined.is_some() {
            self.consume_everything(&peer_id, effects);
        }
    }

    fn note_plain_transport(
        &mut self,
        asker: Asker,
        direction: Option<Direction>,
        created: &CreatedPlainTransport,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Some((_, peer)) = self.peer_of(asker.peer) else {
            effects.run(Operation::CloseTransport(created.id.clone()));
            return;
        };
        let state = TransportState { direction, is_plain: true, since: now, lost_since: None };
        peer.transports.insert(created.id.clone(), state);
        let id = &created.id.0;
        let mut answer = json!({ "transportId": id, "id": id, "ip": created.ip, "port": created.port });
        if let Some(rtcp_port) = created.rtcp_port {
            answer["rtcpPort"] = json!(rtcp_port);
        }
        effects.succeed(asker, answer);
    }

    fn note_producer(
        &mut self,
        asker: Asker,
        kind: MediaKind,
        source: Source,
        created: CreatedProducer,
        now: Duration,
        effects: &mut Effects,
    ) {
        let CreatedProducer { id: producer, consumable_codecs } = created;
        let Some((peer_id, peer)) = self.peer_of(asker.peer) else {
            effects.run(Operation::CloseProducer(producer));
            return;
        };
        let peer_id = peer_id.clone();
        let state = ProducerState {
            kind,
            source,
            is_paused: false,
            rest: 0,
            consumable_codecs,
            volume: None,
            silent_since: Some(now),
        };
        peer.producers.insert(producer.clone(), state);
        effects.succeed(asker, json!(ProduceAnswer { producer_id: producer.0.clone(), id: producer.0.clone() }));
        self.offer_to_all(&peer_id, &producer, effects);
        self.tell_sends(&peer_id, effects);
    }

    pub(super) fn all_but(&self, peer_id: &PeerId) -> Vec<PeerId> {
        self.peers.keys().filter(|other| *other != peer_id).cloned().collect()
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
        let (transport, producer) = (transport.clone(), producer.clone());
        peer.consumers.insert(created.id.clone(), ConsumerState { transport, producer, score: created.score });
        let request = peer.offer(Offered::Consumer(created.id), now);
        let asked = ServerRequest::NewConsumer(Box::new(offer));
        effects.0.push(Effect::Send(connection, Outgoing::Request(request, asked)));
    }

    fn note_consumer_for(
        &mut self,
        asker: Asker,
        transport: TransportId,
        producer: &ProducerId,
        created: CreatedConsumer,
        effects: &mut Effects,
    ) {
        let kind = self.owner_of_producer(producer).and_then(|(_, peer)| Some(peer.producers.get(producer)?.kind));
        let (Some(kind), Some((_, peer))) = (kind, self.peer_of(asker.peer)) else {
            effects.run(Operation::CloseConsumer(created.id));
            effects.fail(asker, 404, "the producer is gone");
            return;
        };
        let ConsumerId(id) = &created.id;
        let answer = json!({
            "consumerId": id, "id": id, "producerId": producer.0, "kind": kind,
            "rtpParameters": created.rtp_parameters, "type": created.consumer_type,
        });
        let state = ConsumerState { transport, producer: producer.clone(), score: created.score };
        peer.consumers.insert(created.id, state);
        effects.succeed(asker, answer);
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

    /// The client has accepted or refused an offered consumer. An offer is good for as long as there is something to receive: a page
    /// that slept (a phone in a pocket, a closed lid) answers when it wakes.
    pub(super) fn answered(
        &mut self,
        connection: ConnectionId,
        id: u64,
        is_ok: bool,
        now: Duration,
        effects: &mut Effects,
    ) {
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
        self.speak_up(now, effects);
    }

    fn answer(&mut self, asker: Asker, outcome: Outcome, effects: &mut Effects) {
        let wraps_stats = self.peer_of(asker.peer).is_some_and(|(_, peer)| peer.wraps_stats);
        effects.succeed(asker, answer_data(outcome, wraps_stats));
    }

    /// Consumes a producer for a receiver that can and does not yet. Broadcasters ask for what they want.
    pub(super) fn consume(&mut self, receiver: &PeerId, producer: &ProducerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(receiver).filter(|peer| peer.receives()) else { return };
        let is_received = peer.consumers.values().any(|consumer| consumer.producer == *producer);
        if is_received || peer.declined.contains(producer) {
            return;
        }
        for _ in 0..peer.copies() {
            if !self.has_room_for_consumer(receiver) {
                return self.balance.note_refusal();
            }
            self.make_consumer(receiver, producer, effects);
        }
    }

    fn make_consumer(&mut self, receiver: &PeerId, producer: &ProducerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(receiver) else { return };
        let capabilities = peer.joined.as_ref().and_then(|joined| joined.rtp_capabilities.clone());
        let (Some(rtp_capabilities), Some(transport)) = (capabilities, peer.transport(Direction::Consumer).cloned())
        else {
            return;
        };
        peer.in_making += 1;
        let (connection, producer) = (peer.connection, producer.clone());
        let context = Context::Consume { connection, transport: transport.clone(), producer: producer.clone() };
        effects.run_for(Operation::Consume { transport, producer, rtp_capabilities, paused: true }, context);
    }

    pub(super) fn has_room_for_consumer(&self, receiver: &PeerId) -> bool {
        let held = |peer: &Peer| peer.consumers.len() + peer.in_making;
        let own = self.peers.get(receiver).map_or(0, held);
        let all: usize = self.peers.values().map(held).sum();
        own < self.limits.consumers_per_peer && all < self.limits.consumers
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

//! Results of operations: records the objects that the media plane has created, answers the waiting clients, and offers streams to the
//! others.

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{
    Channel, Direction, IceParametersAnswer, MediaKind, ProduceAnswer, ProduceDataAnswer, Source, StatsAnswer,
    TransportAnswer,
};
use serde_json::{Value, json};

use crate::room::answer::Refusal;
use crate::room::effects::Effects;
use crate::room::interface::context::{Context, Requester};
use crate::room::interface::ids::{ConnectionId, DataProducerId, PeerId, ProducerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::interface::outcome::{
    CreatedConsumer, CreatedDataConsumer, CreatedPlainTransport, CreatedProducer, CreatedTransport, MediaError, Outcome,
};
use crate::room::interface::settings::MeetingSettings;
use crate::room::people::permissions::{check_data, check_publish, needed_for};
use crate::room::state::Room;
use crate::room::tracks::consumer_answer;

impl Room {
    pub(super) fn on_media_done(
        &mut self,
        context: Context,
        outcome: Result<Outcome, MediaError>,
        effects: &mut Effects,
    ) {
        self.note_arrival(&context);
        let created = outcome.as_ref().ok().and_then(Outcome::created).map(str::to_owned);
        match outcome {
            Ok(outcome) => self.on_success(context, outcome, effects),
            Err(error) => self.on_failure(&context, error, effects),
        }
        self.settle_early(created.as_deref(), effects);
    }

    /// The operation is no longer in flight, whatever its result.
    fn note_arrival(&mut self, context: &Context) {
        match context {
            Context::CreateTransport { requester, .. } => self.tracks.end_transport(requester.peer),
            Context::Consume { connection, transport, producer } => {
                self.tracks.end_consumer(*connection, producer, transport);
            }
            Context::ConsumeFor { requester, transport, producer } => {
                self.tracks.end_consumer(requester.peer, producer, transport);
            }
            Context::ProduceData { requester, .. } => self.data.end_producer(requester.peer),
            Context::ConsumeData { connection, producer, .. } => {
                self.data.end_consumer(*connection, producer.as_ref());
            }
            Context::ConsumeDataFor { requester, producer } => {
                self.data.end_consumer(requester.peer, Some(producer));
            }
            Context::Voice { connection } => self.data.end_voice(*connection),
            Context::Flow { connection, .. } => self.note_count(*connection),
            // A producer may have been muted meanwhile, which is decided with its result.
            Context::Produce { .. } | Context::Request(_) | Context::None => {}
        }
    }

    /// Events of what was created count now; without anything on its way none will.
    fn settle_early(&mut self, created: Option<&str>, effects: &mut Effects) {
        if self.early.is_empty() {
            return;
        }
        if let Some(created) = created {
            self.pass_on_early(created, effects);
        }
        if self.tracks.is_settled() && self.data.is_settled() {
            self.early.clear();
        }
    }

    fn on_success(&mut self, context: Context, outcome: Outcome, effects: &mut Effects) {
        match (context, outcome) {
            (Context::CreateTransport { requester, direction }, Outcome::Transport(created)) => {
                self.on_transport_created(requester, direction, *created, effects);
            }
            (Context::CreateTransport { requester, direction }, Outcome::PlainTransport(created)) => {
                self.on_plain_transport_created(requester, direction, created, effects);
            }
            (Context::Produce { requester, number, kind, source }, Outcome::Producer(created)) => {
                self.on_producer_created((requester, number), (kind, source), created, effects);
            }
            (Context::Consume { connection, transport, producer }, Outcome::Consumer(created)) => {
                self.tracks.offer_consumer(connection, &transport, &producer, *created, &mut self.seats, effects);
            }
            (Context::Consume { connection, producer, .. }, Outcome::NotConsumable) => {
                self.on_not_consumable(connection, producer);
            }
            (Context::ConsumeFor { requester, transport, producer }, Outcome::Consumer(created)) => {
                self.on_requested_consumer_created(requester, transport, &producer, *created, effects);
            }
            (Context::ConsumeFor { requester, .. }, Outcome::NotConsumable) => {
                self.refuse(requester, 400, "the given rtpCapabilities have no codec for this producer", effects);
            }
            (Context::ProduceData { requester, channel }, Outcome::DataProducer(producer)) => {
                self.on_data_producer_created(requester, channel, &producer, effects);
            }
            (Context::ConsumeData { connection, transport, producer }, Outcome::DataConsumer(created)) => {
                self.data.offer_consumer(connection, &transport, producer, *created, &mut self.seats, effects);
            }
            (Context::ConsumeDataFor { requester, producer }, Outcome::DataConsumer(created)) => {
                self.on_requested_data_consumer_created(requester, producer, *created, effects);
            }
            (Context::Voice { connection }, Outcome::DataProducer(producer)) => {
                self.on_voice_created(connection, producer, effects);
            }
            (Context::Flow { connection, producer }, Outcome::Stats(stats)) => {
                self.on_packets_counted(connection, &producer, &stats, effects);
            }
            (Context::Request(requester), outcome) => self.answer(requester, outcome, effects),
            // Operations whose result no client is waiting for.
            _ => {}
        }
    }

    /// A client's request is answered with the error. An operation of the room itself is skipped, and the media plane has logged the
    /// reason.
    fn on_failure(&mut self, context: &Context, error: MediaError, effects: &mut Effects) {
        match context {
            Context::Produce { requester, number, .. } => {
                self.tracks.end_producer(requester.peer, *number);
                self.refuse(*requester, error.code, error.message, effects);
            }
            Context::Request(requester)
            | Context::CreateTransport { requester, .. }
            | Context::ProduceData { requester, .. }
            | Context::ConsumeFor { requester, .. }
            | Context::ConsumeDataFor { requester, .. } => self.refuse(*requester, error.code, error.message, effects),
            Context::Voice { connection } => {
                if let Some((id, _)) = self.seats.on(*connection) {
                    self.data.on_voice_failed(id);
                }
            }
            // A voice may have waited for this receiver.
            Context::ConsumeData { .. } => self.data.speak(&self.seats, effects),
            Context::None | Context::Flow { .. } | Context::Consume { .. } => {}
        }
    }

    /// The owner of what is on a connection, whether it has a seat or is prepared. A client that was prepared when it sent a request may have
    /// a seat when the result comes.
    fn owner_on(&self, connection: ConnectionId) -> Option<PeerId> {
        self.seats.id_on(connection).or_else(|| self.prepared.owner_on(connection))
    }

    /// Whether a client still waits for an answer. Its successor with the same peerId does not.
    fn is_waiting(&self, requester: Requester) -> bool {
        requester.is_call() || self.owner_on(requester.peer).is_some()
    }

    /// Answers with an error, if the client still waits.
    fn refuse(&self, requester: Requester, code: u16, reason: impl Into<String>, effects: &mut Effects) {
        if self.is_waiting(requester) {
            effects.fail(requester, code, reason);
        }
    }

    /// The client that waits for a result, unless it has left in the meantime: then the created object is closed.
    fn requester_or_close(
        &self,
        requester: Requester,
        close: impl FnOnce() -> Operation,
        effects: &mut Effects,
    ) -> Option<PeerId> {
        let id = self.owner_on(requester.peer);
        if id.is_none() {
            effects.run(close());
            self.refuse(requester, 404, "the broadcaster has left the meeting", effects);
        }
        id
    }

    fn on_transport_created(
        &mut self,
        requester: Requester,
        direction: Option<Direction>,
        created: CreatedTransport,
        effects: &mut Effects,
    ) {
        let transport = created.id.clone();
        let close = || Operation::CloseTransport(transport.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        self.tracks.add_transport(&id, transport, direction, false, effects.now);
        effects.succeed(requester, json!(transport_answer(created)));
        // A client that creates its receiving transport after joining gets its consumers now.
        if direction == Some(Direction::Consumer) && self.seats.joined(&id).is_ok() {
            self.offer_everything(&id, effects);
        }
    }

    fn on_plain_transport_created(
        &mut self,
        requester: Requester,
        direction: Option<Direction>,
        created: CreatedPlainTransport,
        effects: &mut Effects,
    ) {
        let close = || Operation::CloseTransport(created.id.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        let transport = &created.id.0;
        let mut answer = json!({ "transportId": transport, "id": transport, "ip": created.ip, "port": created.port });
        if let Some(rtcp_port) = created.rtcp_port {
            answer["rtcpPort"] = json!(rtcp_port);
        }
        self.tracks.add_transport(&id, created.id, direction, true, effects.now);
        effects.succeed(requester, answer);
    }

    fn on_producer_created(
        &mut self,
        (requester, number): (Requester, u64),
        what: (MediaKind, Source),
        created: CreatedProducer,
        effects: &mut Effects,
    ) {
        let muted_by = self.tracks.end_producer(requester.peer, number);
        let (producer, source) = (created.id.clone(), needed_for(what.0, what.1));
        let close = || Operation::CloseProducer(producer.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        if let Err(Refusal(code, reason)) = self.check_still(&id, |grant, room| check_publish(grant, room, source)) {
            effects.run(close());
            return effects.fail(requester, code, reason);
        }
        self.tracks.add_producer(&id, what, created, effects);
        effects.succeed(requester, json!(ProduceAnswer { producer_id: producer.0.clone(), id: producer.0.clone() }));
        if let Some(moderator) = muted_by {
            self.mute_arrived(&id, &producer, source, &moderator, effects);
        }
        self.tracks.offer_to_all(&id, &producer, &mut self.seats, effects);
        self.tracks.announce_sends(&id, &self.seats, effects);
    }

    /// Checks again what a participant may do: a moderator may have changed it meanwhile.
    fn check_still(
        &self,
        id: &PeerId,
        check: impl FnOnce(&ParticipantGrant, &MeetingSettings) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        check(&self.seats.joined(id)?.grant, &self.settings)
    }

    fn on_not_consumable(&mut self, connection: ConnectionId, producer: ProducerId) {
        if let Some((id, _)) = self.seats.on(connection) {
            self.tracks.decline(id, producer);
        }
    }

    fn on_requested_consumer_created(
        &mut self,
        requester: Requester,
        transport: TransportId,
        producer: &ProducerId,
        created: CreatedConsumer,
        effects: &mut Effects,
    ) {
        let close = || Operation::CloseConsumer(created.id.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        let Some(kind) = self.tracks.owner_of(producer).map(|(_, state)| state.kind) else {
            effects.run(close());
            return effects.fail(requester, 404, "the producer has ended");
        };
        effects.succeed(requester, consumer_answer(producer, kind, &created));
        self.tracks.add_consumer(&id, transport, producer.clone(), created);
        self.tracks.want(producer, u8::MAX, &self.seats, effects);
    }

    fn on_data_producer_created(
        &mut self,
        requester: Requester,
        channel: Channel,
        producer: &DataProducerId,
        effects: &mut Effects,
    ) {
        let close = || Operation::CloseDataProducer(producer.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        if let Err(Refusal(code, reason)) = self.check_still(&id, |grant, _| check_data(grant)) {
            effects.run(close());
            return effects.fail(requester, code, reason);
        }
        self.data.add_producer(&id, producer, channel, effects);
        let answer = ProduceDataAnswer { data_producer_id: producer.0.clone(), id: producer.0.clone() };
        effects.succeed(requester, json!(answer));
        if channel == Channel::Chat {
            self.data.offer_to_all(&id, producer, &self.seats, &self.tracks, effects);
        }
    }

    fn on_requested_data_consumer_created(
        &mut self,
        requester: Requester,
        producer: DataProducerId,
        created: CreatedDataConsumer,
        effects: &mut Effects,
    ) {
        let close = || Operation::CloseDataConsumer(created.id.clone());
        let Some(id) = self.requester_or_close(requester, close, effects) else { return };
        if self.data.owner_of(&producer).is_none() {
            effects.run(close());
            return effects.fail(requester, 404, "the data producer has ended");
        }
        let stream = created.sctp_stream_parameters["streamId"].clone();
        let consumer = created.id.0.clone();
        self.data.add_consumer(&id, created.id, Some(producer));
        effects.succeed(requester, json!({ "dataConsumerId": consumer, "id": consumer, "streamId": stream }));
    }

    fn on_voice_created(&mut self, connection: ConnectionId, producer: DataProducerId, effects: &mut Effects) {
        match self.seats.on(connection) {
            Some((id, _)) => self.data.on_voice_created(id, &producer, &self.seats, &self.tracks, effects),
            None => effects.run(Operation::CloseDataProducer(producer)),
        }
    }

    fn answer(&self, requester: Requester, outcome: Outcome, effects: &mut Effects) {
        if !self.is_waiting(requester) {
            return;
        }
        let peer = self.seats.on(requester.peer).map(|(_, peer)| peer);
        let wraps_stats = peer.map_or_else(|| self.prepared.wraps_stats(requester.peer), |peer| peer.wraps_stats);
        effects.succeed(requester, answer_data(outcome, wraps_stats));
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

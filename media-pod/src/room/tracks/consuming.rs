//! Consumers: creating them, offering them to their receivers, and closing them.

use convene_protocol::message::{
    ConsumerAppData, ConsumerRef, MediaKind, NewConsumer, ScoreOf, ServerNotification, ServerRequest, Source,
};
use serde_json::{Value, json};

use super::own::{ConsumerState, PeerTracks};
use super::owners::Owners;
use super::sharing::RESERVE;
use super::state::Tracks;
use crate::room::answer::Refusal;
use crate::room::effects::Effects;
use crate::room::interface::context::Context;
use crate::room::interface::ids::{ConnectionId, ConsumerId, PeerId, ProducerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::interface::outcome::CreatedConsumer;
use crate::room::people::offers::Offered;
use crate::room::people::peer::Peer;
use crate::room::people::permissions::check_receive_plain;
use crate::room::people::seats::Seats;

impl Tracks {
    /// Consumes a producer for a receiver, unless the receiver cannot receive it or already does. Broadcasters request their consumers
    /// themselves.
    pub(super) fn consume(&mut self, receiver: &PeerId, producer: &ProducerId, seats: &Seats, effects: &mut Effects) {
        if !self.receives(receiver, seats) {
            return;
        }
        let Some(tracks) = self.peers.get(receiver) else { return };
        let is_received = tracks.consumers.values().any(|consumer| consumer.producer == *producer);
        if is_received || self.coming.has_consumer(tracks.connection, producer) || tracks.declined.contains(producer) {
            return;
        }
        for _ in 0..tracks.copies() {
            if !self.has_room_for_consumer(receiver) {
                return self.priorities.note_refusal();
            }
            self.create_consumer(receiver, producer, seats, effects);
        }
    }

    /// Whether the room chooses streams for a peer, and it has a transport for them.
    pub(super) fn receives(&self, id: &PeerId, seats: &Seats) -> bool {
        seats.get(id).is_some_and(|peer| peer.receives().is_some()) && self.receiving_transport(id).is_some()
    }

    fn create_consumer(&mut self, receiver: &PeerId, producer: &ProducerId, seats: &Seats, effects: &mut Effects) {
        let Some(peer) = seats.get(receiver) else { return };
        let (Some(rtp_capabilities), Some(transport)) =
            (peer.receives().cloned(), self.receiving_transport(receiver).cloned())
        else {
            return;
        };
        let (connection, producer) = (peer.connection, producer.clone());
        self.begin_consumer(connection, &producer, &transport);
        let context = Context::Consume { connection, transport: transport.clone(), producer: producer.clone() };
        effects.run_for(Operation::Consume { transport, producer, rtp_capabilities, paused: true }, context);
    }

    /// Counts a consumer that is about to be requested.
    pub(crate) fn begin_consumer(&mut self, connection: ConnectionId, producer: &ProducerId, transport: &TransportId) {
        self.coming.add_consumer(connection, producer.clone(), transport.clone());
    }

    /// The outcome of a consumer's creation has come.
    pub(crate) fn end_consumer(&mut self, connection: ConnectionId, producer: &ProducerId, transport: &TransportId) {
        self.coming.remove_consumer(connection, producer, transport);
    }

    pub(crate) fn has_room_for_consumer(&self, receiver: &PeerId) -> bool {
        let own = self.peers.get(receiver).map_or(0, |tracks| self.consumer_count(tracks));
        let all = self.owners.consumers.len() + self.coming.consumers();
        own < self.limits.consumers_per_peer && all < self.limits.consumers
    }

    /// Broadcasters may have as many consumers together as are reserved for them.
    pub(crate) fn has_room_for_broadcasters(&self, seats: &Seats) -> bool {
        let broadcasters = seats.iter().filter(|(_, peer)| peer.is_broadcaster);
        let taken: usize =
            broadcasters.filter_map(|(id, _)| self.peers.get(id)).map(|tracks| self.consumer_count(tracks)).sum();
        taken < self.limits.consumers / RESERVE
    }

    /// A plain transport has no proof that its other side wants to receive, so receiving requires a permission and has its own limit.
    pub(crate) fn check_consume_plain(
        &self,
        id: &PeerId,
        transport: &TransportId,
        seats: &Seats,
    ) -> Result<(), Refusal> {
        let (Some(peer), Some(tracks)) = (seats.get(id), self.peers.get(id)) else { return Ok(()) };
        if !self.is_plain(id, transport) {
            return Ok(());
        }
        check_receive_plain(&peer.grant)?;
        let there = tracks.consumers.values().filter(|consumer| consumer.transport == *transport).count();
        let there = there + self.coming.consumers_on(tracks.connection, transport);
        Refusal::too_many(there, self.limits.plain_consumers, "consumers per plain transport")
    }

    /// A stream that its receiver cannot decode is not offered again. One that has ended meanwhile is forgotten.
    pub(crate) fn decline(&mut self, receiver: &PeerId, producer: ProducerId) {
        if self.owner_of(&producer).is_none() {
            return;
        }
        if let Some(tracks) = self.peers.get_mut(receiver) {
            tracks.declined.insert(producer);
        }
    }

    /// Offers a consumer that was created; it is closed if its producer or receiver is gone in the meantime.
    pub(crate) fn offer_consumer(
        &mut self,
        connection: ConnectionId,
        transport: &TransportId,
        producer: &ProducerId,
        created: CreatedConsumer,
        seats: &mut Seats,
        effects: &mut Effects,
    ) {
        let offer = self.offer_of(transport, producer, &created);
        let (Some(offer), Some((id, peer))) = (offer, seats.on_mut(connection)) else {
            return effects.run(Operation::CloseConsumer(created.id));
        };
        let request = peer.offers.add(Offered::Consumer(created.id.clone()), effects.now);
        self.add_consumer(id, transport.clone(), producer.clone(), created);
        effects.request(connection, request, ServerRequest::NewConsumer(Box::new(offer)));
    }

    pub(crate) fn add_consumer(
        &mut self,
        receiver: &PeerId,
        transport: TransportId,
        producer: ProducerId,
        created: CreatedConsumer,
    ) {
        if let Some(tracks) = self.peers.get_mut(receiver) {
            self.owners.consumers.insert(created.id.clone(), receiver.clone());
            tracks.consumers.insert(created.id, ConsumerState::new(transport, producer, created.score));
        }
    }

    fn offer_of(
        &self,
        transport: &TransportId,
        producer: &ProducerId,
        created: &CreatedConsumer,
    ) -> Option<NewConsumer> {
        let (sender, state) = self.owner_of(producer)?;
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

    /// The client has accepted a consumer, which is resumed, or has declined it. Its layers are requested only now: the client may have
    /// limited them meanwhile, and a sender that changes its layers sends the next key frame later.
    pub(crate) fn on_consumer_answered(
        &mut self,
        (receiver, connection): (&PeerId, ConnectionId),
        consumer: ConsumerId,
        is_accepted: bool,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let Some(tracks) = self.peers.get_mut(receiver) else { return };
        if !is_accepted {
            self.owners.consumers.remove(&consumer);
            tracks.declined.extend(tracks.consumers.remove(&consumer).map(|state| state.producer));
            return effects.run(Operation::CloseConsumer(consumer));
        }
        let state = tracks.consumers.get(&consumer);
        let wanted = state.map(|state| (state.producer.clone(), state.wanted.layer()));
        let score = state.map(|state| state.score.clone()).unwrap_or_default();
        let notification = ScoreOf { consumer_id: consumer.0.clone(), score };
        effects.run(Operation::ResumeConsumer(consumer));
        effects.notify(connection, ServerNotification::ConsumerScore(notification));
        if let Some((producer, layer)) = wanted {
            self.want(&producer, layer, seats, effects);
        }
    }

    /// Closes the consumers of a producer that has ended.
    pub(super) fn close_consumers_of(&mut self, producer: &ProducerId, seats: &mut Seats, effects: &mut Effects) {
        for (id, tracks) in &mut self.peers {
            if let Some(peer) = seats.get_mut(id) {
                tracks.declined.remove(producer);
                tracks.close_consumers(|_, of| of == producer, (&mut self.owners, peer), effects);
            }
        }
    }
}

impl PeerTracks {
    /// Closes some consumers of this peer, and notifies its client.
    pub(super) fn close_consumers(
        &mut self,
        is_meant: impl Fn(&ConsumerId, &ProducerId) -> bool,
        (owners, peer): (&mut Owners, &mut Peer),
        effects: &mut Effects,
    ) {
        for (consumer, _) in self.consumers.extract_if(.., |id, consumer| is_meant(id, &consumer.producer)) {
            owners.consumers.remove(&consumer);
            peer.offers.withdraw(&Offered::Consumer(consumer.clone()));
            let notification = ConsumerRef { consumer_id: consumer.0.clone() };
            effects.notify(peer.connection, ServerNotification::ConsumerClosed(notification));
            effects.run(Operation::CloseConsumer(consumer));
        }
    }
}

/// The answer to a broadcaster that has requested a consumer.
pub(crate) fn consumer_answer(producer: &ProducerId, kind: MediaKind, created: &CreatedConsumer) -> Value {
    let ConsumerId(id) = &created.id;
    json!({
        "consumerId": id, "id": id, "producerId": producer.0, "kind": kind,
        "rtpParameters": created.rtp_parameters, "type": created.consumer_type,
    })
}

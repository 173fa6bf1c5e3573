//! What clients ask and tell: checks ownership and order, and turns the rest into operations.

use convene_protocol::message::{
    ClientRequest, ConsumerRef, CreateTransport, Direction, DisplayNameChanged, Join, JoinAnswer, Produce, ProduceData,
    RouterCapabilitiesAnswer, ServerNotification,
};
use serde_json::{Value, json};

use super::command::Context;
use super::effect::Operation;
use super::ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
use super::limits::Limits;
use super::peer::{Joined, Peer};
use super::{Effects, Room};

/// Why a request is refused: an error code with HTTP's meaning and a sentence.
struct Refusal(u16, String);

impl Refusal {
    fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(40).collect();
        Self(404, format!("you have no {what} with id {shown:?}"))
    }
}

/// What a request leads to.
enum Verdict {
    /// The answer is known.
    Answer(Value),
    /// Run this; the context says how to answer.
    Run(Operation, Context),
    /// The answer has been given.
    Answered,
}

impl Room {
    pub(super) fn request(&mut self, connection: ConnectionId, id: u64, request: ClientRequest, effects: &mut Effects) {
        match self.judge(connection, id, request, effects) {
            Ok(Verdict::Answer(data)) => effects.succeed(connection, id, data),
            Ok(Verdict::Run(operation, context)) => effects.run_for(operation, context),
            Ok(Verdict::Answered) => {}
            Err(Refusal(code, reason)) => effects.fail(connection, id, code, reason),
        }
    }

    /// Notifications are requests without an answer. What crosses on the wire with a close is no error: it is passed over.
    pub(super) fn notified(&mut self, connection: ConnectionId, request: ClientRequest, effects: &mut Effects) {
        let mut own = Effects::default();
        if let Ok(Verdict::Run(operation, _)) = self.judge(connection, 0, request, &mut own) {
            own.run(operation);
        }
        effects.0.append(&mut own.0);
    }

    fn judge(
        &mut self,
        connection: ConnectionId,
        id: u64,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Result<Verdict, Refusal> {
        if matches!(request, ClientRequest::GetRouterRtpCapabilities(_)) {
            return Ok(Verdict::Answer(self.capabilities_answer()));
        }
        let Limits { transports_per_peer, producers_per_peer, data_producers_per_peer, .. } = self.limits;
        let Some((peer_id, peer)) = self.peer_of(connection) else {
            return Err(Refusal(409, "this connection has been replaced".into()));
        };
        let peer_id = peer_id.clone();
        match request {
            ClientRequest::GetRtcStatsUrl(_) => {
                peer.wraps_stats = true;
                Ok(Verdict::Answer(json!({})))
            }
            ClientRequest::CreateWebRtcTransport(create) => {
                create_transport(peer, connection, id, &create, transports_per_peer)
            }
            ClientRequest::Join(join) => self.join(&peer_id, id, join, effects),
            ClientRequest::Produce(produce) => start_producer(peer, connection, id, produce, producers_per_peer),
            ClientRequest::ProduceData(produce) => {
                start_data_producer(peer, connection, id, produce, data_producers_per_peer)
            }
            ClientRequest::CloseProducer(producer) => self.close_producer(&peer_id, &producer.producer_id, effects),
            ClientRequest::PauseProducer(producer) => self.set_paused(&peer_id, &producer.producer_id, true, effects),
            ClientRequest::ResumeProducer(producer) => self.set_paused(&peer_id, &producer.producer_id, false, effects),
            ClientRequest::ChangeDisplayName(name) => self.rename(&peer_id, &name.display_name, effects),
            other => {
                let operation = owned_operation(peer, other)?;
                Ok(Verdict::Run(operation, Context::Request { connection, id }))
            }
        }
    }

    fn capabilities_answer(&self) -> Value {
        let flat = self.capabilities.clone();
        json!(RouterCapabilitiesAnswer { router_rtp_capabilities: flat.clone(), flat })
    }

    /// Answers, makes the newcomer known, then offers what the others send: clients rely on this order.
    fn join(&mut self, peer_id: &PeerId, id: u64, join: Join, effects: &mut Effects) -> Result<Verdict, Refusal> {
        let peers =
            self.peers.iter().filter(|(other, _)| *other != peer_id).filter_map(|(other, peer)| peer.info(other));
        let answer = JoinAnswer { peers: peers.collect() };
        let Some(peer) = self.peers.get_mut(peer_id) else { return Ok(Verdict::Answered) };
        if peer.joined.is_some() {
            return Err(Refusal(409, "you have joined already".into()));
        }
        let display_name = join.display_name.trim().to_owned();
        peer.joined = Some(Joined { display_name, device: join.device, rtp_capabilities: join.rtp_capabilities });
        effects.succeed(peer.connection, id, json!(answer));
        if let Some(info) = peer.info(peer_id) {
            self.tell_joined(&ServerNotification::NewPeer(Box::new(info.into())), Some(peer_id), effects);
        }
        self.consume_everything(peer_id, effects);
        Ok(Verdict::Answered)
    }

    fn close_producer(&mut self, peer_id: &PeerId, id: &str, effects: &mut Effects) -> Result<Verdict, Refusal> {
        let producer = ProducerId::from(id);
        let owned = self.peers.get_mut(peer_id).and_then(|peer| peer.producers.remove(&producer));
        owned.ok_or_else(|| Refusal::not_found("producer", id))?;
        self.close_consumers_of(&producer, effects);
        effects.run(Operation::CloseProducer(producer));
        Ok(Verdict::Answer(json!({})))
    }

    fn set_paused(
        &mut self,
        peer_id: &PeerId,
        id: &str,
        pause: bool,
        effects: &mut Effects,
    ) -> Result<Verdict, Refusal> {
        let producer = ProducerId::from(id);
        let state = self.peers.get_mut(peer_id).and_then(|peer| peer.producers.get_mut(&producer));
        state.ok_or_else(|| Refusal::not_found("producer", id))?.is_paused = pause;
        for peer in self.peers.values() {
            for (consumer, _) in peer.consumers.iter().filter(|(_, state)| state.producer == producer) {
                let told = ConsumerRef { consumer_id: consumer.0.clone() };
                let paused = ServerNotification::ConsumerPaused(told.clone());
                effects.tell(peer.connection, if pause { paused } else { ServerNotification::ConsumerResumed(told) });
            }
        }
        effects.run(if pause { Operation::PauseProducer(producer) } else { Operation::ResumeProducer(producer) });
        Ok(Verdict::Answer(json!({})))
    }

    fn rename(&mut self, peer_id: &PeerId, name: &str, effects: &mut Effects) -> Result<Verdict, Refusal> {
        let joined = self.peers.get_mut(peer_id).and_then(|peer| peer.joined.as_mut());
        let joined = joined.ok_or_else(not_joined)?;
        let display_name = name.trim().to_owned();
        let old_display_name = std::mem::replace(&mut joined.display_name, display_name.clone());
        let told = DisplayNameChanged { peer_id: peer_id.0.clone(), display_name, old_display_name };
        self.tell_joined(&ServerNotification::PeerDisplayNameChanged(told), Some(peer_id), effects);
        Ok(Verdict::Answer(json!({})))
    }
}

fn not_joined() -> Refusal {
    Refusal(409, "join first".into())
}

fn create_transport(
    peer: &mut Peer,
    connection: ConnectionId,
    id: u64,
    create: &CreateTransport,
    most: usize,
) -> Result<Verdict, Refusal> {
    let direction = create.direction().ok_or_else(|| Refusal(400, "the direction is missing".into()))?;
    if peer.transports.len() >= most {
        return Err(Refusal(429, format!("you have {most} transports already")));
    }
    peer.wraps_stats |= create.app_data.is_some();
    let operation = Operation::CreateTransport { direction, force_tcp: create.force_tcp };
    Ok(Verdict::Run(operation, Context::CreateTransport { connection, id, direction }))
}

fn start_producer(
    peer: &Peer,
    connection: ConnectionId,
    id: u64,
    produce: Produce,
    most: usize,
) -> Result<Verdict, Refusal> {
    if peer.joined.is_none() {
        return Err(not_joined());
    }
    let transport = own_transport(peer, &produce.transport_id)?;
    if peer.transports.get(&transport).map(|state| state.direction) != Some(Direction::Producer) {
        return Err(Refusal(409, "this transport is for receiving".into()));
    }
    if peer.producers.len() >= most {
        return Err(Refusal(429, format!("you have {most} producers already")));
    }
    let context = Context::Produce { connection, id, kind: produce.kind, source: produce.source() };
    Ok(Verdict::Run(
        Operation::Produce { transport, kind: produce.kind, rtp_parameters: produce.rtp_parameters },
        context,
    ))
}

fn start_data_producer(
    peer: &Peer,
    connection: ConnectionId,
    id: u64,
    produce: ProduceData,
    most: usize,
) -> Result<Verdict, Refusal> {
    if peer.joined.is_none() {
        return Err(not_joined());
    }
    let transport = own_transport(peer, &produce.transport_id)?;
    if peer.data_producers.len() >= most {
        return Err(Refusal(429, format!("you have {most} data producers already")));
    }
    let channel = produce.channel();
    let ProduceData { sctp_stream_parameters, label, protocol, .. } = produce;
    let operation = Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol };
    Ok(Verdict::Run(operation, Context::ProduceData { connection, id, channel }))
}

/// Operations on a single thing of the peer's own.
fn owned_operation(peer: &Peer, request: ClientRequest) -> Result<Operation, Refusal> {
    let consumer = |id: &str| own_consumer(peer, id);
    Ok(match request {
        ClientRequest::ConnectWebRtcTransport(connect) => {
            Operation::ConnectTransport(own_transport(peer, &connect.transport_id)?, connect.dtls_parameters)
        }
        ClientRequest::RestartIce(of) => Operation::RestartIce(own_transport(peer, &of.transport_id)?),
        ClientRequest::PauseConsumer(of) => Operation::PauseConsumer(consumer(&of.consumer_id)?),
        ClientRequest::ResumeConsumer(of) => Operation::ResumeConsumer(consumer(&of.consumer_id)?),
        ClientRequest::RequestConsumerKeyFrame(of) => Operation::RequestKeyFrame(consumer(&of.consumer_id)?),
        ClientRequest::SetConsumerPreferredLayers(of) => {
            Operation::SetPreferredLayers(consumer(&of.consumer_id)?, of.spatial_layer, of.temporal_layer)
        }
        ClientRequest::SetConsumerPriority(of) => Operation::SetPriority(consumer(&of.consumer_id)?, of.priority),
        ClientRequest::GetTransportStats(of) => Operation::TransportStats(own_transport(peer, &of.transport_id)?),
        ClientRequest::GetProducerStats(of) => Operation::ProducerStats(own_producer(peer, &of.producer_id)?),
        ClientRequest::GetConsumerStats(of) => Operation::ConsumerStats(consumer(&of.consumer_id)?),
        ClientRequest::GetDataProducerStats(of) => {
            Operation::DataProducerStats(own_data_producer(peer, &of.data_producer_id)?)
        }
        ClientRequest::GetDataConsumerStats(of) => {
            Operation::DataConsumerStats(own_data_consumer(peer, &of.data_consumer_id)?)
        }
        // The rest is answered before; naming them keeps a new message from being forgotten.
        ClientRequest::GetRtcStatsUrl(_)
        | ClientRequest::GetRouterRtpCapabilities(_)
        | ClientRequest::CreateWebRtcTransport(_)
        | ClientRequest::Join(_)
        | ClientRequest::Produce(_)
        | ClientRequest::ProduceData(_)
        | ClientRequest::CloseProducer(_)
        | ClientRequest::PauseProducer(_)
        | ClientRequest::ResumeProducer(_)
        | ClientRequest::ChangeDisplayName(_) => return Err(Refusal(500, "not an operation on one thing".into())),
    })
}

fn own_transport(peer: &Peer, id: &str) -> Result<TransportId, Refusal> {
    let (own, _) =
        peer.transports.get_key_value(&TransportId::from(id)).ok_or_else(|| Refusal::not_found("transport", id))?;
    Ok(own.clone())
}

fn own_producer(peer: &Peer, id: &str) -> Result<ProducerId, Refusal> {
    let (own, _) =
        peer.producers.get_key_value(&ProducerId::from(id)).ok_or_else(|| Refusal::not_found("producer", id))?;
    Ok(own.clone())
}

fn own_consumer(peer: &Peer, id: &str) -> Result<ConsumerId, Refusal> {
    let (own, _) =
        peer.consumers.get_key_value(&ConsumerId::from(id)).ok_or_else(|| Refusal::not_found("consumer", id))?;
    Ok(own.clone())
}

fn own_data_producer(peer: &Peer, id: &str) -> Result<DataProducerId, Refusal> {
    let own = peer.data_producers.get_key_value(&DataProducerId::from(id));
    own.map(|(own, _)| own.clone()).ok_or_else(|| Refusal::not_found("data producer", id))
}

fn own_data_consumer(peer: &Peer, id: &str) -> Result<DataConsumerId, Refusal> {
    let own = peer.data_consumers.get_key_value(&DataConsumerId::from(id));
    own.map(|(own, _)| own.clone()).ok_or_else(|| Refusal::not_found("data consumer", id))
}

//! Calls of broadcasters' scripts. Each call is answered once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{Channel, Direction, MediaKind, Source};
use serde_json::{Value, json};

use crate::room::answer::{Decided, Decision, Refusal, respond};
use crate::room::closing::{BROADCASTER_REPLACED, REMOVED};
use crate::room::effects::Effects;
use crate::room::interface::broadcaster::{BroadcasterRequest, ConsumerCall, Entry};
use crate::room::interface::command::BroadcasterCall;
use crate::room::interface::context::{Context, Requester};
use crate::room::interface::ids::{ConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::people::peer::{Joined, Peer};
use crate::room::people::permissions::{check_receive_plain, check_subscribe};
use crate::room::state::Room;
use crate::room::tracks::Wish;

impl Room {
    pub(super) fn on_broadcaster_call(&mut self, call: BroadcasterCall, effects: &mut Effects) {
        let BroadcasterCall { call, peer: id, grant, request } = call;
        // The broadcaster's connection is the call with which it entered; later calls have their own numbers.
        let connection = self.seats.connection_of(&id).unwrap_or(call);
        let requester = Requester { peer: connection, reply: call, id: 0 };
        let checked = self.check_call(&id, &grant, &request, effects);
        let decided = checked.and_then(|()| self.handle_call(requester, &id, grant, request, effects));
        respond(requester, decided, effects);
    }

    /// The first decision: whether the caller may make this call.
    fn check_call(
        &mut self,
        id: &PeerId,
        caller: &ParticipantGrant,
        request: &BroadcasterRequest,
        effects: &Effects,
    ) -> Result<(), Refusal> {
        self.check_call_while_moving(request)?;
        if matches!(request, BroadcasterRequest::RouterRtpCapabilities) {
            return Ok(());
        }
        self.check_peer_id(id, caller)?;
        self.broadcasters.check_caller(id, caller)?;
        self.broadcasters.check_rate(effects.now)?;
        if matches!(request, BroadcasterRequest::Enter(_)) {
            return Ok(());
        }
        self.broadcasters.note_call(id, effects.now)
    }

    /// Once clients move, a script starts again at the other pod.
    fn check_call_while_moving(&self, request: &BroadcasterRequest) -> Result<(), Refusal> {
        match &self.moving {
            _ if self.pending.awaits_backup() => Err(Refusal(503, "the meeting is being restored: try again".into())),
            Some(moving) if moving.has_begun() => Err(Refusal(410, "moving".into())),
            Some(_) if request.changes_room() => Err(Refusal::moving()),
            _ => Ok(()),
        }
    }

    /// A peerId that belongs to a person cannot be used by other callers.
    fn check_peer_id(&self, id: &PeerId, caller: &ParticipantGrant) -> Result<(), Refusal> {
        let person = self.holder(id).and_then(|holder| holder.person);
        if person.is_none_or(|person| caller.person().as_deref() == Some(person)) {
            return Ok(());
        }
        Err(Refusal::forbidden("this peerId is in use by another participant"))
    }

    /// The handler of each request. `id` is the broadcaster.
    fn handle_call(
        &mut self,
        requester: Requester,
        id: &PeerId,
        grant: ParticipantGrant,
        request: BroadcasterRequest,
        effects: &mut Effects,
    ) -> Decided {
        let run = |operation| Ok(Decision::Run(operation, Context::Request(requester)));
        match request {
            BroadcasterRequest::RouterRtpCapabilities => Ok(self.capabilities_answer()),
            BroadcasterRequest::Enter(entry) => self.enter_broadcaster(requester, id, grant, entry, effects),
            BroadcasterRequest::Join => self.join_broadcaster(requester, id, json!({}), effects),
            BroadcasterRequest::Leave => {
                self.remove(id, None, effects);
                Ok(Decision::done())
            }
            BroadcasterRequest::CreatePlainTransport { direction, comedia, rtcp_mux } => {
                let operation = Operation::CreatePlainTransport { direction, comedia, rtcp_mux };
                self.create_transport_for(requester, id, direction, operation)
            }
            BroadcasterRequest::CreateWebRtcTransport => {
                let operation = Operation::CreateTransport { direction: None, force_tcp: false };
                self.create_transport_for(requester, id, None, operation)
            }
            BroadcasterRequest::ConnectPlainTransport { transport, ip, port, rtcp_port } => {
                let transport = self.tracks.transport_of_kind(id, &transport.0, true)?;
                let ip = self.check_destination(id, ip)?;
                run(Operation::ConnectPlainTransport { transport, ip, port, rtcp_port })
            }
            BroadcasterRequest::ConnectWebRtcTransport { transport, dtls_parameters } => {
                let transport = self.tracks.transport_of_kind(id, &transport.0, false)?;
                run(Operation::ConnectTransport(transport, dtls_parameters))
            }
            BroadcasterRequest::Produce { transport, kind, rtp_parameters, source } => {
                self.produce_for(requester, id, &transport, (kind, source), rtp_parameters)
            }
            BroadcasterRequest::ProduceData { transport, sctp_stream_parameters, label, protocol } => {
                self.produce_data_for(requester, id, &transport, sctp_stream_parameters, (label, protocol))
            }
            BroadcasterRequest::Consume { transport, producer, paused, rtp_capabilities } => {
                self.consume_for(requester, id, &transport, producer, paused, rtp_capabilities)
            }
            BroadcasterRequest::ConsumeData { transport, producer } => {
                self.consume_data_for(requester, id, &transport, producer, effects.now)
            }
            BroadcasterRequest::OfConsumer(consumer, call) => {
                let consumer = match wish_of(call) {
                    Some(wish) => self.wish(id, &consumer.0, wish, effects)?,
                    None => self.tracks.consumer(id, &consumer.0)?,
                };
                run(consumer_operation(consumer, call))
            }
            BroadcasterRequest::PeerProducersInfos => {
                self.seats.joined(id)?;
                Ok(Decision::Answer(self.peer_producers_infos(id)))
            }
        }
    }

    fn enter_broadcaster(
        &mut self,
        requester: Requester,
        id: &PeerId,
        mut grant: ParticipantGrant,
        entry: Entry,
        effects: &mut Effects,
    ) -> Decided {
        self.moderation.apply(id, &mut grant);
        self.check_enter_broadcaster(id, &grant)?;
        if entry.replaces {
            self.remove(id, Some(BROADCASTER_REPLACED), effects);
        } else if self.seats.contains(id) {
            return Err(already_in(id));
        }
        self.broadcasters.check_limit()?;
        let Entry { display_name, device, rtp_capabilities, joins_at_once, .. } = entry;
        let receives = rtp_capabilities.is_some();
        let rtp_capabilities = rtp_capabilities.map(|capabilities| self.known_capabilities.share(capabilities));
        let joined = Joined { display_name, device, rtp_capabilities };
        self.broadcasters.add(id, &grant, joined, effects.now);
        self.tracks.add_peer(id, requester.reply, 0);
        self.data.add_peer(id);
        self.seats.insert_broadcaster(id, Peer::broadcaster(requester.reply, grant, effects.now));
        let peers = if receives { self.senders_except(id) } else { Vec::new() };
        let answer = json!({ "peerId": id.0, "id": id.0, "peers": peers });
        if joins_at_once {
            return self.join_broadcaster(requester, id, answer, effects);
        }
        Ok(Decision::Answer(answer))
    }

    /// Scripts cannot wait in a lobby, and do not replace a participant.
    fn check_enter_broadcaster(&mut self, id: &PeerId, grant: &ParticipantGrant) -> Result<(), Refusal> {
        if grant.viewer {
            return Err(Refusal::forbidden("a viewer cannot be a broadcaster: all participants have to see it"));
        }
        self.check_moderation(id, grant)?;
        if self.is_locked() && !self.seats.contains(id) && !grant.moderator {
            return Err(Refusal::forbidden("the meeting is locked"));
        }
        if self.lobby.contains(id) || self.seats.is_held_by_participant(id) {
            return Err(already_in(id));
        }
        let is_good = grant.once.as_ref().is_none_or(|once| self.moderation.use_invitation(once, id, grant));
        if is_good { Ok(()) } else { Err(Refusal::forbidden("this invitation was used by another participant")) }
    }

    fn check_moderation(&self, id: &PeerId, grant: &ParticipantGrant) -> Result<(), Refusal> {
        if self.moderation.is_banned(id, grant) {
            return Err(Refusal::forbidden(REMOVED.1));
        }
        if self.moderation.has_to_wait(id, grant) {
            return Err(Refusal::forbidden("a moderator would have to let you in, and broadcasters cannot wait"));
        }
        Ok(())
    }

    /// What moderators have decided since its entry applies to it.
    fn join_broadcaster(&mut self, requester: Requester, id: &PeerId, answer: Value, effects: &mut Effects) -> Decided {
        if let Some(grant) = self.seats.get(id).filter(|peer| !peer.belongs()).map(|peer| peer.grant.clone()) {
            self.check_moderation(id, &grant)?;
            if self.is_locked() && !grant.moderator {
                return Err(Refusal::forbidden("the meeting is locked"));
            }
        }
        let entry = self.broadcasters.take_entry(id)?;
        self.introduce(id, entry, requester, answer, effects);
        Ok(Decision::Answered)
    }

    fn create_transport_for(
        &mut self,
        requester: Requester,
        id: &PeerId,
        direction: Option<Direction>,
        operation: Operation,
    ) -> Decided {
        self.tracks.begin_transport(id)?;
        Ok(Decision::Run(operation, Context::CreateTransport { requester, direction }))
    }

    fn produce_for(
        &mut self,
        requester: Requester,
        id: &PeerId,
        transport: &TransportId,
        (kind, source): (MediaKind, Source),
        rtp_parameters: Value,
    ) -> Decided {
        let transport = self.tracks.check_produce(id, &transport.0, (kind, source), &self.seats, &self.settings)?;
        let number = self.tracks.begin_producer(requester.peer, (kind, source));
        let context = Context::Produce { requester, number, kind, source };
        Ok(Decision::Run(Operation::Produce { transport, kind, rtp_parameters, paused: false }, context))
    }

    fn produce_data_for(
        &mut self,
        requester: Requester,
        id: &PeerId,
        transport: &TransportId,
        sctp_stream_parameters: Value,
        (label, protocol): (String, String),
    ) -> Decided {
        let channel = if label == "bot" { Channel::Bot } else { Channel::Chat };
        let room = (&self.seats, &self.tracks, &self.settings);
        let transport = self.data.check_produce(id, &transport.0, channel, room)?;
        self.data.begin_producer(requester.peer);
        let operation = Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol };
        Ok(Decision::Run(operation, Context::ProduceData { requester, channel }))
    }

    fn consume_for(
        &mut self,
        requester: Requester,
        id: &PeerId,
        transport: &TransportId,
        producer: ProducerId,
        paused: bool,
        rtp_capabilities: Option<Value>,
    ) -> Decided {
        let (joined, transport) = self.check_consume(id, transport)?;
        self.tracks.check_consume_plain(id, &transport, &self.seats)?;
        if self.tracks.owner_of(&producer).is_none() {
            return Err(Refusal(404, "there is no such producer in the meeting".into()));
        }
        if !self.tracks.has_room_for_consumer(id) || !self.tracks.has_room_for_broadcasters(&self.seats) {
            return Err(Refusal(429, "the limit of consumers is reached".into()));
        }
        let known = rtp_capabilities.map(Arc::new).or_else(|| joined.rtp_capabilities.clone());
        let rtp_capabilities = known.ok_or_else(|| Refusal(400, "rtpCapabilities are missing".into()))?;
        self.tracks.begin_consumer(requester.peer, &producer, &transport);
        let operation =
            Operation::Consume { transport: transport.clone(), producer: producer.clone(), rtp_capabilities, paused };
        Ok(Decision::Run(operation, Context::ConsumeFor { requester, transport, producer }))
    }

    fn consume_data_for(
        &mut self,
        requester: Requester,
        id: &PeerId,
        transport: &TransportId,
        producer: DataProducerId,
        now: Duration,
    ) -> Decided {
        let (_, transport) = self.check_consume(id, transport)?;
        if self.tracks.is_plain(id, &transport) {
            return Err(Refusal(400, "plain transports carry no messages".into()));
        }
        if self.data.owner_of(&producer).is_none() {
            return Err(Refusal(404, "there is no such data producer in the meeting".into()));
        }
        self.data.begin_consumer((id, requester.peer), &producer, now)?;
        let operation = Operation::ConsumeData { transport, producer: Some(producer.clone()) };
        Ok(Decision::Run(operation, Context::ConsumeDataFor { requester, producer }))
    }

    fn check_consume(&self, id: &PeerId, transport: &TransportId) -> Result<(&Joined, TransportId), Refusal> {
        let peer = self.seats.get(id).ok_or_else(Refusal::not_joined)?;
        let joined = peer.joined.as_ref().ok_or_else(Refusal::not_joined)?;
        check_subscribe(&peer.grant)?;
        Ok((joined, self.tracks.transport(id, &transport.0)?))
    }

    /// The address, unless plain RTP must not be sent to it.
    fn check_destination(&self, id: &PeerId, ip: IpAddr) -> Result<IpAddr, Refusal> {
        let peer = self.seats.get(id).ok_or_else(Refusal::not_joined)?;
        check_receive_plain(&peer.grant)?;
        if !self.limits.plain_destinations.permit(ip) {
            let reason =
                "plain RTP may not be sent to this address: only public ones and --plain-destinations are open";
            return Err(Refusal::forbidden(reason));
        }
        Ok(ip.to_canonical())
    }

    /// The other participants with their producers, as older scripts expect them.
    fn senders_except(&self, id: &PeerId) -> Vec<Value> {
        let describe = |(other, peer): (&PeerId, &Peer)| {
            let producers = self.tracks.producers_of(other);
            let producers = producers.map(|(id, state)| json!({ "id": id.0, "kind": state.kind }));
            let mut described = json!(self.info(other, peer));
            described["producers"] = producers.collect();
            described
        };
        self.seen_except(id).map(describe).collect()
    }

    /// The same as newer scripts expect them.
    fn peer_producers_infos(&self, id: &PeerId) -> Value {
        let describe = |(other, _): (&PeerId, &Peer)| {
            let producers = self.tracks.producers_of(other).map(|(id, state)| {
                json!({
                    "producerId": id.0, "kind": state.kind, "source": state.source, "paused": state.is_paused,
                    "consumableCodecs": state.consumable_codecs,
                })
            });
            json!({ "peerId": other.0, "producers": producers.collect::<Vec<_>>() })
        };
        let infos: Vec<_> = self.seen_except(id).map(describe).collect();
        json!({ "peerProducersInfos": infos, "version": self.streams_version() })
    }

    fn seen_except<'a>(&'a self, id: &'a PeerId) -> impl Iterator<Item = (&'a PeerId, &'a Peer)> {
        self.seats.iter().filter(move |(other, peer)| *other != id && peer.is_seen())
    }
}

fn already_in(id: &PeerId) -> Refusal {
    Refusal(409, format!("{:?} is already in the meeting", id.0))
}

fn wish_of(call: ConsumerCall) -> Option<Wish> {
    match call {
        ConsumerCall::Resume => Some(Wish::Resume),
        ConsumerCall::Pause => Some(Wish::Pause),
        ConsumerCall::SetPreferredLayers(spatial, _) => Some(Wish::UpTo(spatial)),
        ConsumerCall::RequestKeyFrame => None,
    }
}

fn consumer_operation(consumer: ConsumerId, call: ConsumerCall) -> Operation {
    match call {
        ConsumerCall::Resume => Operation::ResumeConsumer(consumer),
        ConsumerCall::Pause => Operation::PauseConsumer(consumer),
        ConsumerCall::RequestKeyFrame => Operation::RequestKeyFrame(consumer),
        ConsumerCall::SetPreferredLayers(spatial, temporal) => {
            Operation::SetPreferredLayers(consumer, spatial, temporal)
        }
    }
}

//! Broadcasters: senders and receivers without a WebSocket, on whose behalf a script calls over HTTP. Each call is answered once.

use std::net::IpAddr;
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame::CLOSE_FINAL;
use convene_protocol::message::Channel;
use serde_json::{Value, json};

use super::broadcaster::{BroadcasterRequest, ConsumerCall, Entry};
use super::command::{Asker, Context};
use super::effect::Operation;
use super::ids::{ConnectionId, ConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
use super::moderating::REMOVED;
use super::owned::{own_consumer, own_transport};
use super::peer::{Joined, Peer};
use super::rights::check_subscribe;
use super::verdict::{Judged, Refusal, Verdict, conclude};
use super::{Effects, Room};

impl Room {
    pub(super) fn broadcast(
        &mut self,
        call: ConnectionId,
        id: &PeerId,
        grant: ParticipantGrant,
        request: BroadcasterRequest,
        now: Duration,
        effects: &mut Effects,
    ) {
        // The participant's number is that of the call by which it came in; later calls have numbers of their own.
        let peer = self.peers.get(id).map_or(call, |peer| peer.connection);
        let asker = Asker { peer, reply: call, id: 0 };
        let judged = match request {
            BroadcasterRequest::RouterRtpCapabilities => Ok(Verdict::Answer(self.capabilities_answer())),
            _ if self.is_somebody_elses(id, &grant) => Err(Refusal(403, "this peerId is somebody else's".into())),
            _ if self.is_of_another_caller(id, &grant) => {
                Err(Refusal(403, "another caller has entered this broadcaster".into()))
            }
            BroadcasterRequest::Enter(entry) => self.let_in(asker, id, grant, entry, now, effects),
            other => {
                self.note_call(id, now);
                self.of_broadcaster(asker, id, other, effects)
            }
        };
        conclude(asker, judged, effects);
    }

    /// All participants know a peerId, so it is no credential: a broadcaster belongs to the caller who has entered it.
    fn is_of_another_caller(&self, id: &PeerId, caller: &ParticipantGrant) -> bool {
        let broadcaster = self.peers.get(id).filter(|peer| peer.is_broadcaster);
        broadcaster.is_some_and(|peer| !is_same_caller(&peer.grant, caller))
    }

    /// Whose script calls is there, although nothing flows.
    fn note_call(&mut self, id: &PeerId, now: Duration) {
        if let Some(peer) = self.peers.get_mut(id).filter(|peer| peer.is_broadcaster) {
            peer.called = now;
        }
    }

    fn let_in(
        &mut self,
        asker: Asker,
        id: &PeerId,
        mut grant: ParticipantGrant,
        entry: Entry,
        now: Duration,
        effects: &mut Effects,
    ) -> Judged {
        self.memory.apply(id, &mut grant);
        self.may_broadcast(id, &grant)?;
        if entry.replaces {
            self.remove(id, effects, Some((CLOSE_FINAL, "replaced by a broadcaster of the same id")));
        } else if self.peers.contains_key(id) {
            return Err(Refusal(409, format!("{:?} is in the meeting already", id.0)));
        }
        if self.census().broadcasters >= self.limits.broadcasters {
            return Err(Refusal(429, format!("the limit of {} broadcasters is reached", self.limits.broadcasters)));
        }
        let Entry { display_name, device, rtp_capabilities, joins_at_once, .. } = entry;
        let receives = rtp_capabilities.is_some();
        let joined = Joined { display_name, device, rtp_capabilities };
        self.peers.insert(id.clone(), Peer::broadcaster(asker.reply, grant, joined, now));
        let peers = if receives { self.senders_but(id) } else { Vec::new() };
        let answer = json!({ "peerId": id.0, "id": id.0, "peers": peers });
        if joins_at_once {
            return self.join_broadcaster(asker, id, answer, effects);
        }
        Ok(Verdict::Answer(answer))
    }

    /// Scripts cannot wait in a lobby, and take no place from a person.
    fn may_broadcast(&mut self, id: &PeerId, grant: &ParticipantGrant) -> Result<(), Refusal> {
        if self.memory.is_banned(id, grant) {
            return Err(Refusal(403, REMOVED.1.into()));
        }
        if self.has_to_wait(id, grant) {
            return Err(Refusal(403, "a moderator would have to let you in, and broadcasters cannot wait".into()));
        }
        if self.is_locked() && !self.peers.contains_key(id) && !grant.moderator {
            return Err(Refusal::locked());
        }
        let is_person = self.lobby.contains_key(id) || self.peers.get(id).is_some_and(|peer| !peer.is_broadcaster);
        if is_person {
            return Err(Refusal(409, format!("{:?} is in the meeting already", id.0)));
        }
        let is_good = grant.once.as_ref().is_none_or(|once| self.memory.use_invitation(once, id, grant));
        if is_good { Ok(()) } else { Err(Refusal(403, "this invitation was used by somebody else".into())) }
    }

    fn join_broadcaster(&mut self, asker: Asker, id: &PeerId, answer: Value, effects: &mut Effects) -> Judged {
        let peer = self.peers.get_mut(id).ok_or_else(Refusal::not_joined)?;
        let entry = peer.entry.take().ok_or_else(|| Refusal(409, "it has joined already".into()))?;
        self.introduce(id, entry, asker, answer, effects);
        Ok(Verdict::Answered)
    }

    fn of_broadcaster(
        &mut self,
        asker: Asker,
        id: &PeerId,
        request: BroadcasterRequest,
        effects: &mut Effects,
    ) -> Judged {
        let known = self.peers.get(id).filter(|peer| peer.is_broadcaster);
        let peer = known.ok_or_else(|| Refusal(404, "there is no such broadcaster in the meeting".into()))?;
        let run = |operation| Ok(Verdict::Run(operation, Context::Request(asker)));
        match request {
            // Answered before; naming them keeps a new request from being forgotten.
            BroadcasterRequest::RouterRtpCapabilities | BroadcasterRequest::Enter(_) => {
                Err(Refusal(500, "not a request of a broadcaster that is in".into()))
            }
            BroadcasterRequest::Join => self.join_broadcaster(asker, id, json!({}), effects),
            BroadcasterRequest::Leave => {
                self.remove(id, effects, None);
                Ok(Verdict::Answer(json!({})))
            }
            BroadcasterRequest::CreatePlainTransport { direction, comedia, rtcp_mux } => {
                self.may_have_transport(id)?;
                let operation = Operation::CreatePlainTransport { direction, comedia, rtcp_mux };
                Ok(Verdict::Run(operation, Context::CreateTransport { asker, direction }))
            }
            BroadcasterRequest::CreateWebRtcTransport => {
                self.may_have_transport(id)?;
                let operation = Operation::CreateTransport { direction: None, force_tcp: false };
                Ok(Verdict::Run(operation, Context::CreateTransport { asker, direction: None }))
            }
            BroadcasterRequest::ConnectPlainTransport { transport, ip, port, rtcp_port } => {
                let transport = own_transport_of(peer, &transport, true)?;
                let ip = self.may_be_sent_to(peer, ip)?;
                run(Operation::ConnectPlainTransport { transport, ip, port, rtcp_port })
            }
            BroadcasterRequest::ConnectWebRtcTransport { transport, dtls_parameters } => {
                run(Operation::ConnectTransport(own_transport_of(peer, &transport, false)?, dtls_parameters))
            }
            BroadcasterRequest::Produce { transport, kind, rtp_parameters, source } => {
                let transport = self.may_produce(id, &transport.0, kind, source)?;
                let context = Context::Produce { asker, kind, source };
                Ok(Verdict::Run(Operation::Produce { transport, kind, rtp_parameters }, context))
            }
            BroadcasterRequest::ProduceData { transport, sctp_stream_parameters, label, protocol } => {
                let channel = if label == "bot" { Channel::Bot } else { Channel::Chat };
                let transport = self.may_produce_data(id, &transport.0, channel)?;
                let operation = Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol };
                Ok(Verdict::Run(operation, Context::ProduceData { asker, channel }))
            }
            BroadcasterRequest::Consume { transport, producer, paused, rtp_capabilities } => {
                self.consume_for(asker, id, &transport, producer, paused, rtp_capabilities)
            }
            BroadcasterRequest::ConsumeData { transport, producer } => {
                self.consume_data_for(asker, id, &transport, producer)
            }
            BroadcasterRequest::OfConsumer(consumer, call) => run(of_consumer(own_consumer(peer, &consumer.0)?, call)),
            BroadcasterRequest::PeerProducersInfos if peer.joined.is_none() => Err(Refusal::not_joined()),
            BroadcasterRequest::PeerProducersInfos => Ok(Verdict::Answer(self.peer_producers_infos(id))),
        }
    }

    fn consume_for(
        &self,
        asker: Asker,
        id: &PeerId,
        transport: &TransportId,
        producer: ProducerId,
        paused: bool,
        rtp_capabilities: Option<Value>,
    ) -> Judged {
        let (joined, transport) = self.may_consume(id, transport)?;
        self.may_consume_plainly(id, &transport)?;
        if self.owner_of_producer(&producer).is_none() {
            return Err(Refusal(404, "there is no such producer in the meeting".into()));
        }
        if !self.has_room_for_consumer(id) {
            return Err(Refusal(429, "the limit of consumers is reached".into()));
        }
        let known = rtp_capabilities.or_else(|| joined.rtp_capabilities.clone());
        let rtp_capabilities = known.ok_or_else(|| Refusal(400, "rtpCapabilities are missing".into()))?;
        let operation =
            Operation::Consume { transport: transport.clone(), producer: producer.clone(), rtp_capabilities, paused };
        Ok(Verdict::Run(operation, Context::ConsumeFor { asker, transport, producer }))
    }

    fn consume_data_for(&self, asker: Asker, id: &PeerId, transport: &TransportId, producer: DataProducerId) -> Judged {
        let (_, transport) = self.may_consume(id, transport)?;
        if self.is_plain(id, &transport) {
            return Err(Refusal(400, "plain transports carry no messages".into()));
        }
        if self.owner_of_data_producer(&producer).is_none() {
            return Err(Refusal(404, "there is no such data producer in the meeting".into()));
        }
        let operation = Operation::ConsumeData { transport, producer: Some(producer.clone()) };
        Ok(Verdict::Run(operation, Context::ConsumeDataFor { asker, producer }))
    }

    fn may_consume(&self, id: &PeerId, transport: &TransportId) -> Result<(&Joined, TransportId), Refusal> {
        let peer = self.peers.get(id).ok_or_else(Refusal::not_joined)?;
        let joined = peer.joined.as_ref().ok_or_else(Refusal::not_joined)?;
        check_subscribe(peer)?;
        Ok((joined, own_transport(peer, &transport.0)?))
    }

    fn is_plain(&self, id: &PeerId, transport: &TransportId) -> bool {
        let state = self.peers.get(id).and_then(|peer| peer.transports.get(transport));
        state.is_some_and(|state| state.is_plain)
    }

    /// Nothing on a plain transport shows that its other side wants what it is sent.
    fn may_consume_plainly(&self, id: &PeerId, transport: &TransportId) -> Result<(), Refusal> {
        let Some(peer) = self.peers.get(id).filter(|_| self.is_plain(id, transport)) else { return Ok(()) };
        check_receive_plain(peer)?;
        let there = peer.consumers.values().filter(|consumer| consumer.transport == *transport).count();
        Refusal::too_many(there, self.limits.plain_consumers, "consumers per plain transport")
    }

    /// The address, unless plain RTP must not be sent there.
    fn may_be_sent_to(&self, peer: &Peer, ip: IpAddr) -> Result<IpAddr, Refusal> {
        check_receive_plain(peer)?;
        if !self.limits.plain_destinations.permit(ip) {
            let reason =
                "plain RTP may not be sent to this address: only public ones and --plain-destinations are open";
            return Err(Refusal(403, reason.into()));
        }
        Ok(ip.to_canonical())
    }

    /// Everybody who has joined but for `id`, with what they send, as older scripts want it.
    fn senders_but(&self, id: &PeerId) -> Vec<Value> {
        let others = self.peers.iter().filter(|(other, peer)| *other != id && peer.is_seen());
        let describe = |(other, peer): (&PeerId, &Peer)| {
            let producer =
                |(id, state): (&ProducerId, &super::peer::ProducerState)| json!({ "id": id.0, "kind": state.kind });
            let producers: Vec<Value> = peer.producers.iter().map(producer).collect();
            let mut described = json!(self.info(other, peer));
            described["producers"] = json!(producers);
            described
        };
        others.map(describe).collect()
    }

    /// The same as newer scripts want it.
    fn peer_producers_infos(&self, id: &PeerId) -> Value {
        let others = self.peers.iter().filter(|(other, peer)| *other != id && peer.is_seen());
        let describe = |(other, peer): (&PeerId, &Peer)| {
            let producers = peer.producers.iter().map(|(id, state)| {
                json!({
                    "producerId": id.0, "kind": state.kind, "source": state.source, "paused": state.is_paused,
                    "consumableCodecs": state.consumable_codecs,
                })
            });
            json!({ "peerId": other.0, "producers": producers.collect::<Vec<_>>() })
        };
        let infos: Vec<_> = others.map(describe).collect();
        json!({ "peerProducersInfos": infos, "version": self.streams_version })
    }
}

/// By what proves who it is; of a caller whom nothing proves only the address is known.
fn is_same_caller(entered: &ParticipantGrant, caller: &ParticipantGrant) -> bool {
    match entered.person() {
        Some(person) => caller.person() == Some(person),
        None => caller.address == entered.address,
    }
}

fn check_receive_plain(peer: &Peer) -> Result<(), Refusal> {
    let reason = "you may not receive by plain RTP: that needs a join token with receivePlain";
    if peer.grant.receive_plain { Ok(()) } else { Err(Refusal(403, reason.into())) }
}

fn of_consumer(consumer: ConsumerId, call: ConsumerCall) -> Operation {
    match call {
        ConsumerCall::Resume => Operation::ResumeConsumer(consumer),
        ConsumerCall::Pause => Operation::PauseConsumer(consumer),
        ConsumerCall::RequestKeyFrame => Operation::RequestKeyFrame(consumer),
        ConsumerCall::SetPreferredLayers(spatial, temporal) => {
            Operation::SetPreferredLayers(consumer, spatial, temporal)
        }
    }
}

fn own_transport_of(peer: &Peer, transport: &TransportId, is_plain: bool) -> Result<TransportId, Refusal> {
    let own = own_transport(peer, &transport.0)?;
    if peer.transports.get(&own).is_some_and(|state| state.is_plain != is_plain) {
        return Err(Refusal(400, "this transport is of the other kind".into()));
    }
    Ok(own)
}

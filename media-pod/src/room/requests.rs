//! What clients ask and tell: checks ownership and order, and turns the rest into operations.

use std::time::Duration;

use convene_protocol::message::{
    Channel, ClientRequest, ConsumerRef, CreateTransport, Direction, DisplayNameChanged, Join, JoinAnswer, MediaKind,
    PeerInfo, Produce, ProduceData, RouterCapabilitiesAnswer, ServerNotification, Source,
};
use serde_json::{Value, json};

use super::command::{Asker, Context};
use super::effect::{Fact, Operation};
use super::ids::{ConnectionId, PeerId, ProducerId, TransportId};
use super::moderating::is_for_moderators;
use super::owned::{own_transport, owned_operation};
use super::peer::{Joined, Peer};
use super::presence::Presence;
use super::rights::{check_data, needed_for};
use super::verdict::{Judged, Refusal, Verdict, conclude};
use super::{Effects, Room};

impl Room {
    pub(super) fn request(&mut self, asker: Asker, request: ClientRequest, now: Duration, effects: &mut Effects) {
        let judged = self.judge(asker, request, now, effects);
        conclude(asker, judged, effects);
    }

    /// Notifications are requests without an answer. What crosses on the wire with a close is no error: it is passed over.
    pub(super) fn notified(
        &mut self,
        connection: ConnectionId,
        request: ClientRequest,
        now: Duration,
        effects: &mut Effects,
    ) {
        if !may_be_told(&request) {
            return;
        }
        if let Ok(Verdict::Run(operation, _)) = self.judge(Asker::client(connection, 0), request, now, effects) {
            effects.run(operation);
        }
    }

    pub(super) fn judge(
        &mut self,
        asker: Asker,
        request: ClientRequest,
        now: Duration,
        effects: &mut Effects,
    ) -> Judged {
        if let Some(id) = self.waiting_on(asker.peer) {
            return self.of_waiting(&id, asker, request, effects);
        }
        if let Some(id) = self.pending_on(asker.peer) {
            return self.of_pending(&id, asker, request);
        }
        if is_for_moderators(&request) {
            return self.moderate(asker, request, now, effects);
        }
        if matches!(request, ClientRequest::GetRouterRtpCapabilities(_)) {
            return Ok(Verdict::Answer(self.capabilities_answer()));
        }
        let Some((peer_id, peer)) = self.peer_of(asker.peer) else {
            return Err(Refusal(409, "this connection has been replaced".into()));
        };
        let peer_id = peer_id.clone();
        match request {
            ClientRequest::GetRtcStatsUrl(_) => {
                peer.wraps_stats = true;
                Ok(Verdict::Answer(json!({})))
            }
            ClientRequest::CreateWebRtcTransport(create) => self.create_transport(&peer_id, asker, &create),
            ClientRequest::Join(join) => self.join(&peer_id, asker, join, now, effects),
            ClientRequest::Produce(produce) => self.start_producer(&peer_id, asker, produce),
            ClientRequest::ProduceData(produce) => self.start_data_producer(&peer_id, asker, produce),
            ClientRequest::CloseProducer(producer) => self.close_producer(&peer_id, &producer.producer_id, effects),
            ClientRequest::PauseProducer(producer) => self.set_paused(&peer_id, &producer.producer_id, true, effects),
            ClientRequest::ResumeProducer(producer) => self.set_paused(&peer_id, &producer.producer_id, false, effects),
            ClientRequest::ChangeDisplayName(name) => self.rename(&peer_id, &name.display_name, effects),
            ClientRequest::GetChatHistory(wanted) => self.chat_history(&peer_id, wanted),
            ClientRequest::SendChatMessage(chat) => self.send_chat(&peer_id, chat.text, now, effects),
            ClientRequest::RaiseHand(hand) => self.raise_hand(&peer_id, hand.raised, effects),
            ClientRequest::SendReaction(sent) => self.react(&peer_id, sent.reaction, now, effects),
            ClientRequest::SetWatchedPeers(watched) => self.set_watched(&peer_id, watched.peer_ids, effects),
            ClientRequest::Knock(_) => Err(Refusal(409, "you are in already".into())),
            ClientRequest::ApplyNetworkThrottle(_)
            | ClientRequest::ResetNetworkThrottle(_)
            | ClientRequest::StopNetworkThrottle(_) => {
                Err(Refusal(403, "network throttling is not offered here".into()))
            }
            other => Ok(Verdict::Run(owned_operation(peer, other)?, Context::Request(asker))),
        }
    }

    pub(super) fn capabilities_answer(&self) -> Value {
        let flat = self.capabilities.clone();
        json!(RouterCapabilitiesAnswer { router_rtp_capabilities: flat.clone(), flat })
    }

    fn join(&mut self, peer_id: &PeerId, asker: Asker, join: Join, now: Duration, effects: &mut Effects) -> Judged {
        let (is_full, is_locked) = (self.is_full(), self.is_locked());
        let Some(peer) = self.peers.get(peer_id) else { return Ok(Verdict::Answered) };
        if peer.joined.is_some() {
            return Err(Refusal(409, "you have joined already".into()));
        }
        if is_locked && !peer.belongs() && !peer.grant.moderator {
            return Err(Refusal::locked());
        }
        if is_full && peer.takes_seat() {
            return Err(Refusal(403, "the meeting is full".into()));
        }
        effects.note(Fact::Joined(now.saturating_sub(peer.since)));
        let display_name = join.display_name.trim().to_owned();
        let joined = Joined { display_name, device: join.device, rtp_capabilities: join.rtp_capabilities };
        let answer = json!(JoinAnswer { peers: self.others(peer_id) });
        self.introduce(peer_id, joined, asker, answer, effects);
        if let Some(peer) = self.peers.get_mut(peer_id) {
            peer.presence = Presence::of_newcomer(now);
        }
        self.tell_newcomer(peer_id, effects);
        self.consume_everything(peer_id, effects);
        Ok(Verdict::Answered)
    }

    /// How the room is, and to moderators who waits.
    fn tell_newcomer(&self, peer_id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(peer_id) else { return };
        effects.tell(peer.connection, self.state());
        if peer.moderates() {
            effects.tell(peer.connection, self.lobby_peers());
        }
    }

    /// Everybody who has joined, but for `peer_id` and who is hidden.
    pub(super) fn others(&self, peer_id: &PeerId) -> Vec<PeerInfo> {
        let others = self.peers.iter().filter(|(other, _)| *other != peer_id);
        others.filter_map(|(other, peer)| self.info(other, peer)).collect()
    }

    /// What others are told of somebody, if they are told.
    pub(super) fn info(&self, id: &PeerId, peer: &Peer) -> Option<PeerInfo> {
        peer.info(id, self.publishes(peer))
    }

    /// Answers, then makes the newcomer known; consumers come later: clients rely on this order.
    pub(super) fn introduce(
        &mut self,
        peer_id: &PeerId,
        mut joined: Joined,
        asker: Asker,
        answer: Value,
        effects: &mut Effects,
    ) {
        let Some(peer) = self.peers.get_mut(peer_id) else { return };
        if let Some(name) = &peer.grant.name {
            joined.display_name.clone_from(name);
        }
        peer.joined = Some(joined);
        effects.succeed(asker, answer);
        if let Some(info) = self.peers.get(peer_id).and_then(|peer| self.info(peer_id, peer)) {
            self.tell_joined(&ServerNotification::NewPeer(Box::new(info.into())), Some(peer_id), effects);
        }
    }

    fn create_transport(&mut self, peer_id: &PeerId, asker: Asker, create: &CreateTransport) -> Judged {
        let direction = create.direction().ok_or_else(|| Refusal(400, "the direction is missing".into()))?;
        let peer = self.may_have_transport(peer_id)?;
        peer.wraps_stats |= create.app_data.is_some();
        let direction = Some(direction);
        let operation = Operation::CreateTransport { direction, force_tcp: create.force_tcp };
        Ok(Verdict::Run(operation, Context::CreateTransport { asker, direction }))
    }

    /// The participant, unless a limit is reached.
    pub(super) fn may_have_transport(&mut self, peer_id: &PeerId) -> Result<&mut Peer, Refusal> {
        let in_room = self.peers.values().map(|peer| peer.transports.len()).sum();
        Refusal::too_many(in_room, self.limits.transports, "transports in the meeting")?;
        let peer = self.peers.get_mut(peer_id).ok_or_else(Refusal::not_joined)?;
        let most = self.limits.transports_per_peer;
        Refusal::too_many(peer.transports.len(), most, "transports per participant").map(|()| peer)
    }

    fn start_producer(&self, peer_id: &PeerId, asker: Asker, produce: Produce) -> Judged {
        let source = produce.source();
        let transport = self.may_produce(peer_id, &produce.transport_id, produce.kind, source)?;
        let Produce { kind, rtp_parameters, .. } = produce;
        check_layers(kind, &rtp_parameters)?;
        let context = Context::Produce { asker, kind, source };
        Ok(Verdict::Run(Operation::Produce { transport, kind, rtp_parameters }, context))
    }

    /// The transport to send on, unless order, rights, ownership or a limit forbids it.
    pub(super) fn may_produce(
        &self,
        peer_id: &PeerId,
        transport: &str,
        kind: MediaKind,
        source: Source,
    ) -> Result<TransportId, Refusal> {
        let in_room = self.peers.values().map(|peer| peer.producers.len()).sum();
        Refusal::too_many(in_room, self.limits.producers, "producers in the meeting")?;
        let peer = self.peers.get(peer_id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        self.check_publish(peer, needed_for(kind, source))?;
        let transport = own_transport(peer, transport)?;
        if peer.transports.get(&transport).and_then(|state| state.direction) == Some(Direction::Consumer) {
            return Err(Refusal(409, "this transport is for receiving".into()));
        }
        let most = self.limits.producers_per_peer;
        Refusal::too_many(peer.producers.len(), most, "producers per participant").map(|()| transport)
    }

    fn start_data_producer(&self, peer_id: &PeerId, asker: Asker, produce: ProduceData) -> Judged {
        let channel = produce.channel();
        let transport = self.may_produce_data(peer_id, &produce.transport_id, channel)?;
        let ProduceData { sctp_stream_parameters, label, protocol, .. } = produce;
        let operation = Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol };
        Ok(Verdict::Run(operation, Context::ProduceData { asker, channel }))
    }

    pub(super) fn may_produce_data(
        &self,
        peer_id: &PeerId,
        transport: &str,
        channel: Channel,
    ) -> Result<TransportId, Refusal> {
        if channel == Channel::Chat && !self.terms.has_chat {
            return Err(Refusal::no_chat());
        }
        let in_room = self.census().holdings.data_producers;
        Refusal::too_many(in_room, self.limits.data_producers, "data producers in the meeting")?;
        let peer = self.peers.get(peer_id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        check_data(peer)?;
        let transport = own_transport(peer, transport)?;
        let most = self.limits.data_producers_per_peer;
        Refusal::too_many(peer.data_producers.len(), most, "data producers per participant").map(|()| transport)
    }

    fn close_producer(&mut self, peer_id: &PeerId, id: &str, effects: &mut Effects) -> Judged {
        if !self.drop_producer(peer_id, &ProducerId::from(id), effects) {
            return Err(Refusal::not_found("producer", id));
        }
        Ok(Verdict::Answer(json!({})))
    }

    /// Ends a producer of somebody; false when they have no such one.
    pub(super) fn drop_producer(&mut self, owner: &PeerId, producer: &ProducerId, effects: &mut Effects) -> bool {
        let removed = self.peers.get_mut(owner).and_then(|peer| peer.producers.remove(producer));
        if removed.is_none() {
            return false;
        }
        // First, so that nobody takes the end of the consumer for a stream that is left out.
        self.tell_sends(owner, effects);
        self.close_consumers_of(producer, effects);
        effects.run(Operation::CloseProducer(producer.clone()));
        self.note_streams();
        true
    }

    fn set_paused(&mut self, peer_id: &PeerId, id: &str, pause: bool, effects: &mut Effects) -> Judged {
        let paused = self.pause(peer_id, &ProducerId::from(id), pause, effects);
        paused.ok_or_else(|| Refusal::not_found("producer", id))?;
        Ok(Verdict::Answer(json!({})))
    }

    /// Pauses or resumes a producer of somebody and tells who receive it; whether it was otherwise before, if they have such one.
    pub(super) fn pause(
        &mut self,
        owner: &PeerId,
        producer: &ProducerId,
        pause: bool,
        effects: &mut Effects,
    ) -> Option<bool> {
        let state = self.peers.get_mut(owner)?.producers.get_mut(producer)?;
        let is_other = std::mem::replace(&mut state.is_paused, pause) != pause;
        state.rest = if pause { state.rest } else { 0 };
        for peer in self.peers.values() {
            for (consumer, _) in peer.consumers.iter().filter(|(_, state)| state.producer == *producer) {
                let told = ConsumerRef { consumer_id: consumer.0.clone() };
                let paused = ServerNotification::ConsumerPaused(told.clone());
                effects.tell(peer.connection, if pause { paused } else { ServerNotification::ConsumerResumed(told) });
            }
        }
        let producer = producer.clone();
        effects.run(if pause { Operation::PauseProducer(producer) } else { Operation::ResumeProducer(producer) });
        self.note_pause(owner, is_other, effects);
        Some(is_other)
    }

    fn note_pause(&mut self, owner: &PeerId, is_other: bool, effects: &mut Effects) {
        if is_other {
            // The next tick chooses: pausing is cheap for a client, and choosing is not.
            self.note_streams();
            self.tell_sends(owner, effects);
        }
    }

    fn rename(&mut self, peer_id: &PeerId, name: &str, effects: &mut Effects) -> Judged {
        let peer = self.peers.get_mut(peer_id).ok_or_else(Refusal::not_joined)?;
        let (is_fixed, is_hidden) = (peer.grant.name.is_some(), peer.grant.hidden);
        let joined = peer.joined.as_mut().ok_or_else(Refusal::not_joined)?;
        if is_fixed {
            return Err(Refusal(403, "your name was given to you and cannot be changed".into()));
        }
        let display_name = name.trim().to_owned();
        let old_display_name = std::mem::replace(&mut joined.display_name, display_name.clone());
        let told = DisplayNameChanged { peer_id: peer_id.0.clone(), display_name, old_display_name };
        if !is_hidden {
            self.tell_joined(&ServerNotification::PeerDisplayNameChanged(told), Some(peer_id), effects);
        }
        Ok(Verdict::Answer(json!({})))
    }
}

/// What makes sense without an answer. The rest would make things whose ids nobody learns.
fn may_be_told(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::CloseProducer(_)
            | ClientRequest::PauseProducer(_)
            | ClientRequest::ResumeProducer(_)
            | ClientRequest::PauseConsumer(_)
            | ClientRequest::ResumeConsumer(_)
            | ClientRequest::RequestConsumerKeyFrame(_)
            | ClientRequest::SetConsumerPreferredLayers(_)
            | ClientRequest::SetConsumerPriority(_)
            | ClientRequest::SetWatchedPeers(_)
            | ClientRequest::ChangeDisplayName(_)
    )
}

/// AV1 goes through with temporal layers only: its dependency descriptor does not reach receivers, who then cannot decode
/// spatial ones and ask for key frames without end.
fn check_layers(kind: MediaKind, rtp_parameters: &Value) -> Result<(), Refusal> {
    let mime_type = rtp_parameters["codecs"][0]["mimeType"].as_str().unwrap_or_default();
    if kind != MediaKind::Video || !mime_type.eq_ignore_ascii_case("video/av1") {
        return Ok(());
    }
    let encodings = rtp_parameters["encodings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_spatial = |encoding: &Value| spatial_layers(encoding["scalabilityMode"].as_str().unwrap_or_default()) > 1;
    if encodings.len() > 1 || encodings.iter().any(is_spatial) {
        let reason =
            "AV1 is forwarded with temporal layers only: send one encoding with scalabilityMode L1T1, L1T2 or L1T3";
        return Err(Refusal(400, reason.into()));
    }
    Ok(())
}

/// The number after the `L` or `S` of a scalability mode (W3C WebRTC-SVC); 1 when there is none.
fn spatial_layers(mode: &str) -> u32 {
    let digits = mode.trim_start_matches(['L', 'S']);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(1)
}

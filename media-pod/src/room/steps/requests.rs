//! Requests of clients: the first decision, whether the client may send the request now, and the handler of each.

use convene_protocol::message::{ClientRequest, Form, Sender};

use crate::room::answer::{Decided, Decision, Refusal, respond};
use crate::room::effects::Effects;
use crate::room::interface::context::{Context, Requester};
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConnectionId, ConsumerId, PeerId};
use crate::room::interface::operation::Operation;
use crate::room::moving::is_allowed;
use crate::room::people::peer::Peer;
use crate::room::people::prepared::owner_on;
use crate::room::state::Room;
use crate::room::tracks::Wish;

impl Room {
    pub(super) fn on_request(&mut self, requester: Requester, request: ClientRequest, effects: &mut Effects) {
        let decided = self.decide(requester, request, effects);
        respond(requester, decided, effects);
    }

    /// Notifications are requests without an answer. One that crosses with a close on the wire is ignored.
    pub(super) fn on_notification(&mut self, connection: ConnectionId, request: ClientRequest, effects: &mut Effects) {
        if request.form() == Form::Request {
            return;
        }
        if let Ok(Decision::Run(operation, _)) = self.decide(Requester::client(connection, 0), request, effects) {
            effects.run(operation);
        }
    }

    /// The first decision: whether the client may send the request now. Clients that are not admitted yet get some answers later.
    pub(super) fn decide(&mut self, requester: Requester, request: ClientRequest, effects: &mut Effects) -> Decided {
        if self.moving.is_some() && !is_allowed(&request) {
            return Err(Refusal::moving());
        }
        if let Some(owner) = self.prepared.id_on(requester.peer) {
            return self.decide_prepared(&owner, requester, request, effects);
        }
        if let Some(id) = self.lobby.id_on(requester.peer) {
            return self.decide_in_lobby(&id, requester, request, effects);
        }
        if let Some(id) = self.pending.id_on(requester.peer) {
            return self.pending.hold(&id, requester.id, request);
        }
        let replaced = || Refusal(409, "this connection has been replaced".into());
        let (id, peer) = self.seats.on(requester.peer).ok_or_else(replaced)?;
        let id = id.clone();
        check_sender(peer, request.sender())?;
        self.perform(&id, requester, request, effects)
    }

    /// A client that was prepared keeps its transports connected while it waits.
    fn decide_in_lobby(
        &mut self,
        id: &PeerId,
        requester: Requester,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Decided {
        let was_prepared = self.lobby.was_prepared(id);
        match request.sender() {
            Sender::Waiting => self.perform(id, requester, request, effects),
            _ if was_prepared && keeps_media_connected(&request) => {
                self.perform(&owner_on(requester.peer), requester, request, effects)
            }
            _ if was_prepared && matches!(request, ClientRequest::Join(_)) => {
                self.lobby.hold(id, requester.id, request)
            }
            Sender::Anyone => self.lobby.hold(id, requester.id, request),
            Sender::Admitted | Sender::Participant | Sender::Moderator => {
                Err(Refusal::forbidden("a moderator has to let you in first"))
            }
        }
    }

    pub(super) fn perform(
        &mut self,
        id: &PeerId,
        requester: Requester,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Decided {
        let (name, sender) = (request.name(), request.sender());
        let decision = self.handle_request(id, requester, request, effects)?;
        if sender == Sender::Moderator {
            effects.note(Fact::Moderated(name));
        }
        Ok(decision)
    }

    /// The handler of each request. `id` is the client that sends it.
    fn handle_request(
        &mut self,
        id: &PeerId,
        requester: Requester,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Decided {
        let run = |operation| Ok(Decision::Run(operation, Context::Request(requester)));
        match request {
            ClientRequest::GetRtcStatsUrl(_) => Ok(self.rtc_stats_url(requester)),
            ClientRequest::GetRouterRtpCapabilities(_) => Ok(self.capabilities_answer()),
            ClientRequest::CreateWebRtcTransport(create) => self.create_transport(id, requester, &create),
            ClientRequest::ConnectWebRtcTransport(connect) => {
                let transport = self.tracks.transport(id, &connect.transport_id)?;
                run(Operation::ConnectTransport(transport, connect.dtls_parameters))
            }
            ClientRequest::RestartIce(of) => run(Operation::RestartIce(self.tracks.transport(id, &of.transport_id)?)),
            ClientRequest::Join(join) => self.join(id, requester, join, effects),
            ClientRequest::Produce(produce) => self.start_producer(id, requester, produce),
            ClientRequest::ProduceData(produce) => self.start_data_producer(id, requester, produce),
            ClientRequest::CloseProducer(of) => self.close_producer(id, &of.producer_id, effects),
            ClientRequest::PauseProducer(of) => self.set_paused(id, &of.producer_id, true, effects),
            ClientRequest::ResumeProducer(of) => self.set_paused(id, &of.producer_id, false, effects),
            ClientRequest::PauseConsumer(of) => {
                run(Operation::PauseConsumer(self.wish(id, &of.consumer_id, Wish::Pause, effects)?))
            }
            ClientRequest::ResumeConsumer(of) => {
                run(Operation::ResumeConsumer(self.wish(id, &of.consumer_id, Wish::Resume, effects)?))
            }
            ClientRequest::RequestConsumerKeyFrame(of) => {
                run(Operation::RequestKeyFrame(self.tracks.consumer(id, &of.consumer_id)?))
            }
            ClientRequest::SetConsumerPreferredLayers(of) => {
                let consumer = self.wish(id, &of.consumer_id, Wish::UpTo(of.spatial_layer), effects)?;
                run(Operation::SetPreferredLayers(consumer, of.spatial_layer, of.temporal_layer))
            }
            ClientRequest::SetConsumerPriority(of) => {
                run(Operation::SetPriority(self.tracks.consumer(id, &of.consumer_id)?, of.priority))
            }
            ClientRequest::ChangeDisplayName(name) => self.rename(id, &name.display_name, effects),
            ClientRequest::GetTransportStats(of) => {
                run(Operation::TransportStats(self.tracks.transport(id, &of.transport_id)?))
            }
            ClientRequest::GetProducerStats(of) => {
                run(Operation::ProducerStats(self.tracks.producer(id, &of.producer_id)?))
            }
            ClientRequest::GetConsumerStats(of) => {
                run(Operation::ConsumerStats(self.tracks.consumer(id, &of.consumer_id)?))
            }
            ClientRequest::GetDataProducerStats(of) => {
                run(Operation::DataProducerStats(self.data.producer(id, &of.data_producer_id)?))
            }
            ClientRequest::GetDataConsumerStats(of) => {
                run(Operation::DataConsumerStats(self.data.consumer(id, &of.data_consumer_id)?))
            }
            ClientRequest::GetChatHistory(wanted) => self.chat_history(id, wanted),
            ClientRequest::SendChatMessage(chat) => self.send_chat(id, chat.text, effects),
            ClientRequest::RaiseHand(hand) => self.raise_hand(id, hand.raised, effects),
            ClientRequest::SendReaction(sent) => self.react(id, sent.reaction, effects),
            ClientRequest::SetWatchedPeers(watched) => Ok(self.set_watched(id, watched.peer_ids, effects)),
            ClientRequest::Knock(knock) => self.knock(id, &knock, effects),
            ClientRequest::AdmitPeer(of) => self.admit_peer(of.peer_id, effects),
            ClientRequest::RefusePeer(of) => self.deny_peer(of.peer_id, effects),
            ClientRequest::AdmitAll(_) => Ok(self.admit_all(effects)),
            ClientRequest::SetRoomLock(lock) => Ok(self.set_lock(lock.locked, effects)),
            ClientRequest::SetRoomLobby(lobby) => Ok(self.set_lobby(lobby.enabled, effects)),
            ClientRequest::MuteParticipant(mute) => self.mute_participants(id, &mute, effects),
            ClientRequest::AskToUnmute(of) => self.ask_to_unmute(&of.peer_id, effects),
            ClientRequest::RemoveParticipant(of) => self.remove_participant(&of.peer_id, id, effects),
            ClientRequest::SetPermissions(change) => self.set_permissions(&change, id, effects),
            ClientRequest::SetModerator(change) => self.set_moderator(&change, id, effects),
            ClientRequest::LowerHand(of) => self.lower_hand(&of.peer_id, effects),
            ClientRequest::EndMeeting(_) => Ok(self.end_meeting(requester, effects)),
            ClientRequest::Moved(_) => self.note_moved(id, effects),
            ClientRequest::ApplyNetworkThrottle(_)
            | ClientRequest::ResetNetworkThrottle(_)
            | ClientRequest::StopNetworkThrottle(_) => {
                Err(Refusal::forbidden("network throttling is not available here"))
            }
        }
    }
}

impl Room {
    /// A consumer of the client, for which it states a wish.
    pub(super) fn wish(
        &mut self,
        id: &PeerId,
        consumer: &str,
        wish: Wish,
        effects: &mut Effects,
    ) -> Result<ConsumerId, Refusal> {
        let consumer = self.tracks.consumer(id, consumer)?;
        self.tracks.note_wish(id, &consumer, wish, &self.seats, effects);
        Ok(consumer)
    }
}

fn keeps_media_connected(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::ConnectWebRtcTransport(_) | ClientRequest::RestartIce(_) | ClientRequest::GetTransportStats(_)
    )
}

fn check_sender(peer: &Peer, sender: Sender) -> Result<(), Refusal> {
    match sender {
        Sender::Waiting => Err(Refusal(409, "you were admitted already".into())),
        Sender::Moderator if !peer.moderates() => Err(Refusal::forbidden("only a moderator may do this")),
        Sender::Moderator | Sender::Participant if peer.joined.is_none() => Err(Refusal::not_joined()),
        Sender::Anyone | Sender::Admitted | Sender::Participant | Sender::Moderator => Ok(()),
    }
}

//! What belongs to a participant: finds it by the id that a client named, and turns requests about it into operations.
//! Ids of others are as good as ids of nothing.

use convene_protocol::message::ClientRequest;

use super::effect::Operation;
use super::ids::{ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};
use super::peer::Peer;
use super::verdict::Refusal;

/// Operations on a single thing of the peer's own.
pub(super) fn owned_operation(peer: &Peer, request: ClientRequest) -> Result<Operation, Refusal> {
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
        | ClientRequest::ChangeDisplayName(_)
        | ClientRequest::GetChatHistory(_)
        | ClientRequest::SendChatMessage(_)
        | ClientRequest::RaiseHand(_)
        | ClientRequest::SendReaction(_)
        | ClientRequest::SetWatchedPeers(_)
        | ClientRequest::Knock(_)
        | ClientRequest::AdmitPeer(_)
        | ClientRequest::RefusePeer(_)
        | ClientRequest::AdmitAll(_)
        | ClientRequest::SetRoomLock(_)
        | ClientRequest::SetRoomLobby(_)
        | ClientRequest::MuteParticipant(_)
        | ClientRequest::AskToUnmute(_)
        | ClientRequest::RemoveParticipant(_)
        | ClientRequest::SetPermissions(_)
        | ClientRequest::SetModerator(_)
        | ClientRequest::LowerHand(_)
        | ClientRequest::EndMeeting(_)
        | ClientRequest::ApplyNetworkThrottle(_)
        | ClientRequest::ResetNetworkThrottle(_)
        | ClientRequest::StopNetworkThrottle(_) => return Err(Refusal(500, "not an operation on one thing".into())),
    })
}

pub(super) fn own_transport(peer: &Peer, id: &str) -> Result<TransportId, Refusal> {
    let (own, _) =
        peer.transports.get_key_value(&TransportId::from(id)).ok_or_else(|| Refusal::not_found("transport", id))?;
    Ok(own.clone())
}

fn own_producer(peer: &Peer, id: &str) -> Result<ProducerId, Refusal> {
    let (own, _) =
        peer.producers.get_key_value(&ProducerId::from(id)).ok_or_else(|| Refusal::not_found("producer", id))?;
    Ok(own.clone())
}

pub(super) fn own_consumer(peer: &Peer, id: &str) -> Result<ConsumerId, Refusal> {
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

//! The cost of a message in tokens of a client's rate limit: by its length, which is charged before it is parsed, and by the work it
//! causes. Pure.
//!
//! One token is one cheap request of up to 1 KiB. The costs keep the load that one client can cause within what a pod can handle: with the
//! default of 100 tokens per second it may send 100 kB, create four transports, or request ten pages of the chat history per second.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::message::ClientRequest;

/// Bytes per token.
const BYTES_PER_TOKEN: usize = 1024;

/// The cost of a message's length.
pub(super) fn cost_of_length(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX).saturating_add(1)
}

/// The cost of a request's work, in addition to its length.
pub(super) fn cost_of_work(request: &ClientRequest) -> u32 {
    match request {
        // Creates objects in the media worker for every participant.
        ClientRequest::CreateWebRtcTransport(_)
        | ClientRequest::Produce(_)
        | ClientRequest::ProduceData(_)
        | ClientRequest::CloseProducer(_)
        // In a large room: closes consumers and creates others.
        | ClientRequest::SetWatchedPeers(_) => 20,
        // Request or response of tens of kilobytes.
        ClientRequest::Join(_) | ClientRequest::GetChatHistory(_) | ClientRequest::GetRouterRtpCapabilities(_) => 10,
        // Every participant is notified.
        ClientRequest::ChangeDisplayName(_)
        | ClientRequest::RaiseHand(_)
        | ClientRequest::SendChatMessage(_)
        | ClientRequest::Knock(_)
        | ClientRequest::SetRoomLock(_)
        | ClientRequest::SetRoomLobby(_)
        | ClientRequest::SetPermissions(_)
        | ClientRequest::SetModerator(_)
        // Every receiver is notified, and the media worker.
        | ClientRequest::PauseProducer(_)
        | ClientRequest::ResumeProducer(_) => 5,
        // A request to the media worker, or to a sender for a key frame.
        ClientRequest::RestartIce(_)
        | ClientRequest::RequestConsumerKeyFrame(_)
        | ClientRequest::GetTransportStats(_)
        | ClientRequest::GetProducerStats(_)
        | ClientRequest::GetConsumerStats(_)
        | ClientRequest::GetDataProducerStats(_)
        | ClientRequest::GetDataConsumerStats(_) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn length_is_charged_in_kilobytes_and_nothing_is_free() {
        for (bytes, cost) in [(0, 1), (1023, 1), (1024, 2), (65_536, 65), (usize::MAX, u32::MAX)] {
            assert_eq!(cost_of_length(bytes), cost, "{bytes}");
        }
    }

    #[test]
    fn work_is_charged() {
        let cost = |method, data| cost_of_work(&ClientRequest::parse(method, data).unwrap());
        assert_eq!(cost("createWebRtcTransport", json!({ "producing": true })), 20);
        assert_eq!(cost("setWatchedPeers", json!({ "peerIds": [] })), 20);
        assert_eq!(cost("getChatHistory", json!({})), 10);
        assert_eq!(cost("resumeConsumer", json!({ "consumerId": "c" })), 0);
    }
}

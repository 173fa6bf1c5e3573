//! What a message costs of a client's rate: by its length, which is paid before it is read, and by the work it makes. Pure.
//!
//! One token is one cheap request of up to 1 KiB. The prices keep what one client can cause within what a pod can bear: with the usual
//! 100 tokens a second it may send 100 kB a second, make four transports, or ask for ten pages of the chat.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::message::ClientRequest;

/// Bytes that one token pays for.
const BYTES_PER_TOKEN: usize = 1024;

/// The price of a message's length.
pub(super) fn cost_of_length(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX).saturating_add(1)
}

/// The price of a request's work, on top of its length.
pub(super) fn cost_of_work(request: &ClientRequest) -> u32 {
    match request {
        // Makes something in the media worker, for everybody in the room.
        ClientRequest::CreateWebRtcTransport(_)
        | ClientRequest::Produce(_)
        | ClientRequest::ProduceData(_)
        | ClientRequest::CloseProducer(_)
        // In a large room: ends consumers and makes others.
        | ClientRequest::SetWatchedPeers(_) => 20,
        // Answered with tens of kilobytes, or read as such.
        ClientRequest::Join(_) | ClientRequest::GetChatHistory(_) | ClientRequest::GetRouterRtpCapabilities(_) => 10,
        // Everybody hears of it.
        ClientRequest::ChangeDisplayName(_)
        | ClientRequest::RaiseHand(_)
        | ClientRequest::SendChatMessage(_)
        | ClientRequest::Knock(_)
        | ClientRequest::SetRoomLock(_)
        | ClientRequest::SetRoomLobby(_)
        | ClientRequest::SetPermissions(_)
        | ClientRequest::SetModerator(_) => 5,
        // The media worker is asked, or a sender is asked for a key frame.
        ClientRequest::RestartIce(_)
        | ClientRequest::PauseProducer(_)
        | ClientRequest::ResumeProducer(_)
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
    fn length_is_paid_in_kilobytes_and_nothing_is_free() {
        for (bytes, cost) in [(0, 1), (1023, 1), (1024, 2), (65_536, 65), (usize::MAX, u32::MAX)] {
            assert_eq!(cost_of_length(bytes), cost, "{bytes}");
        }
    }

    #[test]
    fn work_has_its_price() {
        let cost = |method, data| cost_of_work(&ClientRequest::parse(method, data).unwrap());
        assert_eq!(cost("createWebRtcTransport", json!({ "producing": true })), 20);
        assert_eq!(cost("setWatchedPeers", json!({ "peerIds": [] })), 20);
        assert_eq!(cost("getChatHistory", json!({})), 10);
        assert_eq!(cost("resumeConsumer", json!({ "consumerId": "c" })), 0);
    }
}

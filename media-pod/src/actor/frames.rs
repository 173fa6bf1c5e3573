//! Encodes messages as protoo frames. A notification for several clients in a row is encoded once. Sends nothing.

use axum::extract::ws::Utf8Bytes;
use convene_protocol::frame;
use convene_protocol::message::ServerNotification;
use serde_json::json;

use crate::room::Outgoing;

/// Encoder that remembers the last notification.
#[derive(Debug, Default)]
pub(super) struct Frames(Option<(ServerNotification, Utf8Bytes)>);

impl Frames {
    /// The text of a message.
    pub(super) fn encode(&mut self, message: Outgoing) -> Utf8Bytes {
        match message {
            Outgoing::Success(id, data) => frame::success(id, &data).into(),
            Outgoing::Failure { id, code, reason } => frame::failure(id, code, &reason).into(),
            Outgoing::Request(id, request) => frame::request(id, &json!(request)).into(),
            Outgoing::Notification(notification) => self.encode_notification(notification),
        }
    }

    fn encode_notification(&mut self, notification: ServerNotification) -> Utf8Bytes {
        if let Some((_, text)) = self.0.as_ref().filter(|(last, _)| *last == notification) {
            return text.clone();
        }
        let text = Utf8Bytes::from(frame::notification(&json!(notification)));
        self.0 = Some((notification, text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use convene_protocol::message::{NoData, PeerClosed};

    use super::*;

    #[test]
    fn equal_notifications_share_one_text_and_others_do_not() {
        let mut frames = Frames::default();
        let closed = |peer_id: &str| {
            Outgoing::Notification(ServerNotification::PeerClosed(PeerClosed {
                peer_id: peer_id.into(),
                viewer: false,
            }))
        };
        let (first, second) = (frames.encode(closed("a")), frames.encode(closed("a")));
        assert_eq!(first.as_str().as_ptr(), second.as_str().as_ptr());
        assert!(frames.encode(closed("b")).contains("\"b\""));
        let unmute = frames.encode(Outgoing::Notification(ServerNotification::UnmuteRequested(NoData {})));
        assert!(unmute.contains("unmuteRequested"));
    }
}

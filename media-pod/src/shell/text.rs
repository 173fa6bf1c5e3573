//! Messages as the text of protoo frames. What several clients get one after the other is written once.

use axum::extract::ws::Utf8Bytes;
use convene_protocol::frame;
use convene_protocol::message::ServerNotification;
use serde_json::json;

use crate::room::Outgoing;

/// Remembers the last notification.
#[derive(Debug, Default)]
pub(super) struct Texts(Option<(ServerNotification, Utf8Bytes)>);

impl Texts {
    /// The text of a message.
    pub(super) fn of(&mut self, message: Outgoing) -> Utf8Bytes {
        match message {
            Outgoing::Success(id, data) => frame::success(id, &data).into(),
            Outgoing::Failure { id, code, reason } => frame::failure(id, code, &reason).into(),
            Outgoing::Request(id, asked) => frame::request(id, &json!(asked)).into(),
            Outgoing::Notification(told) => self.of_notification(told),
        }
    }

    fn of_notification(&mut self, told: ServerNotification) -> Utf8Bytes {
        if let Some((_, text)) = self.0.as_ref().filter(|(last, _)| *last == told) {
            return text.clone();
        }
        let text = Utf8Bytes::from(frame::notification(&json!(told)));
        self.0 = Some((told, text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use convene_protocol::message::{NoData, PeerClosed};

    use super::*;

    #[test]
    fn equal_notifications_share_one_text_and_others_do_not() {
        let mut texts = Texts::default();
        let closed = |peer_id: &str| {
            Outgoing::Notification(ServerNotification::PeerClosed(PeerClosed { peer_id: peer_id.into() }))
        };
        let (first, second) = (texts.of(closed("a")), texts.of(closed("a")));
        assert_eq!(first.as_str().as_ptr(), second.as_str().as_ptr());
        assert!(texts.of(closed("b")).contains("\"b\""));
        let unmute = texts.of(Outgoing::Notification(ServerNotification::UnmuteRequested(NoData {})));
        assert!(unmute.contains("unmuteRequested"));
    }
}

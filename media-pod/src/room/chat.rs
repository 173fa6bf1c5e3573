//! What has been said in the room, for those who come later or have no data channel. Bounded; ends with the room.

use std::collections::VecDeque;
use std::time::Duration;

use convene_protocol::message::{ChatMessage, MAX_CHAT_TEXT};

/// The newest messages.
#[derive(Debug)]
pub(super) struct Chat {
    messages: VecDeque<ChatMessage>,
    most: usize,
    next_id: u64,
    /// Milliseconds since 1970 at the room's time zero.
    opened_at: u64,
}

impl Chat {
    pub(super) fn new(most: usize, opened_at: u64) -> Self {
        Self { messages: VecDeque::new(), most, next_id: 1, opened_at }
    }

    /// Keeps a message; a text that is too long is kept as far as it is not.
    pub(super) fn note(&mut self, peer_id: &str, display_name: &str, text: &str, now: Duration) -> ChatMessage {
        let message = ChatMessage {
            id: self.next_id,
            peer_id: peer_id.to_owned(),
            display_name: display_name.to_owned(),
            text: text[..text.floor_char_boundary(MAX_CHAT_TEXT)].to_owned(),
            sent_at: self.opened_at.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        };
        self.next_id += 1;
        self.messages.push_back(message.clone());
        while self.messages.len() > self.most {
            self.messages.pop_front();
        }
        message
    }

    /// Oldest first.
    pub(super) fn history(&self) -> Vec<ChatMessage> {
        self.messages.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_kept_and_none_is_too_long() {
        let mut chat = Chat::new(2, 1_000);
        for text in ["one", "two", &"é".repeat(MAX_CHAT_TEXT)] {
            chat.note("ada", "Ada", text, Duration::from_secs(2));
        }
        let kept = chat.history();
        assert_eq!(kept.iter().map(|message| message.id).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((kept[1].text.len(), kept[1].sent_at), (MAX_CHAT_TEXT, 3_000));
        let mut odd = Chat::new(1, 0);
        odd.note("ada", "Ada", &format!("x{}", "é".repeat(MAX_CHAT_TEXT)), Duration::ZERO);
        assert_eq!(odd.history()[0].text.len(), MAX_CHAT_TEXT - 1, "no character is cut in two");
    }
}

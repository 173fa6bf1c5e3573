//! The messages of the chat, for late joiners and for clients without data channels. Bounded in messages and bytes.

mod memory;

use std::collections::VecDeque;
use std::time::Duration;

use convene_protocol::message::{ChatHistoryAnswer, ChatMessage, MAX_CHAT_TEXT, clean_chat_text};

/// Maximum bytes of all stored messages.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of the messages of one page.
const PAGE_BYTES: usize = 32 * 1024;
/// Messages of one page.
const PAGE_MESSAGES: usize = 100;
/// Bytes of a message in addition to its texts.
const FRAME_BYTES: usize = 128;

/// The newest messages of the chat.
#[derive(Clone, Debug)]
pub(crate) struct History {
    messages: VecDeque<ChatMessage>,
    bytes: usize,
    limit: usize,
    next_id: u64,
    /// Milliseconds since 1970 at the room's time zero.
    opened_at: u64,
}

impl History {
    pub(crate) fn new(limit: usize, opened_at: u64) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, limit, next_id: 1, opened_at }
    }

    /// Continues the history of an earlier room.
    pub(crate) fn restore(&mut self, before: Self) {
        *self = Self { limit: self.limit, opened_at: self.opened_at, ..before };
        self.trim();
    }

    /// Keeps a message without its control characters; a text that is too long is truncated.
    pub(crate) fn add(&mut self, peer_id: &str, display_name: &str, text: &str, now: Duration) -> ChatMessage {
        let message = ChatMessage {
            id: self.next_id,
            peer_id: peer_id.to_owned(),
            display_name: display_name.to_owned(),
            text: clean_chat_text(&text[..text.floor_char_boundary(MAX_CHAT_TEXT)]),
            sent_at: self.opened_at.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        };
        self.next_id += 1;
        self.bytes += bytes_of(&message);
        self.messages.push_back(message.clone());
        self.trim();
        message
    }

    fn trim(&mut self) {
        while self.messages.len() > self.limit || self.bytes > MAX_BYTES {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.bytes -= bytes_of(&oldest);
        }
    }

    /// The newest messages, or the newest before an id: as many as fit on a page, oldest first.
    pub(crate) fn page(&self, before: Option<u64>) -> ChatHistoryAnswer {
        let older = |message: &&ChatMessage| before.is_none_or(|before| message.id < before);
        let end = self.messages.iter().take_while(older).count();
        let mut room = PAGE_BYTES;
        let fits = |message: &&ChatMessage| match room.checked_sub(bytes_of(message)) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        let count = self.messages.range(..end).rev().take(PAGE_MESSAGES).take_while(fits).count();
        let messages = self.messages.range(end - count..end).cloned().collect();
        ChatHistoryAnswer { messages, more: end > count }
    }
}

fn bytes_of(message: &ChatMessage) -> usize {
    message.text.len() + message.display_name.len() + message.peer_id.len() + FRAME_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(chat: &mut History, text: &str) -> ChatMessage {
        chat.add("ada", "Ada", text, Duration::from_secs(2))
    }

    #[test]
    fn only_the_newest_are_kept_and_none_is_too_long() {
        let mut chat = History::new(2, 1_000);
        for text in ["one", "two", &"é".repeat(MAX_CHAT_TEXT)] {
            said(&mut chat, text);
        }
        let kept = chat.page(None).messages;
        assert_eq!(kept.iter().map(|message| message.id).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((kept[1].text.len(), kept[1].sent_at), (MAX_CHAT_TEXT, 3_000));
        let text = said(&mut History::new(1, 0), &format!("x{}", "é".repeat(MAX_CHAT_TEXT))).text;
        assert_eq!(text.len(), MAX_CHAT_TEXT - 1, "no character is cut in two");
        assert_eq!(said(&mut History::new(1, 0), "a\u{0}\u{1b}b\nc").text, "ab\nc");
    }

    #[test]
    fn bytes_are_bounded_as_well_as_messages() {
        let mut chat = History::new(10_000, 0);
        for _ in 0..1000 {
            said(&mut chat, &"x".repeat(MAX_CHAT_TEXT));
        }
        assert!(chat.bytes <= MAX_BYTES && chat.messages.len() >= 50, "{}", chat.messages.len());
    }

    #[test]
    fn a_successor_goes_on_with_the_numbers() {
        let mut before = History::new(10, 0);
        said(&mut before, "one");
        let mut after = History::new(10, 5_000);
        after.restore(before);
        assert_eq!((said(&mut after, "two").id, after.page(None).messages.len()), (2, 2));
    }

    proptest! {
        #[test]
        fn pages_hold_everything_once_and_none_is_large(lengths in prop::collection::vec(0_usize..MAX_CHAT_TEXT, 0..150)) {
            let mut chat = History::new(200, 0);
            for length in &lengths {
                said(&mut chat, &"x".repeat(*length));
            }
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let page = chat.page(before);
                prop_assert!(page.messages.iter().map(bytes_of).sum::<usize>() <= PAGE_BYTES);
                prop_assert!(page.messages.len() <= PAGE_MESSAGES);
                before = page.messages.first().map(|message| message.id).or(before);
                seen.splice(0..0, page.messages);
                if !page.more {
                    break;
                }
            }
            prop_assert_eq!(seen, chat.messages.iter().cloned().collect::<Vec<_>>());
        }
    }
}

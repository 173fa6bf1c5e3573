//! The chat: its history, and the participants that receive it by signaling because they have no data channel.

mod history;

use std::collections::BTreeSet;

use convene_protocol::message::{ChatHistory, ChatHistoryAnswer, ChatMessage, ServerNotification};

pub(super) use history::History;

use super::effects::Effects;
use super::interface::ids::PeerId;
use super::people::seats::Seats;

#[derive(Debug)]
pub(super) struct Chat {
    history: History,
    followers: BTreeSet<PeerId>,
}

impl Chat {
    pub(super) fn new(limit: usize, opened_at: u64) -> Self {
        Self { history: History::new(limit, opened_at), followers: BTreeSet::new() }
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn restore(&mut self, history: History) {
        self.history.restore(history);
    }

    /// A page of the history. A participant who follows receives later messages as notifications.
    pub(super) fn page(&mut self, id: &PeerId, wanted: ChatHistory) -> ChatHistoryAnswer {
        if wanted.follow {
            self.followers.insert(id.clone());
        }
        self.history.page(wanted.before)
    }

    /// Keeps a message, and sends it to the followers; `None` if the sender has not joined.
    pub(super) fn add(
        &mut self,
        sender: &PeerId,
        text: &str,
        seats: &Seats,
        effects: &mut Effects,
    ) -> Option<ChatMessage> {
        let name = &seats.get(sender)?.joined.as_ref()?.display_name;
        let message = self.history.add(&sender.0, name, text, effects.now);
        let receivers = self.followers.iter().filter(|id| *id != sender);
        for connection in receivers.filter_map(|id| seats.connection_of(id)) {
            effects.notify(connection, ServerNotification::ChatMessage(message.clone()));
        }
        Some(message)
    }

    pub(super) fn remove_peer(&mut self, id: &PeerId) {
        self.followers.remove(id);
    }
}

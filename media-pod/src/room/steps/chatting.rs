//! Chat messages, by signaling and on data channels, and messages for the bot.

use std::time::Duration;

use convene_protocol::message::{ChatHistory, ChatSent};
use serde_json::json;

use crate::room::answer::{Decided, Decision, Refusal};
use crate::room::effects::Effects;
use crate::room::interface::ids::PeerId;
use crate::room::interface::media::DataMessage;
use crate::room::interface::operation::Operation;
use crate::room::people::permissions::{check_chat, check_message, check_subscribe};
use crate::room::state::Room;

impl Room {
    pub(super) fn chat_history(&mut self, id: &PeerId, wanted: ChatHistory) -> Decided {
        check_chat(&self.settings)?;
        check_subscribe(&self.seats.joined(id)?.grant)?;
        Ok(Decision::Answer(json!(self.chat.page(id, wanted))))
    }

    /// Keeps a message received by signaling, and forwards it to followers and on data channels.
    pub(super) fn send_chat(&mut self, id: &PeerId, text: String, effects: &mut Effects) -> Decided {
        check_chat(&self.settings)?;
        let peer = self.seats.joined(id)?;
        check_message(&peer.grant)?;
        if !self.data.may_send(id, text.len(), effects.now) {
            return Err(Refusal(429, "too many messages: wait a moment".into()));
        }
        let (connection, is_viewer) = (peer.connection, peer.is_viewer());
        if is_viewer {
            self.check_viewer_message(id, effects.now)?;
        }
        let message = self.chat.add(id, &text, &self.seats, effects).ok_or_else(Refusal::not_joined)?;
        // A channel for each viewer who writes, to every other participant, would be too many.
        if !is_viewer {
            self.data.say(id, text, connection, effects);
        }
        Ok(Decision::Answer(json!(ChatSent { id: message.id, sent_at: message.sent_at })))
    }

    /// Each viewer writes slowly, and all of them together only so much.
    fn check_viewer_message(&mut self, id: &PeerId, now: Duration) -> Result<(), Refusal> {
        let peer = self.seats.joined_mut(id)?;
        peer.check_viewer_message(now)?;
        if !self.audience.passes_message(now) {
            return Err(Refusal(429, "many viewers are writing: try again in a moment".into()));
        }
        peer.note_viewer_message(now);
        Ok(())
    }

    /// Keeps a message received on a data channel, and forwards it to followers; a message that is not chat text is only counted. So is one
    /// that arrives while the meeting moves: its number would be given again on the other pod.
    pub(super) fn on_chat_message(&mut self, message: &DataMessage, effects: &mut Effects) {
        if let Some(sender) = self.accepted_sender(message, effects)
            && let Some(text) = &message.text
            && self.moving.is_none()
        {
            self.chat.add(&sender, text, &self.seats, effects);
        }
    }

    /// The bot repeats a message to all participants.
    pub(super) fn on_bot_message(&mut self, message: &DataMessage, effects: &mut Effects) {
        let Some(sender) = self.accepted_sender(message, effects) else { return };
        let joined = self.seats.get(&sender).and_then(|peer| peer.joined.as_ref());
        if let (Some(joined), Some(text)) = (joined, &message.text) {
            effects.run(Operation::BotSay(format!("{} told me: \"{text}\"", joined.display_name)));
        }
    }

    /// The sender of a message on a data channel, unless it sends too many.
    fn accepted_sender(&mut self, message: &DataMessage, effects: &mut Effects) -> Option<PeerId> {
        let sender = self.data.owner_of(&message.producer).cloned()?;
        self.data.count_message(&sender, message.bytes, effects).then_some(sender)
    }
}

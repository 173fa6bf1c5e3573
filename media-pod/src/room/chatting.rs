//! The chat and the bot: what is kept, who is told, and how somebody without data channels speaks to those with.

use std::time::Duration;

use convene_protocol::message::{Channel, ChatHistory, ChatMessage, ChatSent, ServerNotification};
use serde_json::json;

use super::command::{Context, Heard};
use super::effect::Operation;
use super::ids::{ConnectionId, DataProducerId, PeerId};
use super::peer::{Offered, Voice};
use super::rights::{check_data, check_subscribe};
use super::verdict::{Judged, Refusal, Verdict};
use super::{Effects, Room};

/// Texts that wait for a voice to be heard.
const MOST_WAITING: usize = 32;

impl Room {
    pub(super) fn chat_history(&mut self, peer_id: &PeerId, wanted: ChatHistory) -> Judged {
        if !self.terms.has_chat {
            return Err(Refusal::no_chat());
        }
        let peer = self.peers.get_mut(peer_id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        check_subscribe(peer)?;
        peer.follows_chat |= wanted.follow;
        Ok(Verdict::Answer(json!(self.chat.page(wanted.before))))
    }

    /// Keeps and passes on what came by signaling.
    pub(super) fn send_chat(&mut self, peer_id: &PeerId, text: String, now: Duration, effects: &mut Effects) -> Judged {
        if !self.terms.has_chat {
            return Err(Refusal::no_chat());
        }
        let peer = self.peers.get_mut(peer_id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        check_data(peer)?;
        if !peer.may_say(text.len(), now) {
            return Err(Refusal(429, "too many messages: wait a moment".into()));
        }
        let Some(message) = self.note_chat(peer_id, &text, now, effects) else { return Err(Refusal::not_joined()) };
        self.speak(peer_id, text, effects);
        Ok(Verdict::Answer(json!(ChatSent { id: message.id, sent_at: message.sent_at })))
    }

    /// Keeps what was said on a data channel, and passes it on to those who have none; what is no text of the chat is only counted.
    pub(super) fn chat_heard(&mut self, heard: &Heard, now: Duration, effects: &mut Effects) {
        let Some(sender) = self.owner_of_data_producer(&heard.producer).cloned() else { return };
        if self.may_go_on(&sender, heard.bytes, now, effects)
            && let Some(text) = &heard.text
        {
            self.note_chat(&sender, text, now, effects);
        }
    }

    fn note_chat(&mut self, sender: &PeerId, text: &str, now: Duration, effects: &mut Effects) -> Option<ChatMessage> {
        let name = &self.peers.get(sender)?.joined.as_ref()?.display_name;
        let message = self.chat.note(&sender.0, name, text, now);
        let followers = self.peers.iter().filter(|(id, peer)| peer.follows_chat && *id != sender);
        for (_, peer) in followers {
            effects.tell(peer.connection, ServerNotification::ChatMessage(message.clone()));
        }
        Some(message)
    }

    /// To those with data channels, on one that the room has made for the speaker.
    fn speak(&mut self, peer_id: &PeerId, text: String, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(peer_id) else { return };
        match &mut peer.voice {
            Voice::Heard(producer) => effects.run(Operation::VoiceSay(producer.clone(), text)),
            Voice::Tuning { waiting, .. } if waiting.len() < MOST_WAITING => waiting.push(text),
            Voice::Tuning { .. } => {}
            Voice::None => {
                peer.voice = Voice::Tuning { producer: None, waiting: vec![text] };
                effects.run_for(Operation::CreateVoice, Context::Voice { connection: peer.connection });
            }
        }
    }

    pub(super) fn note_voice(&mut self, connection: ConnectionId, made: &DataProducerId, effects: &mut Effects) {
        let Some((peer_id, peer)) = self.peer_of(connection) else {
            effects.run(Operation::CloseDataProducer(made.clone()));
            return;
        };
        let peer_id = peer_id.clone();
        peer.data_producers.insert(made.clone(), Channel::Chat);
        if let Voice::Tuning { producer, .. } = &mut peer.voice {
            *producer = Some(made.clone());
        }
        self.offer_data(&peer_id, made, effects);
        // Comes back after the offers have been made: when there was nobody to offer it to, it is heard at once.
        effects.run_for(Operation::Settle, Context::VoiceOffered);
    }

    pub(super) fn lose_voice(&mut self, connection: ConnectionId) {
        if let Some((_, peer)) = self.peer_of(connection) {
            peer.voice = Voice::None;
        }
    }

    /// Lets voices be heard that everybody has been offered: a browser loses what comes on a channel it does not know yet. One that
    /// does not answer keeps the others waiting only for a time.
    pub(super) fn speak_up(&mut self, now: Duration, effects: &mut Effects) {
        let offered = self.awaited_data_offers(now);
        for peer in self.peers.values_mut() {
            let Voice::Tuning { producer: Some(producer), waiting } = &mut peer.voice else { continue };
            if offered.contains(producer) {
                continue;
            }
            for text in std::mem::take(waiting) {
                effects.run(Operation::VoiceSay(producer.clone(), text));
            }
            peer.voice = Voice::Heard(producer.clone());
        }
    }

    fn awaited_data_offers(&self, now: Duration) -> Vec<DataProducerId> {
        let limit = self.limits.answer_timeout;
        let of_peer = |peer: &super::Peer| {
            let awaited = peer.offers.values().filter(|offer| now.saturating_sub(offer.since) < limit);
            let consumers = awaited.filter_map(|offer| match &offer.offered {
                Offered::DataConsumer(consumer) => peer.data_consumers.get(consumer).cloned().flatten(),
                Offered::Consumer(_) => None,
            });
            consumers.collect::<Vec<_>>()
        };
        self.peers.values().flat_map(of_peer).collect()
    }

    /// The bot repeats to everybody what somebody told it.
    pub(super) fn bot_heard(&mut self, heard: &Heard, now: Duration, effects: &mut Effects) {
        let Some(sender) = self.owner_of_data_producer(&heard.producer).cloned() else { return };
        if !self.may_go_on(&sender, heard.bytes, now, effects) {
            return;
        }
        let joined = self.peers.get(&sender).and_then(|peer| peer.joined.as_ref());
        if let (Some(joined), Some(text)) = (joined, &heard.text) {
            effects.run(Operation::BotSay(format!("{} told me: \"{text}\"", joined.display_name)));
        }
    }
}

//! The chat by signaling, for clients without data channels and for its history. Not part of the mediasoup demo.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::absent::null_is_default;

/// Payload of `getChatHistory`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct ChatHistory {
    /// Whether later messages arrive as `chatMessage` notifications: for clients without data channels.
    #[serde(deserialize_with = "null_is_default")]
    #[ts(as = "Option<bool>")]
    pub follow: bool,
    /// Returns only messages with a number smaller than this: the page before a known message. Absent: the newest page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub before: Option<u64>,
}

/// Payload of `sendChatMessage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ChatText {
    /// 1 to 4096 bytes.
    pub text: String,
}

/// A chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ChatMessage {
    /// Number of the message, counted from 1 in each room.
    #[ts(type = "number")]
    pub id: u64,
    /// The sender.
    pub peer_id: String,
    /// The sender's display name at that time.
    pub display_name: String,
    /// The text.
    pub text: String,
    /// When, in milliseconds since 1970.
    #[ts(type = "number")]
    pub sent_at: u64,
}

/// Answer to `getChatHistory`: the newest messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export, export_to = "messages.ts")]
pub struct ChatHistoryAnswer {
    /// One page: as many as fit into an answer. The numbers in a room have no gaps; a client that misses some was too slow to receive them.
    pub messages: Vec<ChatMessage>,
    /// Whether the room has older ones.
    #[serde(default)]
    pub more: bool,
}

/// Answer to `sendChatMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ChatSent {
    /// The message's number.
    #[ts(type = "number")]
    pub id: u64,
    /// When, in milliseconds since 1970.
    #[ts(type = "number")]
    pub sent_at: u64,
}

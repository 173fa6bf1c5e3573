//! What is handed on from a room to its successor on the same pod: what moderators decided, and after an interruption what was said and
//! who was in. Plain data; the room's handles and connections are not part of it.

use std::collections::BTreeMap;

use super::Room;
use super::chat::Chat;
use super::ids::PeerId;
use super::memory::Memory;
use super::seats::{Gone, Trace};

/// How a room ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// The meeting is over: nothing is handed on.
    Over,
    /// No participant was left: who comes next has no business with what was said.
    Empty,
    /// Something has ended it, and its participants come back.
    #[default]
    Interrupted,
}

/// What a room hands on.
#[derive(Clone, Debug)]
pub struct Keepsake {
    is_locked: bool,
    has_lobby: bool,
    memory: Memory,
    talk: Option<Talk>,
}

/// What is handed on after an interruption only.
#[derive(Clone, Debug)]
struct Talk {
    chat: Chat,
    /// The participants who were in or have just left.
    people: BTreeMap<PeerId, Trace>,
}

impl Room {
    /// What the next room of the meeting is to remember; nothing where the meeting is over. `is_broken`: a panic has ended the room.
    pub fn keepsake(&self, is_broken: bool) -> Option<Keepsake> {
        let ending = if is_broken { Ending::Interrupted } else { self.ending };
        if ending == Ending::Over {
            return None;
        }
        let talk = (ending == Ending::Interrupted).then(|| Talk { chat: self.chat.clone(), people: self.traces() });
        let (is_locked, has_lobby) = (self.is_locked_by_moderator, self.has_lobby);
        Some(Keepsake { is_locked, has_lobby, memory: self.memory.clone(), talk })
    }

    pub(super) fn restore(&mut self, keepsake: Keepsake) {
        let Keepsake { is_locked, has_lobby, memory, talk } = keepsake;
        self.is_locked_by_moderator = is_locked;
        self.has_lobby = has_lobby;
        self.memory = memory.restarted();
        if let Some(Talk { chat, people }) = talk {
            self.chat.restore(chat);
            self.gone = people.into_iter().map(|(id, trace)| (id, Gone::now(trace))).collect();
        }
    }
}

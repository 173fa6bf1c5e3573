//! Voices: data producers with which the room speaks for participants that have no data channel.

use convene_protocol::message::Channel;

use crate::room::effects::Effects;
use crate::room::interface::ids::DataProducerId;
use crate::room::interface::operation::Operation;

/// Texts queued until a voice can be used.
const MAX_WAITING: usize = 32;

/// The voice of one participant.
#[derive(Debug, Default)]
pub(super) enum Voice {
    /// Not needed yet.
    #[default]
    None,
    /// Being created or offered to the others; texts are queued.
    Pending { producer: Option<DataProducerId>, waiting: Vec<String> },
    /// The others receive it.
    Ready(DataProducerId),
}

impl Voice {
    pub(super) fn producer(&self) -> Option<&DataProducerId> {
        match self {
            Self::None => None,
            Self::Pending { producer, .. } => producer.as_ref(),
            Self::Ready(producer) => Some(producer),
        }
    }

    /// Sends a text once there is a voice for it. Returns whether one has to be created.
    pub(super) fn say(&mut self, text: String, effects: &mut Effects) -> bool {
        match self {
            Self::Ready(producer) => effects.run(Operation::VoiceSay(producer.clone(), text)),
            Self::Pending { waiting, .. } if waiting.len() < MAX_WAITING => waiting.push(text),
            Self::Pending { .. } => {}
            Self::None => {
                *self = Self::Pending { producer: None, waiting: vec![text] };
                return true;
            }
        }
        false
    }

    /// Whether texts wait for it to be created.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Pending { producer: None, .. })
    }

    /// Whether texts wait for its receivers.
    pub(super) fn waits_for_receivers(&self) -> bool {
        matches!(self, Self::Pending { producer: Some(_), .. })
    }

    pub(super) fn note_created(&mut self, created: &DataProducerId) {
        if let Self::Pending { producer, .. } = self {
            *producer = Some(created.clone());
        }
    }

    /// It could not be created: what was queued is dropped.
    pub(super) fn note_failed(&mut self) {
        if self.is_awaited() {
            *self = Self::None;
        }
    }

    /// Sends the queued texts, unless receivers have yet to get or to accept the voice.
    pub(super) fn make_ready(&mut self, is_awaited: impl Fn(&DataProducerId) -> bool, effects: &mut Effects) {
        let Self::Pending { producer: Some(producer), waiting } = self else { return };
        if is_awaited(producer) {
            return;
        }
        for text in std::mem::take(waiting) {
            effects.run(Operation::VoiceSay(producer.clone(), text));
        }
        *self = Self::Ready(producer.clone());
    }
}

/// The channel of all voices.
pub(super) const VOICE_CHANNEL: Channel = Channel::Chat;

//! The inputs for the choice of streams: the last voices, the last speakers, and whether a new choice is due.

use std::collections::VecDeque;

use super::selection::{Candidate, Program};
use crate::room::interface::ids::{PeerId, ProducerId};

/// Maximum number of remembered audio producers and dominant speakers.
const MAX_REMEMBERED: usize = 256;
/// Maximum number of new voices added per measurement of volumes.
const NEW_VOICES: usize = 2;
/// The inputs for the choice of streams, and its state.
#[derive(Debug, Default)]
pub(super) struct Priorities {
    /// The last heard first.
    heard: VecDeque<ProducerId>,
    /// The last dominant speaker first.
    spoke: VecDeque<PeerId>,
    /// How many of the last voices all participants receive.
    pub(super) voices: usize,
    /// Whether some participants do not receive everything.
    pub(super) is_short: bool,
    /// Whether a consumer was not created because of the limit.
    pub(super) has_refused: bool,
    /// Whether an input of the choice has changed.
    pub(super) is_due: bool,
}

impl Priorities {
    pub(super) fn note_change(&mut self) {
        self.is_due = true;
    }

    /// A consumer was not created because others are not closed yet: try again later.
    pub(super) fn note_refusal(&mut self) {
        (self.is_due, self.has_refused) = (true, true);
    }

    /// Takes voices loudest first. Voices that are already received move up; of the others, two at a time are added, because each of them
    /// costs every participant a consumer.
    pub(super) fn note_heard(&mut self, producers: impl Iterator<Item = ProducerId>) {
        let (known, new): (Vec<_>, Vec<_>) =
            producers.partition(|producer| self.heard.iter().take(self.voices).any(|known| known == producer));
        for producer in known.into_iter().chain(new.into_iter().take(NEW_VOICES)).rev() {
            remember(&mut self.heard, producer);
        }
    }

    pub(super) fn note_speaker(&mut self, peer: PeerId) {
        remember(&mut self.spoke, peer);
    }

    /// The last dominant speaker first.
    pub(super) fn speakers(&self) -> impl Iterator<Item = &PeerId> {
        self.spoke.iter()
    }

    pub(super) fn restore_speakers(&mut self, mut speakers: Vec<PeerId>) {
        speakers.truncate(MAX_REMEMBERED);
        self.spoke = speakers.into();
    }

    pub(super) fn program(&mut self, candidates: Vec<Candidate>) -> Program {
        Program::new(candidates, self.heard.make_contiguous(), self.spoke.make_contiguous())
    }
}

fn remember<T: PartialEq>(list: &mut VecDeque<T>, one: T) {
    list.retain(|other| *other != one);
    list.push_front(one);
    list.truncate(MAX_REMEMBERED);
}

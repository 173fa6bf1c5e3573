//! Where a room has more streams than it may have consumers: each participant is sent a share of them, chosen by
//! [`super::selection`], and nobody takes what others need.
//!
//! As long as everything fits, everything is offered to everybody and this does nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::json;

use super::effect::Fact;
use super::ids::{PeerId, ProducerId};
use super::peer::Peer;
use super::selection::{Candidate, Program, Wishes};
use super::verdict::{Judged, Refusal, Verdict};
use super::{Effects, Room};

/// Producers of sound that were heard last, and peers who had the word last.
const MOST_REMEMBERED: usize = 64;
/// One of so many consumers is kept for broadcasters and for what is being replaced.
const RESERVE: usize = 20;

/// What the choice goes by, and how it stands.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// The last heard first.
    heard: VecDeque<ProducerId>,
    /// Who had the word last first.
    spoke: VecDeque<PeerId>,
    /// Whether not everybody is sent everything.
    is_short: bool,
    /// Whether a consumer was not made for want of room.
    has_refused: bool,
    /// Whether something has changed that the choice goes by.
    is_due: bool,
}

impl Balance {
    pub(super) fn note_change(&mut self) {
        self.is_due = true;
    }

    /// A consumer was not made because others are not closed yet: it is to be tried again.
    pub(super) fn note_refusal(&mut self) {
        (self.is_due, self.has_refused) = (true, true);
    }

    /// The loudest first.
    pub(super) fn note_heard(&mut self, producers: impl DoubleEndedIterator<Item = ProducerId>) {
        for producer in producers.rev() {
            remember(&mut self.heard, producer);
        }
    }

    pub(super) fn note_speaker(&mut self, peer: PeerId) {
        remember(&mut self.spoke, peer);
    }
}

fn remember<T: PartialEq>(list: &mut VecDeque<T>, one: T) {
    list.retain(|other| *other != one);
    list.push_front(one);
    list.truncate(MOST_REMEMBERED);
}

impl Room {
    /// Offers a receiver what it is to be sent.
    pub(super) fn consume_its_share(&mut self, receiver: &PeerId, effects: &mut Effects) {
        let program = self.program();
        let share = self.share(&program);
        self.give(std::slice::from_ref(receiver), &program, share, effects);
        self.balance.note_change();
    }

    /// What people send has changed: the choice is due, and who waits for that is told.
    pub(super) fn note_streams(&mut self) {
        self.balance.note_change();
        self.streams_version += 1;
    }

    /// Which of its many states what people send is in. Never the same for two rooms, and exact in readers that know only doubles.
    pub fn streams_version(&self) -> u64 {
        self.streams_version
    }

    /// Offers a new producer to everybody, or lets it wait for the next choice where not everything fits.
    pub(super) fn offer_to_all(&mut self, owner: &PeerId, producer: &ProducerId, effects: &mut Effects) {
        self.note_streams();
        if self.balance.is_short {
            return self.rebalance(effects);
        }
        for other in self.all_but(owner) {
            self.consume(&other, producer, effects);
        }
    }

    /// Something has changed that matters at once where not everything fits.
    pub(super) fn choose_anew(&mut self, effects: &mut Effects) {
        if self.balance.is_short {
            self.balance.note_change();
            self.rebalance(effects);
        }
    }

    /// The client says whom it looks at.
    pub(super) fn set_watched(&mut self, id: &PeerId, watched: Vec<String>, effects: &mut Effects) -> Judged {
        let peer = self.peers.get_mut(id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        peer.watched = watched.into_iter().map(PeerId).collect();
        if self.balance.is_short {
            let program = self.program();
            let share = self.share(&program);
            self.give(std::slice::from_ref(id), &program, share, effects);
        }
        Ok(Verdict::Answer(json!({})))
    }

    /// Chooses anew for everybody, where something has changed and not everything fits, or did not before.
    pub(super) fn rebalance(&mut self, effects: &mut Effects) {
        if !std::mem::take(&mut self.balance.is_due) {
            return;
        }
        let has_refused = std::mem::take(&mut self.balance.has_refused);
        let program = self.program();
        let share = self.share(&program);
        let is_short = self.receivers().any(|(id, peer)| self.most_for(peer, share) < program.of_others(id));
        let was_short = std::mem::replace(&mut self.balance.is_short, is_short);
        if is_short && !was_short {
            effects.note(Fact::LimitReached("consumers"));
        }
        if is_short || was_short || has_refused {
            let receivers: Vec<PeerId> = self.receivers().map(|(id, _)| id.clone()).collect();
            self.give(&receivers, &program, share, effects);
        }
    }

    /// Ends what receivers are not to be sent any more, then offers what they are: so there is room for it.
    fn give(&mut self, receivers: &[PeerId], program: &Program, share: usize, effects: &mut Effects) {
        let mut wanted = BTreeMap::new();
        for receiver in receivers {
            let Some(peer) = self.peers.get(receiver).filter(|peer| peer.receives()) else { continue };
            let chosen = program.choose(&peer.wishes(receiver), self.most_for(peer, share));
            self.take_away(receiver, &chosen, effects);
            wanted.insert(receiver, chosen);
        }
        for (receiver, chosen) in wanted {
            for producer in chosen {
                self.consume(receiver, &producer, effects);
            }
        }
    }

    fn take_away(&mut self, receiver: &PeerId, wanted: &BTreeSet<ProducerId>, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(receiver) else { return };
        peer.drop_consumers(|producer| !wanted.contains(producer), effects);
    }

    /// How many producers a participant is sent at most. A recorder is to miss nothing.
    fn most_for(&self, peer: &Peer, share: usize) -> usize {
        let most = self.limits.consumers_per_peer / peer.copies();
        if peer.grant.recorder { most } else { most.min(share) }
    }

    /// How many producers everybody else can be sent.
    fn share(&self, program: &Program) -> usize {
        let taken = |(id, peer): (&PeerId, &Peer)| match (peer.is_broadcaster, peer.grant.recorder) {
            (true, _) => peer.consumers.len(),
            (false, true) if peer.receives() => self.most_for(peer, 0).min(program.of_others(id)) * peer.copies(),
            (false, _) => 0,
        };
        let taken = self.peers.iter().map(taken).sum::<usize>().max(self.limits.consumers / RESERVE);
        let sharers = self.receivers().map(|(_, peer)| peer).filter(|peer| !peer.grant.recorder);
        self.limits.consumers.saturating_sub(taken) / sharers.map(Peer::copies).sum::<usize>().max(1)
    }

    /// Everybody who receives what the room chooses for them.
    fn receivers(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter().filter(|(_, peer)| peer.receives())
    }

    fn program(&self) -> Program {
        let candidates = self.peers.iter().flat_map(|(owner, peer)| {
            peer.producers.iter().map(|(producer, state)| Candidate {
                owner: owner.clone(),
                producer: producer.clone(),
                is_audio: state.is_audio(),
                is_share: state.is_share(),
                is_paused: state.is_paused,
            })
        });
        let (heard, spoke): (Vec<_>, Vec<_>) =
            (self.balance.heard.iter().cloned().collect(), self.balance.spoke.iter().cloned().collect());
        Program::new(candidates.collect(), &heard, &spoke)
    }
}

impl Peer {
    fn wishes<'a>(&'a self, id: &'a PeerId) -> Wishes<'a> {
        Wishes { receiver: id, watched: &self.watched, declined: &self.declined }
    }
}

//! Where a room has more streams than it may have consumers: each participant is sent a share of them, chosen by
//! [`super::selection`], and nobody takes what others need.
//!
//! As long as everything fits, everything is offered to everybody and this does nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::json;

use super::effect::Fact;
use super::ids::{ConsumerId, PeerId, ProducerId};
use super::peer::{Offer, Offered, Peer};
use super::selection::{Candidate, Program, Wishes};
use super::verdict::{Judged, Refusal, Verdict};
use super::{Effects, Room};

/// Producers of sound that were heard last, and peers who had the word last.
const MOST_REMEMBERED: usize = 256;
/// How long a client may take to answer an offer before it is taken back.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Who come to be heard at one measurement of loudness.
const NEW_VOICES: usize = 2;
/// One of so many consumers is kept for broadcasters and for what is being replaced.
const RESERVE: usize = 20;

/// What the choice goes by, and how it stands.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// The last heard first.
    heard: VecDeque<ProducerId>,
    /// Who had the word last first.
    spoke: VecDeque<PeerId>,
    /// How many of those heard last everybody is sent.
    sounds: usize,
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

    /// The loudest first. Who is among those that are sent anyway moves up; of the others two at a time, since each of them costs everybody
    /// a consumer.
    pub(super) fn note_heard(&mut self, producers: impl Iterator<Item = ProducerId>) {
        let (sent, others): (Vec<_>, Vec<_>) =
            producers.partition(|producer| self.heard.iter().take(self.sounds).any(|known| known == producer));
        for producer in sent.into_iter().chain(others.into_iter().take(NEW_VOICES)).rev() {
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
    /// Offers a newcomer what others send: its share of the streams, and all messages.
    pub(super) fn consume_everything(&mut self, receiver: &PeerId, effects: &mut Effects) {
        self.choose_for(receiver, effects);
        self.balance.note_change();
        self.consume_all_data(receiver, effects);
    }

    fn choose_for(&mut self, receiver: &PeerId, effects: &mut Effects) {
        let program = self.program();
        let share = self.share(&program);
        self.give(std::slice::from_ref(receiver), &program, share, effects);
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
            return;
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
            self.choose_for(id, effects);
        }
        Ok(Verdict::Answer(json!({})))
    }

    /// A tick has passed: who is paused for long rests.
    pub(super) fn note_rest(&mut self) {
        let producers = self.peers.values_mut().flat_map(|peer| peer.producers.values_mut());
        if producers.fold(false, |any, producer| producer.note_tick() | any) {
            self.balance.note_change();
        }
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
        self.balance.sounds = share.div_ceil(2);
        let was_short = std::mem::replace(&mut self.balance.is_short, is_short);
        if is_short && !was_short {
            effects.note(Fact::LimitReached("consumers"));
        }
        if is_short || was_short || has_refused {
            let receivers: Vec<PeerId> = self.receivers().map(|(id, _)| id.clone()).collect();
            self.give(&receivers, &program, share, effects);
        }
    }

    /// Ends what receivers are not to be sent any more, then offers what they are: so there is room for it. For who is cut off the choice is made
    /// when they are back: what is said meanwhile has to be kept for them.
    fn give(&mut self, receivers: &[PeerId], program: &Program, share: usize, effects: &mut Effects) {
        let mut missing = BTreeMap::new();
        for receiver in receivers {
            let Some(peer) = self.peers.get(receiver).filter(|peer| peer.receives() && !peer.presence.is_cut()) else {
                continue;
            };
            let chosen = program.choose(&peer.wishes(receiver), self.most_for(peer, share));
            self.take_away(receiver, &chosen, effects);
            missing.insert(receiver, self.missing_of(receiver, chosen));
        }
        for (receiver, producers) in missing {
            for producer in producers {
                self.consume(receiver, &producer, effects);
            }
        }
    }

    fn missing_of(&self, receiver: &PeerId, mut chosen: BTreeSet<ProducerId>) -> BTreeSet<ProducerId> {
        for consumer in self.peers.get(receiver).into_iter().flat_map(|peer| peer.consumers.values()) {
            chosen.remove(&consumer.producer);
        }
        chosen
    }

    /// What has been offered a moment ago stays until the client has answered: some clients forget a close that comes before.
    fn take_away(&mut self, receiver: &PeerId, wanted: &BTreeSet<ProducerId>, effects: &mut Effects) {
        let looked_at = self.looked_at;
        let Some(peer) = self.peers.get_mut(receiver) else { return };
        let is_fresh = |offer: &Offer| looked_at.saturating_sub(offer.since) < ANSWER_TIME;
        let is_offered = |consumer: &ConsumerId| {
            peer.offers.values().any(|offer| is_fresh(offer) && offer.offered == Offered::Consumer(consumer.clone()))
        };
        let unwanted = peer.consumers.iter().filter(|(_, state)| !wanted.contains(&state.producer));
        let (offered, gone): (Vec<_>, Vec<_>) = unwanted.map(|(id, _)| id.clone()).partition(is_offered);
        if !offered.is_empty() {
            self.balance.is_due = true;
        }
        peer.drop_consumers(|consumer, _| gone.contains(consumer), effects);
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
                is_resting: state.is_resting(),
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

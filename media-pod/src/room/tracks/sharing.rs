//! Shares the consumers of a room that needs more than it may have: each participant receives an equal share, chosen by
//! [`selection`](super::selection). As long as everything fits, everything is offered to all and this module does nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::own::PeerTracks;
use super::selection::{Candidate, Program, Wishes};
use super::state::Tracks;
use crate::room::effects::Effects;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId};
use crate::room::people::peer::Peer;
use crate::room::people::seats::Seats;

/// One in this many consumers is reserved for broadcasters and for consumers that are being replaced.
pub(super) const RESERVE: usize = 20;

impl Tracks {
    /// Offers a newcomer its share of the streams.
    pub(crate) fn offer_all_to(&mut self, receiver: &PeerId, seats: &mut Seats, effects: &mut Effects) {
        self.choose_for(receiver, seats, effects);
        self.priorities.note_change();
    }

    /// Offers a new producer to all others, or leaves it to the next choice if not everything fits.
    pub(crate) fn offer_to_all(
        &mut self,
        owner: &PeerId,
        producer: &ProducerId,
        seats: &mut Seats,
        effects: &mut Effects,
    ) {
        if self.owner_of(producer).is_none() {
            return;
        }
        self.note_streams();
        if self.priorities.is_short {
            return;
        }
        for other in seats.ids_where(|id, _| id != owner) {
            self.consume(&other, producer, seats, effects);
        }
    }

    /// Records the peers that a client watches; if not everything fits, it gets them immediately.
    pub(crate) fn set_watched(&mut self, id: &PeerId, watched: Vec<PeerId>, seats: &mut Seats, effects: &mut Effects) {
        if let Some(tracks) = self.peers.get_mut(id) {
            tracks.watched = watched;
        }
        if self.priorities.is_short {
            self.choose_for(id, seats, effects);
        }
    }

    /// A participant is back: streams chosen for the others in the meantime may be for it, too.
    pub(crate) fn note_return(&mut self) {
        self.priorities.note_change();
    }

    /// A tick has passed: streams that have been paused for long are resting.
    pub(crate) fn note_tick(&mut self, now: Duration) {
        self.last_tick = now;
        let producers = self.peers.values_mut().flat_map(|tracks| tracks.producers.values_mut());
        if producers.fold(false, |any, producer| producer.note_tick() | any) {
            self.priorities.note_change();
        }
    }

    /// Chooses again immediately if not everything fits.
    pub(super) fn rebalance_if_short(&mut self, seats: &mut Seats, effects: &mut Effects) {
        if self.priorities.is_short {
            self.priorities.note_change();
            self.rebalance(seats, effects);
        }
    }

    /// Chooses again for all, if something has changed and not everything fits, or did not before.
    pub(crate) fn rebalance(&mut self, seats: &mut Seats, effects: &mut Effects) {
        if !std::mem::take(&mut self.priorities.is_due) {
            return;
        }
        let has_refused = std::mem::take(&mut self.priorities.has_refused);
        let program = self.program();
        let share = self.share(&program, seats);
        let receivers = self.receivers(seats);
        let lacks = |id: &PeerId| self.limit_for(id, share, seats) < program.of_others(id);
        let is_short = receivers.iter().any(lacks);
        self.priorities.voices = share.div_ceil(2);
        let was_short = std::mem::replace(&mut self.priorities.is_short, is_short);
        if is_short && !was_short {
            effects.note(Fact::LimitReached("consumers"));
        }
        if is_short || was_short || has_refused {
            self.assign(&receivers, &program, share, seats, effects);
        }
    }

    fn choose_for(&mut self, receiver: &PeerId, seats: &mut Seats, effects: &mut Effects) {
        // What follows asks all peers.
        if !self.receives(receiver, seats) {
            return;
        }
        let program = self.program();
        let share = self.share(&program, seats);
        self.assign(std::slice::from_ref(receiver), &program, share, seats, effects);
    }

    /// Closes the streams that receivers should no longer receive, then offers the new ones, so that there is capacity for them. For
    /// disconnected participants the choice is made when they are back: messages to them are kept until then.
    fn assign(
        &mut self,
        receivers: &[PeerId],
        program: &Program,
        share: usize,
        seats: &mut Seats,
        effects: &mut Effects,
    ) {
        let mut missing = BTreeMap::new();
        for receiver in receivers {
            let Some(wishes) = self.wishes_of(receiver, seats) else { continue };
            let mut chosen = program.choose(&wishes, self.limit_for(receiver, share, seats));
            self.close_unwanted(receiver, &chosen, seats, effects);
            self.remove_received(receiver, &mut chosen);
            missing.insert(receiver, chosen);
        }
        for (receiver, producers) in missing {
            for producer in producers {
                self.consume(receiver, &producer, seats, effects);
            }
        }
    }

    /// The selection of a participant, if it receives and is connected.
    fn wishes_of<'a>(&'a self, id: &'a PeerId, seats: &Seats) -> Option<Wishes<'a>> {
        let is_there = self.receives(id, seats) && seats.get(id).is_some_and(|peer| !peer.presence.is_cut());
        let tracks = self.peers.get(id).filter(|_| is_there)?;
        Some(Wishes { receiver: id, watched: &tracks.watched, declined: &tracks.declined })
    }

    fn remove_received(&self, receiver: &PeerId, chosen: &mut BTreeSet<ProducerId>) {
        let Some(tracks) = self.peers.get(receiver) else { return };
        let existing = tracks.consumers.values().map(|consumer| &consumer.producer);
        for producer in existing.chain(self.coming.consumed_by(tracks.connection)) {
            chosen.remove(producer);
        }
    }

    /// A very recent offer stays until the client has answered, and so does one that is on its way.
    fn close_unwanted(
        &mut self,
        receiver: &PeerId,
        wanted: &BTreeSet<ProducerId>,
        seats: &mut Seats,
        effects: &mut Effects,
    ) {
        let (Some(tracks), Some(peer)) = (self.peers.get_mut(receiver), seats.get_mut(receiver)) else { return };
        let is_fresh = |consumer: &ConsumerId| peer.offers.is_fresh(consumer, self.last_tick);
        let unwanted = tracks.consumers.iter().filter(|(_, state)| !wanted.contains(&state.producer));
        let (fresh, gone): (Vec<_>, Vec<_>) = unwanted.map(|(id, _)| id.clone()).partition(is_fresh);
        let is_unwanted_coming = self.coming.consumed_by(tracks.connection).any(|producer| !wanted.contains(producer));
        if !fresh.is_empty() || is_unwanted_coming {
            self.priorities.note_change();
        }
        tracks.close_consumers(|consumer, _| gone.contains(consumer), (&mut self.owners, peer), effects);
    }

    /// Maximum number of producers that a participant receives. A recorder must receive everything.
    fn limit_for(&self, id: &PeerId, share: usize, seats: &Seats) -> usize {
        let copies = self.peers.get(id).map_or(1, PeerTracks::copies);
        let limit = self.limits.consumers_per_peer / copies;
        if seats.get(id).is_some_and(|peer| peer.grant.recorder) { limit } else { limit.min(share) }
    }

    /// Number of producers that each participant other than a recorder can receive.
    fn share(&self, program: &Program, seats: &Seats) -> usize {
        let taken: usize = seats.iter().map(|(id, peer)| self.taken_by(id, peer, program, seats)).sum();
        let taken = taken.max(self.limits.consumers / RESERVE);
        let sharers = seats.iter().filter(|(id, peer)| !peer.grant.recorder && self.receives(id, seats));
        let copies: usize = sharers.filter_map(|(id, _)| self.peers.get(id)).map(PeerTracks::copies).sum();
        self.limits.consumers.saturating_sub(taken) / copies.max(1)
    }

    /// Consumers that are not shared: those of broadcasters and recorders.
    fn taken_by(&self, id: &PeerId, peer: &Peer, program: &Program, seats: &Seats) -> usize {
        let Some(tracks) = self.peers.get(id) else { return 0 };
        match (peer.is_broadcaster, peer.grant.recorder) {
            (true, _) => self.consumer_count(tracks),
            (false, true) if self.receives(id, seats) => {
                self.limit_for(id, 0, seats).min(program.of_others(id)) * tracks.copies()
            }
            (false, _) => 0,
        }
    }

    /// The peers for which the room chooses the streams.
    fn receivers(&self, seats: &Seats) -> Vec<PeerId> {
        seats.ids_where(|id, _| self.receives(id, seats))
    }

    fn program(&mut self) -> Program {
        let candidates = self.peers.iter().flat_map(|(owner, tracks)| {
            tracks.producers.iter().map(|(producer, state)| Candidate {
                owner: owner.clone(),
                producer: producer.clone(),
                is_audio: state.is_audio(),
                is_share: state.is_share(),
                is_resting: state.is_resting(),
            })
        });
        let candidates = candidates.collect();
        self.priorities.program(candidates)
    }
}

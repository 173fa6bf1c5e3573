//! The highest layer of each simulcast stream that anybody receives: its sender need not encode higher ones.
//!
//! A higher layer is requested at once, because somebody waits for it; a lower one only after a while, because starting a layer again
//! takes a key frame. The lowest layer is always wanted: it is what a newcomer gets first. It does not choose what a receiver gets.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::message::{ProducerLayers, ServerNotification};

use super::state::Tracks;
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId};
use crate::room::people::seats::Seats;

/// How long a layer must be unwanted before its sender is told.
const UNWANTED_FOR: Duration = Duration::from_secs(3);

/// What a receiver does with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It receives nothing for now.
    Pause,
    /// It receives again.
    Resume,
    /// It receives no higher layer than this one.
    UpTo(u8),
}

/// The wish of one consumer; at first it may get everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    is_paused: bool,
    up_to: Option<u8>,
}

impl Wanted {
    fn apply(&mut self, wish: Wish) {
        match wish {
            Wish::Pause => self.is_paused = true,
            Wish::Resume => self.is_paused = false,
            Wish::UpTo(layer) => self.up_to = Some(layer),
        }
    }

    /// The highest layer that it receives.
    fn layer(self) -> u8 {
        if self.is_paused { 0 } else { self.up_to.unwrap_or(u8::MAX) }
    }
}

/// The layers of one stream, and the highest that its sender is asked for.
#[derive(Debug)]
pub(super) struct Demand {
    top: u8,
    asked: u8,
    /// Since when less is wanted.
    lower_since: Option<Duration>,
}

impl Demand {
    /// Senders begin with all layers.
    pub(super) fn new(layers: u8) -> Self {
        let top = layers.saturating_sub(1);
        Self { top, asked: top, lower_since: None }
    }

    pub(super) fn has_layers(&self) -> bool {
        self.top > 0
    }

    /// Somebody wants `layer`; returns what to ask for, if that is new.
    fn raise(&mut self, layer: u8) -> Option<u8> {
        let wanted = layer.min(self.top);
        if wanted < self.asked {
            return None;
        }
        self.lower_since = None;
        (std::mem::replace(&mut self.asked, wanted) != wanted).then_some(wanted)
    }

    /// `layer` is the highest that anybody wants; returns what to ask for, if that is new.
    fn settle(&mut self, layer: u8, now: Duration) -> Option<u8> {
        let wanted = layer.min(self.top);
        if wanted >= self.asked {
            return self.raise(wanted);
        }
        let since = *self.lower_since.get_or_insert(now);
        if now.saturating_sub(since) < UNWANTED_FOR {
            return None;
        }
        (self.asked, self.lower_since) = (wanted, None);
        Some(wanted)
    }
}

impl Tracks {
    /// Records what a receiver does with a consumer of its own.
    pub(crate) fn note_wish(
        &mut self,
        receiver: &PeerId,
        consumer: &ConsumerId,
        wish: Wish,
        seats: &Seats,
        effects: &mut Effects,
    ) {
        let consumer = self.peers.get_mut(receiver).and_then(|tracks| tracks.consumers.get_mut(consumer));
        let Some(state) = consumer else { return };
        state.wanted.apply(wish);
        let (producer, layer) = (state.producer.clone(), state.wanted.layer());
        self.want(&producer, layer, seats, effects);
    }

    /// Asks the sender for a layer that somebody wants now.
    pub(crate) fn want(&mut self, producer: &ProducerId, layer: u8, seats: &Seats, effects: &mut Effects) {
        let owner = self.peers.iter_mut().find_map(|(id, tracks)| Some((id, tracks.producers.get_mut(producer)?)));
        let Some((owner, state)) = owner else { return };
        if let Some(layer) = state.demand.raise(layer) {
            ask(owner, producer, layer, seats, effects);
        }
    }

    /// A tick has passed: asks senders for less where nobody wants more.
    pub(crate) fn settle_demand(&mut self, seats: &Seats, effects: &mut Effects) {
        let wanted = self.wanted_layers();
        for (owner, tracks) in &mut self.peers {
            for (producer, state) in tracks.producers.iter_mut().filter(|(_, state)| state.demand.has_layers()) {
                let layer = wanted.get(producer).copied().unwrap_or_default();
                if let Some(layer) = state.demand.settle(layer, effects.now) {
                    ask(owner, producer, layer, seats, effects);
                }
            }
        }
    }

    /// The highest layer that anybody wants of each stream.
    fn wanted_layers(&self) -> BTreeMap<ProducerId, u8> {
        let mut layers = BTreeMap::new();
        for consumer in self.peers.values().flat_map(|tracks| tracks.consumers.values()) {
            let layer = consumer.wanted.layer();
            match layers.get_mut(&consumer.producer) {
                Some(highest) => *highest = layer.max(*highest),
                None => drop(layers.insert(consumer.producer.clone(), layer)),
            }
        }
        layers
    }
}

/// Scripts that broadcast get no notifications.
fn ask(owner: &PeerId, producer: &ProducerId, spatial_layer: u8, seats: &Seats, effects: &mut Effects) {
    if let Some(peer) = seats.get(owner).filter(|peer| !peer.is_broadcaster) {
        let layers = ProducerLayers { producer_id: producer.0.clone(), spatial_layer };
        effects.notify(peer.connection, ServerNotification::ProducerLayers(layers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn more_is_asked_for_at_once_and_less_after_a_while() {
        let mut demand = Demand::new(3);
        assert_eq!(demand.raise(u8::MAX), None, "it sends everything");
        assert_eq!(demand.settle(0, SECOND), None);
        assert_eq!(demand.settle(1, SECOND * 3), None);
        assert_eq!(demand.settle(1, SECOND * 4), Some(1), "what is wanted now");
        assert_eq!(demand.settle(1, SECOND * 9), None);
        assert_eq!(demand.raise(0), None);
        assert_eq!(demand.raise(9), Some(2));
        assert_eq!(demand.settle(0, SECOND * 10), None);
        assert_eq!(demand.raise(2), None, "wanted again in time");
        assert_eq!(demand.settle(0, SECOND * 13), None);
        assert_eq!(demand.settle(0, SECOND * 16), Some(0));
    }

    #[test]
    fn a_stream_of_one_layer_has_no_demand() {
        for layers in [0, 1] {
            let mut demand = Demand::new(layers);
            assert!(!demand.has_layers());
            assert_eq!(demand.raise(3), None);
        }
    }
}

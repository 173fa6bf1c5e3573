//! What receivers do with simulcast streams, and which layers are requested from the senders. It does not choose what a receiver gets.

use std::collections::BTreeMap;

use convene_protocol::message::{ProducerLayers, ServerNotification};

use super::demand::Wish;
use super::state::Tracks;
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConsumerId, PeerId, ProducerId};
use crate::room::people::seats::Seats;

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

    /// Requests a layer from its sender, now that a receiver gets it.
    pub(crate) fn want(&mut self, producer: &ProducerId, layer: u8, seats: &Seats, effects: &mut Effects) {
        let Some((owner, state)) = self.owner_of_mut(producer) else { return };
        if let Some(layer) = state.demand.raise(layer) {
            notify_owner(owner, producer, layer, seats, effects);
        }
    }

    /// A tick has passed: requests less where less is received.
    pub(crate) fn settle_demand(&mut self, seats: &Seats, effects: &mut Effects) {
        let wanted = self.wanted_layers();
        for (owner, tracks) in &mut self.peers {
            for (producer, state) in &mut tracks.producers {
                let Some(layer) = wanted.get(producer) else { continue };
                if let Some(layer) = state.demand.settle(*layer, effects.now) {
                    notify_owner(owner, producer, layer, seats, effects);
                }
            }
        }
    }

    /// The highest layer that is received, of each stream with several.
    fn wanted_layers(&self) -> BTreeMap<ProducerId, u8> {
        let streams = self.peers.values().flat_map(|tracks| &tracks.producers);
        let mut layers: BTreeMap<_, _> =
            streams.filter(|(_, state)| state.demand.has_layers()).map(|(id, _)| (id.clone(), 0)).collect();
        if layers.is_empty() {
            return layers;
        }
        for consumer in self.peers.values().flat_map(|tracks| tracks.consumers.values()) {
            if let Some(highest) = layers.get_mut(&consumer.producer) {
                *highest = consumer.wanted.layer().max(*highest);
            }
        }
        layers
    }
}

/// Scripts that broadcast get no notifications.
fn notify_owner(owner: &PeerId, producer: &ProducerId, spatial_layer: u8, seats: &Seats, effects: &mut Effects) {
    if let Some(peer) = seats.get(owner).filter(|peer| !peer.is_broadcaster) {
        let layers = ProducerLayers { producer_id: producer.0.clone(), spatial_layer };
        effects.notify(peer.connection, ServerNotification::ProducerLayers(layers));
    }
}

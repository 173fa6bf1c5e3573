//! Checks whether participants are alive: pings silent ones, and notifies the others about those that have not answered in time.

use std::time::Duration;

use serde_json::Value;

use crate::room::effects::Effects;
use crate::room::interface::context::Context;
use crate::room::interface::ids::{ConnectionId, PeerId, ProducerId};
use crate::room::interface::operation::Operation;
use crate::room::people::presence::Check;
use crate::room::state::Room;

/// Maximum time between two ticks. If it was longer, the room itself was late, and answers are waiting to be read.
const MAX_TICK: Duration = Duration::from_millis(1500);

impl Room {
    /// The WebSocket of a participant was lost; its session waits for another one.
    pub(super) fn on_cut_off(&mut self, connection: ConnectionId, now: Duration) {
        if let Some((_, peer)) = self.seats.on_mut(connection) {
            peer.presence.note_cut(now);
        }
    }

    /// A participant who was disconnected or pinged has sent something.
    pub(super) fn note_life(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some((id, peer)) = self.seats.on_mut(connection) else { return };
        let (id, was_cut) = (id.clone(), peer.presence.is_cut());
        peer.presence.note_life(effects.now);
        self.update_presence(&id, effects);
        if was_cut {
            self.tracks.note_return();
            self.note_renewal_begins(&id, effects.now);
        }
    }

    pub(super) fn check_presence(&mut self, effects: &mut Effects) {
        let before = std::mem::replace(&mut self.last_tick, effects.now);
        let late = effects.now.saturating_sub(before).saturating_sub(MAX_TICK);
        if !late.is_zero() {
            self.seats.iter_mut().for_each(|(_, peer)| peer.presence.forgive(late));
        }
        for id in self.seats.ids_where(|_, peer| peer.is_watched()) {
            self.check_participant(&id, effects);
            self.update_presence(&id, effects);
        }
    }

    fn check_participant(&mut self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.seats.get_mut(id) else { return };
        let connection = peer.connection;
        match peer.presence.check(self.tracks.active_producer(id), effects.now) {
            Check::None => {}
            Check::Ping => effects.ping(connection),
            Check::CountPackets(producer) => {
                let context = Context::Flow { connection, producer: producer.clone() };
                effects.run_for(Operation::ProducerStats(producer), context);
            }
        }
    }

    /// The packets of a participant's producer were counted, or could not be.
    pub(super) fn note_count(&mut self, connection: ConnectionId) {
        if let Some((_, peer)) = self.seats.on_mut(connection) {
            peer.presence.note_count();
        }
    }

    /// How many packets of a producer have arrived.
    pub(super) fn on_packets_counted(
        &mut self,
        connection: ConnectionId,
        producer: &ProducerId,
        stats: &Value,
        effects: &mut Effects,
    ) {
        let Some((id, peer)) = self.seats.on_mut(connection) else { return };
        let id = id.clone();
        let streams = stats.as_array().map(Vec::as_slice).unwrap_or_default();
        let packets = streams.iter().filter_map(|stream| stream["packetCount"].as_u64()).sum();
        peer.presence.note_packets(producer, packets);
        self.update_presence(&id, effects);
    }

    /// Notifies the others if a participant has become lost or is no longer lost.
    fn update_presence(&mut self, id: &PeerId, effects: &mut Effects) {
        let has_media = self.tracks.active_producer(id).is_some();
        let is_changed = self.seats.get_mut(id).is_some_and(|peer| peer.presence.update(has_media, effects.now));
        if is_changed {
            self.notify_changed(id, effects);
        }
    }
}

//! Producers: who may send what, pausing, closing, and notifications to the others.

use convene_protocol::message::{
    ConsumerRef, Direction, MediaKind, PeerSends, PublishSource, ServerNotification, Source,
};
use serde_json::Value;

use super::own::ProducerState;
use super::state::Tracks;
use crate::room::answer::Refusal;
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConnectionId, PeerId, ProducerId, TransportId};
use crate::room::interface::operation::Operation;
use crate::room::interface::outcome::CreatedProducer;
use crate::room::interface::settings::MeetingSettings;
use crate::room::people::permissions::{check_publish, needed_for};
use crate::room::people::seats::Seats;

impl Tracks {
    /// The transport to send on, unless state, permissions, ownership or a limit forbids it.
    pub(crate) fn check_produce(
        &self,
        id: &PeerId,
        transport: &str,
        (kind, source): (MediaKind, Source),
        seats: &Seats,
        settings: &MeetingSettings,
    ) -> Result<TransportId, Refusal> {
        let in_room = self.owners.producers.len() + self.coming.producers();
        Refusal::too_many(in_room, self.limits.producers, "producers in the meeting")?;
        let peer = seats.joined(id)?;
        check_publish(&peer.grant, settings, needed_for(kind, source))?;
        let transport = self.transport(id, transport)?;
        if self.is_for_receiving(id, &transport) {
            return Err(Refusal(409, "this transport is for receiving".into()));
        }
        let own = self.counts(id).producers + self.coming.producers_of(peer.connection);
        Refusal::too_many(own, self.limits.producers_per_peer, "producers per participant").map(|()| transport)
    }

    fn is_for_receiving(&self, id: &PeerId, transport: &TransportId) -> bool {
        let state = self.peers.get(id).and_then(|tracks| tracks.transports.get(transport));
        state.is_some_and(|state| state.direction == Some(Direction::Consumer))
    }

    /// Counts a producer that is about to be requested. Returns the number for its context.
    pub(crate) fn begin_producer(&mut self, connection: ConnectionId, (kind, source): (MediaKind, Source)) -> u64 {
        self.coming.add_producer(connection, needed_for(kind, source))
    }

    /// The outcome of a producer's creation has come. Returns the moderator who has muted it meanwhile, if one has.
    pub(crate) fn end_producer(&mut self, connection: ConnectionId, number: u64) -> Option<PeerId> {
        self.coming.remove_producer(connection, number)
    }

    /// A moderator mutes the producers of a client that are on their way. The client learns of it once they have come: until then it does not
    /// know them.
    pub(crate) fn mute_coming(&mut self, connection: ConnectionId, source: PublishSource, moderator: &PeerId) {
        self.coming.mute(connection, source, moderator);
    }

    /// Records a producer that was created; it is not offered yet.
    pub(crate) fn add_producer(
        &mut self,
        id: &PeerId,
        (kind, source): (MediaKind, Source),
        created: CreatedProducer,
        effects: &Effects,
    ) {
        if let Some(tracks) = self.peers.get_mut(id) {
            let producer = created.id.clone();
            self.owners.producers.insert(producer.clone(), id.clone());
            tracks.producers.insert(producer, ProducerState::new(kind, source, created, effects.now));
        }
    }

    /// Closes a producer of a peer; returns whether it had such a producer.
    pub(crate) fn close_producer(
        &mut self,
        owner: &PeerId,
        producer: &ProducerId,
        seats: &mut Seats,
        effects: &mut Effects,
    ) -> bool {
        let removed = self.peers.get_mut(owner).and_then(|tracks| tracks.producers.remove(producer));
        if removed.is_none() {
            return false;
        }
        self.owners.producers.remove(producer);
        // First, so that no client mistakes the end of the consumer for a deselected stream.
        self.announce_sends(owner, seats, effects);
        self.close_consumers_of(producer, seats, effects);
        effects.run(Operation::CloseProducer(producer.clone()));
        self.note_streams();
        true
    }

    /// Closes the consumers of all producers of a peer that leaves.
    pub(crate) fn close_consumers_of_peer(&mut self, owner: &PeerId, seats: &mut Seats, effects: &mut Effects) {
        let producers: Vec<ProducerId> = self.producers_of(owner).map(|(id, _)| id.clone()).collect();
        for producer in &producers {
            self.close_consumers_of(producer, seats, effects);
        }
        if producers.is_empty() {
            self.priorities.note_change();
        } else {
            self.note_streams();
        }
    }

    /// Pauses or resumes a producer of a peer and notifies its receivers. Returns whether that changed anything; `None` if there is no such
    /// producer.
    pub(crate) fn set_paused(
        &mut self,
        owner: &PeerId,
        producer: &ProducerId,
        is_paused: bool,
        seats: &Seats,
        effects: &mut Effects,
    ) -> Option<bool> {
        let state = self.peers.get_mut(owner)?.producers.get_mut(producer)?;
        let is_changed = std::mem::replace(&mut state.is_paused, is_paused) != is_paused;
        if !is_paused {
            state.paused_ticks = 0;
        }
        if !is_changed {
            return Some(false);
        }
        self.notify_paused(producer, is_paused, seats, effects);
        let producer = producer.clone();
        effects.run(if is_paused { Operation::PauseProducer(producer) } else { Operation::ResumeProducer(producer) });
        // The choice waits for the next tick: pausing is cheap for a client, but choosing is not.
        self.note_streams();
        self.announce_sends(owner, seats, effects);
        Some(true)
    }

    fn notify_paused(&self, producer: &ProducerId, is_paused: bool, seats: &Seats, effects: &mut Effects) {
        for (receiver, tracks) in &self.peers {
            let Some(connection) = seats.connection_of(receiver) else { continue };
            for (consumer, _) in tracks.consumers.iter().filter(|(_, state)| state.producer == *producer) {
                let consumer = ConsumerRef { consumer_id: consumer.0.clone() };
                let paused = ServerNotification::ConsumerPaused;
                let resumed = ServerNotification::ConsumerResumed;
                effects.notify(connection, if is_paused { paused(consumer) } else { resumed(consumer) });
            }
        }
    }

    /// The others learn what a peer sends now by another notification.
    pub(crate) fn note_announced(&mut self, id: &PeerId) {
        if let Some(tracks) = self.peers.get_mut(id) {
            tracks.announced = tracks.sends();
        }
    }

    /// Notifies the others of what a peer sends, if that has changed. Not while it creates other transports: it is about to send the same again.
    pub(crate) fn announce_sends(&mut self, id: &PeerId, seats: &Seats, effects: &mut Effects) {
        if !seats.get(id).is_some_and(|peer| peer.is_seen() && peer.renewing.is_none()) {
            return;
        }
        let Some(tracks) = self.peers.get_mut(id) else { return };
        let sends = tracks.sends();
        if std::mem::replace(&mut tracks.announced, sends) != sends {
            let notification = PeerSends { peer_id: id.0.clone(), sends };
            seats.notify(&ServerNotification::PeerSends(notification), Some(id), effects);
        }
    }
}

/// AV1 is forwarded with temporal layers only: its dependency descriptor does not reach receivers, which then cannot decode
/// spatial ones and request key frames endlessly.
pub(crate) fn check_layers(kind: MediaKind, rtp_parameters: &Value) -> Result<(), Refusal> {
    let mime_type = rtp_parameters["codecs"][0]["mimeType"].as_str().unwrap_or_default();
    if kind != MediaKind::Video || !mime_type.eq_ignore_ascii_case("video/av1") {
        return Ok(());
    }
    let encodings = rtp_parameters["encodings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_spatial = |encoding: &Value| spatial_layers(encoding["scalabilityMode"].as_str().unwrap_or_default()) > 1;
    if encodings.len() > 1 || encodings.iter().any(is_spatial) {
        let reason =
            "AV1 is forwarded with temporal layers only: send one encoding with scalabilityMode L1T1, L1T2 or L1T3";
        return Err(Refusal(400, reason.into()));
    }
    Ok(())
}

/// The number after the `L` or `S` of a scalability mode (W3C WebRTC-SVC); 1 when there is none.
fn spatial_layers(mode: &str) -> u32 {
    let digits = mode.trim_start_matches(['L', 'S']);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(1)
}

//! Whether participants are still there: who falls silent is asked for a sign of life, and the others are told who gave none.
//!
//! It removes nobody: that is decided by the connection's own end and by the deadlines of [`super::seats`].

use std::time::Duration;

use serde_json::Value;

use super::command::Context;
use super::effect::Operation;
use super::ids::{ConnectionId, PeerId};
use super::peer::{Peer, ProducerState};
use super::{Effects, Room};

/// How often somebody is asked from whom no media comes.
const ASK_INTERVAL: Duration = Duration::from_secs(2);
/// How long a participant has to answer, and how long a WebSocket may be cut, before the others are told.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of a participant's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence {
    /// Since when its WebSocket is cut.
    cut: Option<Duration>,
    /// Since when it has not answered.
    asked: Option<Duration>,
    /// When it last answered.
    answered: Option<Duration>,
    /// Packets of its media that had come when that was last asked, and whether they were more than before.
    flow: Option<(u64, bool)>,
    /// Whether the others have been told that it is lost.
    pub(super) is_lost: bool,
}

impl Presence {
    fn is_overdue(&self, now: Duration) -> bool {
        [self.cut, self.asked].into_iter().flatten().any(|since| now.saturating_sub(since) >= PATIENCE)
    }

    /// Whether to ask now, where no media says that it is there.
    fn asks(&mut self, now: Duration) -> bool {
        let is_time = self.answered.is_none_or(|answered| now.saturating_sub(answered) >= ASK_INTERVAL);
        let asks = is_time && self.cut.is_none() && self.asked.is_none();
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    fn note_life(&mut self, now: Duration) {
        *self = Self { answered: Some(now), is_lost: self.is_lost, ..Self::default() };
    }
}

impl Room {
    /// The WebSocket of a participant is cut; its session waits for another one.
    pub(super) fn cut_off(&mut self, connection: ConnectionId, now: Duration) {
        if let Some((_, peer)) = self.peer_of(connection) {
            peer.presence.cut.get_or_insert(now);
        }
    }

    /// Something came from a participant who was cut off or asked.
    pub(super) fn note_life(&mut self, connection: ConnectionId, now: Duration, effects: &mut Effects) {
        let Some((id, peer)) = self.peer_of(connection) else { return };
        let id = id.clone();
        peer.presence.note_life(now);
        self.tell_presence(&id, now, effects);
    }

    /// Asks who is silent, and tells of those who have not answered in time.
    pub(super) fn look_for_the_lost(&mut self, now: Duration, effects: &mut Effects) {
        let is_watched = |peer: &Peer| peer.joined.is_some() && !peer.is_broadcaster;
        let watched: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| is_watched(peer)).map(|(id, _)| id.clone()).collect();
        for id in watched {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.look(now, effects);
            }
            self.tell_presence(&id, now, effects);
        }
    }

    /// Tells the others where it has changed.
    fn tell_presence(&mut self, id: &PeerId, now: Duration, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        let is_lost = peer.presence.is_overdue(now) && !peer.is_heard();
        if std::mem::replace(&mut peer.presence.is_lost, is_lost) != is_lost {
            self.tell_changed(id, effects);
        }
    }
}

impl Room {
    /// How many packets have come of what a participant sends.
    pub(super) fn note_flow(&mut self, connection: ConnectionId, stats: &Value, now: Duration, effects: &mut Effects) {
        let Some((id, peer)) = self.peer_of(connection) else { return };
        let id = id.clone();
        let streams = stats.as_array().map(Vec::as_slice).unwrap_or_default();
        let packets = streams.iter().filter_map(|stream| stream["packetCount"].as_u64()).sum();
        let flows = peer.presence.flow.is_none_or(|(before, _)| packets > before);
        peer.presence.flow = Some((packets, flows));
        self.tell_presence(&id, now, effects);
    }
}

impl Peer {
    /// Asks for a sign of life where no media is one. Who falls silent is asked at once. Who is cut off cannot be asked: there the packets
    /// are counted, because a score takes its time to fall.
    fn look(&mut self, now: Duration, effects: &mut Effects) {
        let heard = self.producers.iter().find(|(_, producer)| producer.is_heard());
        match heard {
            Some((producer, _)) if self.presence.cut.is_some() => {
                let context = Context::Flow { connection: self.connection };
                effects.run_for(Operation::ProducerStats(producer.clone()), context);
            }
            Some(_) => self.presence = Presence { answered: None, asked: None, ..self.presence },
            None if self.presence.asks(now) => effects.ping(self.connection),
            None => {}
        }
    }

    /// Whether its media comes, as far as is known.
    fn is_heard(&self) -> bool {
        self.presence.flow.is_none_or(|(_, flows)| flows) && self.producers.values().any(ProducerState::is_heard)
    }
}

impl ProducerState {
    /// As the last score says.
    fn is_heard(&self) -> bool {
        !self.is_paused && self.silent_since.is_none()
    }
}

//! Whether participants are still there: who falls silent is asked for a sign of life, and the others are told who gave none.
//!
//! It removes nobody: that is decided by the connection's own end and by the deadlines of [`super::seats`].

use std::time::Duration;

use super::ids::{ConnectionId, PeerId};
use super::peer::Peer;
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
            if self.peers.get_mut(&id).is_some_and(|peer| peer.has_to_answer(now)) {
                let connection = self.peers[&id].connection;
                effects.ping(connection);
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

impl Peer {
    /// Whether to ask it for a sign of life now: media is one, and who falls silent is asked at once.
    fn has_to_answer(&mut self, now: Duration) -> bool {
        if self.is_heard() {
            self.presence = Presence { answered: None, asked: None, ..self.presence };
            return false;
        }
        self.presence.asks(now)
    }

    /// Whether its media comes, as far as the last score says.
    fn is_heard(&self) -> bool {
        self.producers.values().any(|producer| !producer.is_paused && producer.silent_since.is_none())
    }
}

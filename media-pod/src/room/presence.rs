//! Whether participants are still there: who falls silent is asked for a sign of life, and the others are told who gave none.
//!
//! It removes nobody: that is decided by the connection's own end and by the deadlines of [`super::seats`].

use std::time::Duration;

use serde_json::Value;

use super::command::Context;
use super::effect::Operation;
use super::ids::{ConnectionId, PeerId, ProducerId};
use super::peer::{Peer, ProducerState};
use super::{Effects, Room};

/// How often somebody is asked from whom no media comes.
const ASK_INTERVAL: Duration = Duration::from_secs(2);
/// How long a WebSocket may be cut before the others are told, and how long a participant has to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for one on a slow way, whose answers have come late.
const MOST_PATIENCE: Duration = Duration::from_secs(16);
/// Looks in a row at which no packet has come of somebody who is cut off, until that counts: a screen that stands still sends few.
const STILL: u8 = 2;
/// Between two looks there is at most so long. Where there was more, the room itself was late, and answers wait to be read.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// What is known of a participant's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    /// Since when its WebSocket is cut.
    cut: Option<Duration>,
    /// Since when it has not answered.
    asked: Option<Duration>,
    /// When it last answered.
    answered: Option<Duration>,
    /// How long it has to answer.
    patience: Duration,
    /// What comes of its media while it is cut off.
    flow: Option<Flow>,
    /// Whether the others have been told that it is lost.
    pub(super) is_lost: bool,
}

/// Packets of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flow {
    producer: ProducerId,
    packets: u64,
    /// Looks in a row at which there were no more.
    still: u8,
}

impl Default for Presence {
    fn default() -> Self {
        Self { cut: None, asked: None, answered: None, patience: PATIENCE, flow: None, is_lost: false }
    }
}

impl Presence {
    /// Of somebody who has just joined: there is much to read before the first ping.
    pub(super) fn of_newcomer(now: Duration) -> Self {
        Self { answered: Some(now), ..Self::default() }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    fn is_overdue(&self, now: Duration) -> bool {
        let is_past = |since: Option<Duration>, most| since.is_some_and(|since| now.saturating_sub(since) >= most);
        is_past(self.cut, PATIENCE) || is_past(self.asked, self.patience)
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

    /// Who answered late is given more time from now on.
    fn note_life(&mut self, now: Duration) {
        let was_late = self.asked.is_some_and(|since| now.saturating_sub(since) >= self.patience);
        let patience = if was_late { (self.patience * 2).min(MOST_PATIENCE) } else { self.patience };
        *self = Self { answered: Some(now), patience, is_lost: self.is_lost, ..Self::default() };
    }

    /// The room was late: that is nobody's silence.
    fn forgive(&mut self, time: Duration) {
        for since in [&mut self.cut, &mut self.asked].into_iter().flatten() {
            *since += time;
        }
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
        let (id, was_cut) = (id.clone(), peer.presence.is_cut());
        peer.presence.note_life(now);
        self.tell_presence(&id, now, effects);
        if was_cut {
            // What has been chosen for the others meanwhile may be for it, too.
            self.balance.note_change();
        }
    }

    /// Asks who is silent, and tells of those who have not answered in time.
    pub(super) fn look_for_the_lost(&mut self, now: Duration, effects: &mut Effects) {
        let late = now.saturating_sub(std::mem::replace(&mut self.looked_at, now)).saturating_sub(LONGEST_PAUSE);
        if !late.is_zero() {
            self.peers.values_mut().for_each(|peer| peer.presence.forgive(late));
        }
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
    pub(super) fn note_flow(
        &mut self,
        connection: ConnectionId,
        producer: &ProducerId,
        stats: &Value,
        now: Duration,
        effects: &mut Effects,
    ) {
        let Some((id, peer)) = self.peer_of(connection) else { return };
        let id = id.clone();
        let streams = stats.as_array().map(Vec::as_slice).unwrap_or_default();
        let packets = streams.iter().filter_map(|stream| stream["packetCount"].as_u64()).sum();
        peer.presence.flow = Some(match peer.presence.flow.take() {
            Some(flow) if flow.producer == *producer && packets <= flow.packets => {
                Flow { still: flow.still + 1, ..flow }
            }
            _ => Flow { producer: producer.clone(), packets, still: 0 },
        });
        self.tell_presence(&id, now, effects);
    }
}

impl Peer {
    /// Asks for a sign of life where no media is one. Who falls silent is asked at once. Who is cut off cannot be asked: there the packets
    /// are counted, because a score takes its time to fall.
    fn look(&mut self, now: Duration, effects: &mut Effects) {
        let heard = self.producers.iter().filter(|(_, producer)| producer.is_heard());
        match heard.min_by_key(|(_, producer)| (producer.is_share(), !producer.is_audio())) {
            Some((producer, _)) if self.presence.is_cut() => {
                let context = Context::Flow { connection: self.connection, producer: producer.clone() };
                effects.run_for(Operation::ProducerStats(producer.clone()), context);
            }
            Some(_) => (self.presence.answered, self.presence.asked) = (None, None),
            None if self.presence.asks(now) => effects.ping(self.connection),
            None => {}
        }
    }

    /// Whether its media comes, as far as is known.
    fn is_heard(&self) -> bool {
        self.presence.flow.as_ref().is_none_or(|flow| flow.still < STILL)
            && self.producers.values().any(ProducerState::is_heard)
    }
}

impl ProducerState {
    /// As the last score says.
    fn is_heard(&self) -> bool {
        !self.is_paused && self.silent_since.is_none()
    }
}

//! Determines whether the connection of a participant is alive, from its WebSocket, its answers to pings and its media. It removes no
//! participant: the end of the connection and the deadlines of the room do that.

use std::time::Duration;

use crate::room::interface::ids::ProducerId;

/// Interval between pings of a participant who sends no media.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a WebSocket may be disconnected before the others are notified, and how long a participant has to answer a ping.
const PATIENCE: Duration = Duration::from_secs(2);
/// The maximum of the same, for a participant on a slow network whose answers came late.
const MAX_PATIENCE: Duration = Duration::from_secs(16);
/// Consecutive samples without a packet after which the media of a disconnected participant counts as lost: an unchanging screen sends
/// few packets.
const MAX_STILL: u8 = 2;

/// The state of a participant's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    /// When its WebSocket was lost, if it is.
    cut: Option<Duration>,
    /// When the unanswered ping was sent, if there is one.
    pinged: Option<Duration>,
    /// When it last answered.
    answered: Option<Duration>,
    /// How long it has to answer.
    patience: Duration,
    /// Packets of its media while it is disconnected.
    flow: Option<Flow>,
    /// Whether they are being counted.
    is_counting: bool,
    /// Whether the others were notified that it is lost.
    is_lost: bool,
}

/// Packets of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flow {
    producer: ProducerId,
    packets: u64,
    /// Consecutive samples without a new packet.
    still: u8,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            cut: None,
            pinged: None,
            answered: None,
            patience: PATIENCE,
            flow: None,
            is_counting: false,
            is_lost: false,
        }
    }
}

/// How to check whether a participant is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing has to be done.
    None,
    /// Ping its client.
    Ping,
    /// Count the packets of a producer: a disconnected client cannot be pinged, and a score falls slowly.
    CountPackets(ProducerId),
}

impl Presence {
    /// The presence of a participant who has just joined: it has much to read before the first ping.
    pub(crate) fn of_newcomer(now: Duration) -> Self {
        Self { answered: Some(now), ..Self::default() }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    pub(crate) fn note_cut(&mut self, now: Duration) {
        self.cut.get_or_insert(now);
    }

    /// The participant is alive. A participant who answered late gets more time from now on.
    pub(crate) fn note_life(&mut self, now: Duration) {
        let was_late = self.pinged.is_some_and(|since| now.saturating_sub(since) >= self.patience);
        let patience = if was_late { (self.patience * 2).min(MAX_PATIENCE) } else { self.patience };
        let (is_counting, is_lost) = (self.is_counting, self.is_lost);
        *self = Self { answered: Some(now), patience, is_counting, is_lost, ..Self::default() };
    }

    /// The room itself was late by this duration, which does not count as silence of the participant.
    pub(crate) fn forgive(&mut self, time: Duration) {
        for since in [&mut self.cut, &mut self.pinged].into_iter().flatten() {
            *since += time;
        }
    }

    /// Decides what to do about a participant. `active`: a producer whose media arrives. A participant who falls silent is pinged
    /// immediately.
    pub(crate) fn check(&mut self, active: Option<&ProducerId>, now: Duration) -> Check {
        match active {
            Some(_) if self.is_cut() && self.is_counting => {}
            Some(producer) if self.is_cut() => {
                self.is_counting = true;
                return Check::CountPackets(producer.clone());
            }
            Some(_) => (self.answered, self.pinged) = (None, None),
            None if self.is_ping_due(now) => {
                self.pinged = Some(now);
                return Check::Ping;
            }
            None => {}
        }
        Check::None
    }

    fn is_ping_due(&self, now: Duration) -> bool {
        let is_time = self.answered.is_none_or(|answered| now.saturating_sub(answered) >= PING_INTERVAL);
        is_time && self.cut.is_none() && self.pinged.is_none()
    }

    /// The packets were counted, or could not be.
    pub(crate) fn note_count(&mut self) {
        self.is_counting = false;
    }

    /// Records how many packets of a producer have arrived.
    pub(crate) fn note_packets(&mut self, producer: &ProducerId, packets: u64) {
        // The participant may be back in the meantime.
        if !self.is_cut() {
            return;
        }
        self.flow = Some(match self.flow.take() {
            Some(flow) if flow.producer == *producer && packets <= flow.packets => {
                Flow { still: flow.still.saturating_add(1), ..flow }
            }
            _ => Flow { producer: producer.clone(), packets, still: 0 },
        });
    }

    /// Decides again whether the participant is lost; true if that has changed. `has_media`: whether its media arrives, by its score.
    pub(crate) fn update(&mut self, has_media: bool, now: Duration) -> bool {
        let is_flowing = has_media && self.flow.as_ref().is_none_or(|flow| flow.still < MAX_STILL);
        let is_lost = self.is_overdue(now) && !is_flowing;
        std::mem::replace(&mut self.is_lost, is_lost) != is_lost
    }

    fn is_overdue(&self, now: Duration) -> bool {
        let is_past = |since: Option<Duration>, limit| since.is_some_and(|since| now.saturating_sub(since) >= limit);
        is_past(self.cut, PATIENCE) || is_past(self.pinged, self.patience)
    }
}

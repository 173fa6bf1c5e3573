//! Participants who send too much on data channels: the media worker forwards those messages by itself, so their channels are paused for
//! a moment, and the rest of the room does not notice.

use std::time::Duration;

use super::effect::{Fact, Operation};
use super::ids::PeerId;
use super::peer::Peer;
use super::{Effects, Room};

/// How long the channels are paused.
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes that one token of the rate pays for.
const BYTES_PER_TOKEN: usize = 1024;

impl Peer {
    /// Whether it may say so much now; counted if so.
    pub(super) fn may_say(&mut self, bytes: usize, now: Duration) -> bool {
        let cost = u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX).saturating_add(1);
        self.chat_rate.take(cost, now)
    }
}

impl Room {
    /// Counts what a participant has said on a data channel; if it was too much, their channels are paused and the answer is false.
    pub(super) fn may_go_on(&mut self, id: &PeerId, bytes: usize, now: Duration, effects: &mut Effects) -> bool {
        let Some(peer) = self.peers.get_mut(id) else { return false };
        if peer.may_say(bytes, now) {
            return true;
        }
        if peer.throttled.is_none() {
            peer.throttled = Some(now);
            effects.note(Fact::LimitReached("messages on data channels"));
            for producer in peer.own_data_producers() {
                effects.run(Operation::PauseDataProducer(producer));
            }
        }
        false
    }

    pub(super) fn resume_throttled(&mut self, now: Duration, effects: &mut Effects) {
        for peer in self.peers.values_mut() {
            if peer.throttled.is_some_and(|since| now.saturating_sub(since) >= PAUSE) {
                peer.throttled = None;
                for producer in peer.own_data_producers() {
                    effects.run(Operation::ResumeDataProducer(producer));
                }
            }
        }
    }
}

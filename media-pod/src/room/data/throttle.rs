//! Throttles participants who send too much on data channels: the media worker forwards messages on its own, so the channels are paused
//! briefly, without affecting the rest of the room.

use std::time::Duration;

use super::state::DataChannels;
use crate::room::effects::Effects;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::PeerId;
use crate::room::interface::operation::Operation;

/// How long the channels are paused.
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes that one token of the rate pays for.
const BYTES_PER_TOKEN: usize = 1024;

impl DataChannels {
    /// Whether a participant may send this many bytes now; if so, they are counted.
    pub(crate) fn may_send(&mut self, id: &PeerId, bytes: usize, now: Duration) -> bool {
        let cost = u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX).saturating_add(1);
        self.peers.get_mut(id).is_some_and(|channels| channels.rate.take(cost, now))
    }

    /// Counts a message on a data channel; if the limit is exceeded, pauses the sender's channels and returns false.
    pub(crate) fn count_message(&mut self, id: &PeerId, bytes: usize, effects: &mut Effects) -> bool {
        if self.may_send(id, bytes, effects.now) {
            return true;
        }
        let Some(channels) = self.peers.get_mut(id).filter(|channels| channels.throttled.is_none()) else {
            return false;
        };
        channels.throttled = Some(effects.now);
        effects.note(Fact::LimitReached("messages on data channels"));
        for producer in channels.own_producers() {
            effects.run(Operation::PauseDataProducer(producer));
        }
        false
    }

    /// Resumes the channels that were paused long enough.
    pub(crate) fn resume_throttled(&mut self, effects: &mut Effects) {
        for channels in self.peers.values_mut() {
            if channels.throttled.is_some_and(|since| effects.now.saturating_sub(since) >= PAUSE) {
                channels.throttled = None;
                for producer in channels.own_producers() {
                    effects.run(Operation::ResumeDataProducer(producer));
                }
            }
        }
    }
}

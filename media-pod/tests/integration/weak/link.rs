//! A slow and lossy link. Pure: it computes when a packet arrives, and sleeps nowhere.

use std::time::{Duration, Instant};

/// What waits longer than this in front of the link is dropped, as access links do.
const QUEUE: Duration = Duration::from_millis(300);
/// Headers of IP and UDP, and the authentication of SRTP.
const OVERHEAD: usize = 44;

/// The properties of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Bits per second.
    pub(crate) bitrate: u32,
    /// Packets that are lost at random.
    pub(crate) lost_percent: u32,
    pub(crate) round_trip: Duration,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) capacity: Capacity,
    idle_from: Instant,
    /// Of a xorshift generator: the same packets are lost in each run.
    random: u32,
}

impl Link {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, idle_from: Instant::now(), random: 0x9E37_79B9 }
    }

    /// When a packet arrives that is sent now, if it does.
    pub(crate) fn carry(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let bits = 8.0 * (bytes + OVERHEAD) as f64;
        let start = self.idle_from.max(now);
        if start - now > QUEUE {
            return None;
        }
        self.idle_from = start + Duration::from_secs_f64(bits / f64::from(self.capacity.bitrate));
        let is_lost = self.next_random() % 100 < self.capacity.lost_percent;
        (!is_lost).then(|| self.idle_from + self.capacity.round_trip / 2)
    }

    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random >> 8
    }
}

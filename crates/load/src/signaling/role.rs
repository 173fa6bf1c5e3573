//! The role of a client, and the time at which it began.

use std::time::{Duration, Instant, SystemTime};

use crate::media::source::SourceSettings;

/// The role of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Sends.
    Publisher {
        settings: SourceSettings,
        /// Subscribers of the meeting.
        receivers: u32,
    },
    /// Receives everything.
    Subscriber {
        /// The number of streams that should arrive.
        streams: usize,
    },
}

/// A moment of the past as time since 1970.
pub(super) fn began(start: Instant) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(start.elapsed())
}

//! Settings of a room's media: bitrates, and when a room extends to additional workers. Data only.

use std::time::Duration;

use convene_protocol::admission::MediaGrant;

/// Milliseconds between two requests for a key frame of a stream; a request that comes earlier is sent then. Browsers ignore requests within
/// 300 ms of the previous one, and the worker repeats an ignored one only after a second. It also bounds what receivers can cost a sender.
pub(super) const KEY_FRAME_REQUEST_DELAY: u32 = 350;

/// Settings of a room's media. Bitrates are bits per second of one transport, that is of one participant in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// Bitrate to a receiver before its bandwidth has been estimated: enough for the highest layer from the start.
    pub initial_outgoing_bitrate: u32,
    /// Bitrate to a receiver even if the estimate is lower.
    pub min_outgoing_bitrate: Option<u32>,
    /// Highest bitrate to a receiver.
    pub max_outgoing_bitrate: Option<u32>,
    /// Highest bitrate requested from a sender.
    pub max_incoming_bitrate: Option<u32>,
    /// Seconds without ICE consent (RFC 7675) after which a transport counts as disconnected; 10 to 60.
    pub ice_consent_timeout: u8,
    /// Consumers from which on a worker counts as full, and a room extends to another one.
    pub consumers_per_worker: usize,
    /// How often statistics are sampled for the metrics.
    pub sample_interval: Duration,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            initial_outgoing_bitrate: 3_000_000,
            min_outgoing_bitrate: None,
            max_outgoing_bitrate: None,
            max_incoming_bitrate: None,
            ice_consent_timeout: 20,
            consumers_per_worker: 500,
            sample_interval: Duration::from_secs(15),
        }
    }
}

impl MediaSettings {
    /// These settings, overridden by the meeting's.
    #[must_use]
    pub fn with(self, grant: &MediaGrant) -> Self {
        Self {
            initial_outgoing_bitrate: grant.initial_outgoing_bitrate.unwrap_or(self.initial_outgoing_bitrate),
            max_outgoing_bitrate: grant.max_outgoing_bitrate.or(self.max_outgoing_bitrate),
            max_incoming_bitrate: grant.max_incoming_bitrate.or(self.max_incoming_bitrate),
            ..self
        }
    }
}

/// How a room uses the pod's workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One worker, and additional ones when it grows.
    #[default]
    Growing,
    /// Senders on one worker and receivers on another, whatever the room's size (the demo's `usePipeTransports`, for tests).
    Piped,
}

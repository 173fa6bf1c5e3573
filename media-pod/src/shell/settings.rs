//! How much of the network a room's media may use, and when a room spreads over several workers.

use std::time::Duration;

use convene_protocol::admission::MediaGrant;

/// Settings of a room's media. Bitrates are bits per second of one transport, that is: of one participant and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// What a receiver is given before its way has been measured: enough for the top layer at once.
    pub initial_outgoing_bitrate: u32,
    /// What a receiver is given even when its way seems worse.
    pub min_outgoing_bitrate: Option<u32>,
    /// What a receiver is given at most.
    pub max_outgoing_bitrate: Option<u32>,
    /// What a sender is asked to send at most.
    pub max_incoming_bitrate: Option<u32>,
    /// Seconds without an ICE consent after which the way counts as lost (RFC 7675); 10 to 60.
    pub ice_consent_timeout: u8,
    /// From so many consumers on a worker is full, and a room goes on growing on another one.
    pub consumers_per_worker: usize,
    /// How often what flows is looked at, for the metrics.
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
    /// As the meeting wants it, where it says something.
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
    /// On one, and on more when it grows.
    #[default]
    Growing,
    /// Senders on one and receivers on another, whatever its size (`usePipeTransports` of the demo, for tests).
    Piped,
}

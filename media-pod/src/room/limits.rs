//! How much one room and one participant may have, and how long things may take.

use std::time::Duration;

/// Limits of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Participants at the same time.
    pub peers: usize,
    /// WebRTC transports of one participant. Two are in use; an abandoned pair may still be there.
    pub transports_per_peer: usize,
    /// Producers of one participant.
    pub producers_per_peer: usize,
    /// Data producers of one participant.
    pub data_producers_per_peer: usize,
    /// An empty room ends after this.
    pub empty_timeout: Duration,
    /// A participant whose media found no way for this long is asked to come back anew.
    pub ice_grace: Duration,
    /// An offered consumer that is not accepted within this is dropped (protoo's own limit is about 30 s).
    pub answer_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 100,
            transports_per_peer: 4,
            producers_per_peer: 8,
            data_producers_per_peer: 8,
            empty_timeout: Duration::from_mins(5),
            ice_grace: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
        }
    }
}

//! Limits on what one client may send. Data only.

use convene_protocol::frame;
use convene_service::rate::Rate;

/// Limits on what one client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Requests and notifications.
    pub rate: Rate,
    /// Length of a message; longer ones are answered with an error, and above twice this length the socket is closed.
    pub message_bytes: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { rate: Rate { per_second: 100, burst: 500 }, message_bytes: frame::MAX_MESSAGE_BYTES }
    }
}

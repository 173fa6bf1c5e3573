//! Flags about how much one client may send.

use clap::{Args, value_parser};
use convene_protocol::frame::MAX_MESSAGE_BYTES;

use crate::rate::Rate;
use crate::signaling::ClientLimits;

/// Longest message that can be allowed, as clap counts.
const MAX_BYTES: u64 = MAX_MESSAGE_BYTES as u64;

/// How much one client may send.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one client's signaling")]
pub struct ClientLimitArgs {
    /// Requests and notifications per second, in the long run. Further requests are answered with error 429, further
    /// notifications dropped; a client that goes on regardless is sent away.
    #[arg(
        long, env = "CONVENE_REQUESTS_PER_SECOND", value_name = "COUNT", default_value = "100",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub requests_per_second: u32,

    /// Requests and notifications at once, after a silence.
    #[arg(
        long, env = "CONVENE_REQUEST_BURST", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub request_burst: u32,

    /// Length of a message. protoo's own limit, 960000, is the highest; longer messages are answered with error 413.
    #[arg(
        long, env = "CONVENE_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value = "960000",
        value_parser = value_parser!(u64).range(1024..=MAX_BYTES)
    )]
    pub max_message_bytes: u64,
}

impl ClientLimitArgs {
    pub(super) fn limits(&self) -> ClientLimits {
        let rate = Rate { per_second: self.requests_per_second, burst: self.request_burst };
        let message_bytes = usize::try_from(self.max_message_bytes).unwrap_or(MAX_MESSAGE_BYTES);
        ClientLimits { rate, message_bytes }
    }
}

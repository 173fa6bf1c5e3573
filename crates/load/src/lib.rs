//! Load on a media pod: publishers that send synthetic media, and subscribers that receive it, over real signaling, ICE, DTLS and SRTP.
//!
//! It measures how clients join, what arrives, how late it is, and what the server uses for it. It decodes nothing and keeps nothing. Without
//! a join token it sends to this machine only, every number has a limit, and one client must have joined before others follow.

mod error;
mod media;
mod plan;
mod ramp;
mod report;
mod run;
mod server;
mod signaling;
mod stats;
mod tally;

pub use error::{JoinError, LoadError};
#[cfg(feature = "livekit")]
pub use plan::LiveKitKey;
pub use plan::{
    MAX_BITRATE, MAX_CLIENTS, MAX_DURATION, MAX_FRAME_RATE, MAX_JOINS_PER_SECOND, MAX_MEETINGS, MAX_NEWCOMERS,
    MAX_SETTLE, MAX_STEP, MAX_STREAMS, Plan, PlanError, Target,
};
pub use report::{Clients, Generator, Joins, Media, Report, Server};
pub use run::{Phase, Status, run};
pub use server::{ServerError, ServerUse, ThreadUse};
pub use stats::times::Percentiles;

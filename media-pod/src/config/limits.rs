//! Flags about how much one room, one participant and one client's signaling may have.

use std::time::Duration;

use clap::{Args, value_parser};
use convene_protocol::frame::MAX_MESSAGE_BYTES;

use super::values::patience;
use crate::rate::Rate;
use crate::room::Limits;
use crate::room::destinations::Destinations;
use crate::signaling::ClientLimits;

/// Longest message that can be allowed, as clap counts.
/// protoo's own limit.
const MAX_BYTES: u64 = 960_000;

/// How much one room may have.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one room")]
pub struct RoomLimitArgs {
    /// Rooms of this pod at the same time.
    #[arg(
        long, env = "CONVENE_MAX_ROOMS", value_name = "COUNT", default_value = "5000",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_rooms: u32,

    /// Participants who have joined, where the meeting says nothing else.
    #[arg(
        long, env = "CONVENE_MAX_PEERS", value_name = "COUNT", default_value = "100",
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    pub max_peers: u32,

    /// Connections that have not joined; when there is one more, the one that waits longest has to come back.
    #[arg(
        long, env = "CONVENE_MAX_UNJOINED", value_name = "COUNT", default_value = "200",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_unjoined: u32,

    /// Broadcasters: senders and receivers without a WebSocket, such as ffmpeg.
    #[arg(
        long, env = "CONVENE_MAX_BROADCASTERS", value_name = "COUNT", default_value = "16",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub max_broadcasters: u32,

    /// Transports, or 3 for each participant allowed, whichever is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_TRANSPORTS", value_name = "COUNT", default_value = "1000",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_room_transports: u32,

    /// Producers, or 3 for each participant allowed, whichever is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_PRODUCERS", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_room_producers: u32,

    /// Consumers. Where not every stream can go to everybody, each participant is sent an equal share.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_CONSUMERS", value_name = "COUNT", default_value = "20000",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_room_consumers: u32,

    /// Data producers, or 2 for each participant allowed, whichever is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_DATA_PRODUCERS", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_room_data_producers: u32,

    /// Chat messages that are kept for those who come later.
    #[arg(
        long, env = "CONVENE_CHAT_HISTORY", value_name = "COUNT", default_value = "200",
        value_parser = value_parser!(u32).range(..=10_000)
    )]
    pub chat_history: u32,

    /// Time after which an empty room is closed, where the meeting says nothing else.
    #[arg(long, env = "CONVENE_EMPTY_TIMEOUT", value_name = "DURATION", default_value = "5m", value_parser = patience)]
    pub empty_timeout: Duration,
}

/// How much one participant may have.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one participant")]
pub struct PeerLimitArgs {
    /// Transports. Two are in use; an abandoned pair may still be there.
    #[arg(
        long, env = "CONVENE_MAX_TRANSPORTS", value_name = "COUNT", default_value = "4",
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub max_transports: u32,

    /// Producers.
    #[arg(
        long, env = "CONVENE_MAX_PRODUCERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub max_producers: u32,

    /// Consumers.
    #[arg(
        long, env = "CONVENE_MAX_CONSUMERS", value_name = "COUNT", default_value = "1000",
        value_parser = value_parser!(u32).range(..=100_000)
    )]
    pub max_consumers: u32,

    /// Data producers.
    #[arg(
        long, env = "CONVENE_MAX_DATA_PRODUCERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub max_data_producers: u32,

    /// Consumers of one plain transport, which has no congestion control.
    #[arg(
        long, env = "CONVENE_MAX_PLAIN_CONSUMERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub max_plain_consumers: u32,

    /// Further copies of every consumer that a client may ask for, by consumerReplicas in its address.
    #[arg(
        long, env = "CONVENE_MAX_CONSUMER_REPLICAS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=100)
    )]
    pub max_consumer_replicas: u32,

    /// Time for media that has lost its way to find another; then the client is asked to come back anew.
    #[arg(long, env = "CONVENE_ICE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = patience)]
    pub ice_grace: Duration,

    /// Time for a connection to join; then it is asked to come back anew. Long, since browsers ask people first.
    #[arg(long, env = "CONVENE_JOIN_TIMEOUT", value_name = "DURATION", default_value = "10m", value_parser = patience)]
    pub join_timeout: Duration,

    /// Time for a broadcaster that neither sends, receives nor calls; then it is taken out of the room.
    #[arg(long, env = "CONVENE_BROADCASTER_TIMEOUT", value_name = "DURATION", default_value = "2m", value_parser = patience)]
    pub broadcaster_timeout: Duration,
}

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

    /// Length of a message, at most 960000; longer messages are answered with error 413.
    #[arg(
        long, env = "CONVENE_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value = "65536",
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

/// The limits of rooms and of those in them.
pub(super) fn limits(room: &RoomLimitArgs, peer: &PeerLimitArgs, plain_destinations: Destinations) -> Limits {
    let Limits { unseated, lobby, lobby_timeout, answer_timeout, .. } = Limits::default();
    Limits {
        unseated,
        lobby,
        lobby_timeout,
        answer_timeout,
        peers: room.max_peers as usize,
        unjoined: room.max_unjoined as usize,
        broadcasters: room.max_broadcasters as usize,
        transports: room.max_room_transports as usize,
        producers: room.max_room_producers as usize,
        consumers: room.max_room_consumers as usize,
        data_producers: room.max_room_data_producers as usize,
        chat_messages: room.chat_history as usize,
        empty_timeout: room.empty_timeout,
        transports_per_peer: peer.max_transports as usize,
        producers_per_peer: peer.max_producers as usize,
        consumers_per_peer: peer.max_consumers as usize,
        data_producers_per_peer: peer.max_data_producers as usize,
        plain_consumers: peer.max_plain_consumers as usize,
        plain_destinations,
        replicas: peer.max_consumer_replicas as usize,
        ice_grace: peer.ice_grace,
        join_timeout: peer.join_timeout,
        broadcaster_timeout: peer.broadcaster_timeout,
    }
}

//! Flags for limits of rooms, participants and clients. Parsing only.

use std::time::Duration;

use clap::{Args, value_parser};
use convene_protocol::frame::MAX_MESSAGE_BYTES;
use convene_service::rate::Rate;

use super::values::timeout;
use crate::room::Limits;
use crate::room::destinations::Destinations;
use crate::signaling::limits::ClientLimits;

/// Upper bound of --max-message-bytes: protoo's own limit.
const MAX_BYTES: u64 = 960_000;

/// Limits of one room.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one room")]
pub(crate) struct RoomLimitArgs {
    /// Maximum number of rooms on this pod.
    #[arg(
        long, env = "CONVENE_MAX_ROOMS", value_name = "COUNT", default_value = "5000",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) max_rooms: u32,

    /// Participants who have joined, unless the meeting sets another limit.
    #[arg(
        long, env = "CONVENE_MAX_PEERS", value_name = "COUNT", default_value = "100",
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    pub(crate) max_peers: u32,

    /// Connections that have not joined, or a tenth of the allowed participants if that is more; beyond that the one that has waited longest is asked to reconnect.
    #[arg(
        long, env = "CONVENE_MAX_UNJOINED", value_name = "COUNT", default_value = "200",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_unjoined: u32,

    /// Prepared connections: clients that have transports before their users join. Beyond that the oldest is closed.
    #[arg(
        long, env = "CONVENE_MAX_PREPARED", value_name = "COUNT", default_value = "200",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_prepared: u32,

    /// Broadcasters: senders and receivers without a WebSocket, such as ffmpeg.
    #[arg(
        long, env = "CONVENE_MAX_BROADCASTERS", value_name = "COUNT", default_value = "16",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub(crate) max_broadcasters: u32,

    /// Transports, or 3 per allowed participant if that is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_TRANSPORTS", value_name = "COUNT", default_value = "1000",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_room_transports: u32,

    /// Producers, or 3 per allowed participant if that is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_PRODUCERS", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_room_producers: u32,

    /// Consumers, or 12 per allowed participant in a meeting for more than 1000. If not every stream can be sent to every participant, each participant is sent an equal share.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_CONSUMERS", value_name = "COUNT", default_value = "20000",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) max_room_consumers: u32,

    /// Data producers, or 2 per allowed participant if that is more.
    #[arg(
        long, env = "CONVENE_MAX_ROOM_DATA_PRODUCERS", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_room_data_producers: u32,

    /// Chat messages kept for participants who join later.
    #[arg(
        long, env = "CONVENE_CHAT_HISTORY", value_name = "COUNT", default_value = "200",
        value_parser = value_parser!(u32).range(..=10_000)
    )]
    pub(crate) chat_history: u32,

    /// Time after which an empty room is closed, unless the meeting sets another.
    #[arg(long, env = "CONVENE_EMPTY_TIMEOUT", value_name = "DURATION", default_value = "5m", value_parser = timeout)]
    pub(crate) empty_timeout: Duration,
}

/// Limits of one participant.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one participant")]
pub(crate) struct PeerLimitArgs {
    /// Transports. A client uses two; after a reconnect an abandoned pair may still exist.
    #[arg(
        long, env = "CONVENE_MAX_TRANSPORTS", value_name = "COUNT", default_value = "4",
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub(crate) max_transports: u32,

    /// Producers.
    #[arg(
        long, env = "CONVENE_MAX_PRODUCERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub(crate) max_producers: u32,

    /// Consumers.
    #[arg(
        long, env = "CONVENE_MAX_CONSUMERS", value_name = "COUNT", default_value = "1000",
        value_parser = value_parser!(u32).range(..=100_000)
    )]
    pub(crate) max_consumers: u32,

    /// Data producers.
    #[arg(
        long, env = "CONVENE_MAX_DATA_PRODUCERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub(crate) max_data_producers: u32,

    /// Consumers of one plain transport, which has no congestion control.
    #[arg(
        long, env = "CONVENE_MAX_PLAIN_CONSUMERS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=1_000)
    )]
    pub(crate) max_plain_consumers: u32,

    /// Additional copies of every consumer that a client may request with consumerReplicas in its URL.
    #[arg(
        long, env = "CONVENE_MAX_CONSUMER_REPLICAS", value_name = "COUNT", default_value = "8",
        value_parser = value_parser!(u32).range(..=100)
    )]
    pub(crate) max_consumer_replicas: u32,

    /// Time for a disconnected transport to reconnect; after that the client is asked to reconnect.
    #[arg(long, env = "CONVENE_ICE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = timeout)]
    pub(crate) ice_grace: Duration,

    /// Time for a connection to join; after that the client is asked to reconnect. It is long because browsers ask users for permission first.
    #[arg(long, env = "CONVENE_JOIN_TIMEOUT", value_name = "DURATION", default_value = "10m", value_parser = timeout)]
    pub(crate) join_timeout: Duration,

    /// Time for a prepared connection to join; after that it is closed.
    #[arg(long, env = "CONVENE_PREPARE_TIMEOUT", value_name = "DURATION", default_value = "10m", value_parser = timeout)]
    pub(crate) prepare_timeout: Duration,

    /// Time without media or calls after which a broadcaster is removed from the room.
    #[arg(long, env = "CONVENE_BROADCASTER_TIMEOUT", value_name = "DURATION", default_value = "2m", value_parser = timeout)]
    pub(crate) broadcaster_timeout: Duration,
}

/// Limits of one client's signaling.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits of one client's signaling")]
pub(crate) struct ClientLimitArgs {
    /// Sustained rate of requests and notifications per second. Requests beyond it get error 429, notifications are dropped; a client that
    /// continues is disconnected.
    #[arg(
        long, env = "CONVENE_REQUESTS_PER_SECOND", value_name = "COUNT", default_value = "100",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) requests_per_second: u32,

    /// Burst of requests and notifications after an idle period.
    #[arg(
        long, env = "CONVENE_REQUEST_BURST", value_name = "COUNT", default_value = "500",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) request_burst: u32,

    /// Length of a message, at most 960000; longer messages get error 413.
    #[arg(
        long, env = "CONVENE_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value = "65536",
        value_parser = value_parser!(u64).range(1024..=MAX_BYTES)
    )]
    pub(crate) max_message_bytes: u64,
}

impl ClientLimitArgs {
    pub(super) fn limits(&self) -> ClientLimits {
        let rate = Rate { per_second: self.requests_per_second, burst: self.request_burst };
        let message_bytes = usize::try_from(self.max_message_bytes).unwrap_or(MAX_MESSAGE_BYTES);
        ClientLimits { rate, message_bytes }
    }
}

/// The limits of rooms and their participants.
pub(super) fn limits(room: &RoomLimitArgs, peer: &PeerLimitArgs, plain_destinations: Destinations) -> Limits {
    let Limits { unseated, lobby, lobby_timeout, answer_timeout, .. } = Limits::default();
    Limits {
        unseated,
        lobby,
        lobby_timeout,
        answer_timeout,
        peers: room.max_peers as usize,
        unjoined: room.max_unjoined as usize,
        prepared: room.max_prepared as usize,
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
        prepare_timeout: peer.prepare_timeout,
        broadcaster_timeout: peer.broadcaster_timeout,
    }
}

//! Requests of broadcasters: senders and receivers without a WebSocket, such as ffmpeg, on whose behalf a script calls over HTTP.
//! Plain data; both versions of the demo's HTTP API are translated to it.

use std::net::IpAddr;

use convene_protocol::message::{Device, Direction, MediaKind, Source};
use serde_json::Value;

use super::ids::{ConsumerId, DataProducerId, ProducerId, TransportId};

/// One call of a broadcaster's script.
#[derive(Clone, Debug, PartialEq)]
pub enum BroadcasterRequest {
    /// Returns the RTP capabilities of the room's router.
    RouterRtpCapabilities,
    /// Enters the room.
    Enter(Entry),
    /// Joins: the others see it from then on.
    Join,
    /// Leaves; everything that it owns is closed.
    Leave,
    /// Creates a transport for RTP without ICE and DTLS.
    CreatePlainTransport {
        /// Direction of media, seen from the broadcaster; `None`: either direction.
        direction: Option<Direction>,
        /// Learn the other side's address from its first packet.
        comedia: bool,
        /// RTP and RTCP on one port.
        rtcp_mux: bool,
    },
    /// Creates a WebRTC transport.
    CreateWebRtcTransport,
    /// Sets the address for RTP (and RTCP, when not on one port).
    ConnectPlainTransport {
        /// A plain transport of the broadcaster.
        transport: TransportId,
        /// The other side.
        ip: IpAddr,
        /// Its RTP port.
        port: u16,
        /// Its RTCP port.
        rtcp_port: Option<u16>,
    },
    /// Passes the other side's DTLS parameters to a transport.
    ConnectWebRtcTransport {
        /// A WebRTC transport of the broadcaster.
        transport: TransportId,
        /// mediasoup's `DtlsParameters`.
        dtls_parameters: Value,
    },
    /// Sends audio or video.
    Produce {
        /// A transport of the broadcaster.
        transport: TransportId,
        /// Audio or video.
        kind: MediaKind,
        /// mediasoup's `RtpParameters`.
        rtp_parameters: Value,
        /// Microphone, camera or screen.
        source: Source,
    },
    /// Sends messages.
    ProduceData {
        /// A WebRTC transport of the broadcaster.
        transport: TransportId,
        /// mediasoup's `SctpStreamParameters`.
        sctp_stream_parameters: Value,
        /// `bot` for the bot, anything else for the chat.
        label: String,
        /// Free.
        protocol: String,
    },
    /// Receives a stream of another participant.
    Consume {
        /// A transport of the broadcaster.
        transport: TransportId,
        /// The producer to receive.
        producer: ProducerId,
        /// Starts paused, until [`ConsumerCall::Resume`].
        paused: bool,
        /// mediasoup's `RtpCapabilities`; `None`: those from its entry.
        rtp_capabilities: Option<Value>,
    },
    /// Receives messages of another participant.
    ConsumeData {
        /// A WebRTC transport of the broadcaster.
        transport: TransportId,
        /// The data producer to receive.
        producer: DataProducerId,
    },
    /// Changes a consumer.
    OfConsumer(ConsumerId, ConsumerCall),
    /// Lists the producers of the other participants.
    PeerProducersInfos,
}

impl BroadcasterRequest {
    /// Whether the room is another one afterwards, and not only the media that the broadcaster already has.
    pub(crate) fn changes_room(&self) -> bool {
        match self {
            Self::Enter(_)
            | Self::Join
            | Self::CreatePlainTransport { .. }
            | Self::CreateWebRtcTransport
            | Self::Produce { .. }
            | Self::ProduceData { .. }
            | Self::Consume { .. }
            | Self::ConsumeData { .. } => true,
            Self::RouterRtpCapabilities
            | Self::Leave
            | Self::ConnectPlainTransport { .. }
            | Self::ConnectWebRtcTransport { .. }
            | Self::OfConsumer(..)
            | Self::PeerProducersInfos => false,
        }
    }
}

/// A change of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerCall {
    /// Resumes it.
    Resume,
    /// Pauses it.
    Pause,
    /// Requests a key frame from the sender.
    RequestKeyFrame,
    /// Sets the highest spatial and temporal layer to receive; without a temporal one, all of them.
    SetPreferredLayers(u8, Option<u8>),
}

/// How a broadcaster enters.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 1 to 64 characters.
    pub display_name: String,
    /// Its program.
    pub device: Device,
    /// mediasoup's `RtpCapabilities`, for one that receives.
    pub rtp_capabilities: Option<Value>,
    /// Whether it joins immediately, as older scripts expect; newer ones call `join`.
    pub joins_at_once: bool,
    /// Whether it replaces a broadcaster with the same id, as newer scripts expect; otherwise it is refused.
    pub replaces: bool,
}

/// The error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// An HTTP status.
    pub code: u16,
    /// Readable description.
    pub reason: String,
}

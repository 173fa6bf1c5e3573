//! What a broadcaster asks: a sender or receiver without a WebSocket, such as ffmpeg, on whose behalf a script calls over HTTP.
//! Plain data; both variants of the demo's HTTP API lead here.

use std::net::IpAddr;

use convene_protocol::message::{Device, Direction, MediaKind, Source};
use serde_json::Value;

use super::ids::{ConsumerId, TransportId};

/// One call of a broadcaster's script.
#[derive(Clone, Debug, PartialEq)]
pub enum BroadcasterRequest {
    /// What the room's router can receive and send.
    RouterRtpCapabilities,
    /// Come in.
    Enter(Entry),
    /// Be seen by the others.
    Join,
    /// Go, with all that is its own.
    Leave,
    /// A transport for RTP without ICE and DTLS.
    CreatePlainTransport {
        /// Which way media flows, seen from the broadcaster; `None`: either.
        direction: Option<Direction>,
        /// Learn the other side's address from its first packet.
        comedia: bool,
        /// RTP and RTCP on one port.
        rtcp_mux: bool,
    },
    /// A WebRTC transport.
    CreateWebRtcTransport,
    /// Where to send RTP (and RTCP, when not on one port).
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
    /// The other side's DTLS parameters.
    ConnectWebRtcTransport {
        /// A WebRTC transport of the broadcaster.
        transport: TransportId,
        /// mediasoup's `DtlsParameters`.
        dtls_parameters: Value,
    },
    /// Send audio or video.
    Produce {
        /// A transport of the broadcaster.
        transport: TransportId,
        /// Audio or video.
        kind: MediaKind,
        /// mediasoup's `RtpParameters`.
        rtp_parameters: Value,
        /// Where it comes from.
        source: Source,
    },
    /// Send messages.
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
    /// Receive what somebody sends.
    Consume {
        /// A transport of the broadcaster.
        transport: TransportId,
        /// What to receive.
        producer: super::ProducerId,
        /// Wait for [`ConsumerCall::Resume`].
        paused: bool,
        /// mediasoup's `RtpCapabilities`; `None`: those given at the entry.
        rtp_capabilities: Option<Value>,
    },
    /// Receive somebody's messages.
    ConsumeData {
        /// A WebRTC transport of the broadcaster.
        transport: TransportId,
        /// Whose.
        producer: super::DataProducerId,
    },
    /// Change what is received of one producer.
    OfConsumer(ConsumerId, ConsumerCall),
    /// Who sends what.
    PeerProducersInfos,
}

/// What is to become of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerCall {
    /// Let it flow.
    Resume,
    /// Let nothing flow.
    Pause,
    /// Have the sender encode a picture from which a decoder can begin.
    RequestKeyFrame,
    /// The layers of simulcast and SVC to receive at most; the temporal one is all of them when absent.
    SetPreferredLayers(u8, Option<u8>),
}

/// How a broadcaster comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 1 to 64 characters.
    pub display_name: String,
    /// Its program.
    pub device: Device,
    /// mediasoup's `RtpCapabilities`, for one that receives.
    pub rtp_capabilities: Option<Value>,
    /// Older scripts are seen at once; newer ones say when.
    pub joins_at_once: bool,
    /// Newer scripts take the place of whoever has that id; older ones are refused.
    pub replaces: bool,
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// An HTTP status.
    pub code: u16,
    /// For people.
    pub reason: String,
}

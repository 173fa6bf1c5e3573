//! The signaling messages: what clients ask and tell, what the media pod answers, asks and tells.
//!
//! Both generations of the mediasoup-demo protocol are answered at once: requests accept both spellings, answers carry both
//! ("superset answers"), and older clients ignore what they do not know. Payloads of RTP, ICE, DTLS and SCTP stay JSON;
//! their shapes are those of mediasoup and mediasoup-client. Nothing here acts on a message.

mod client;
mod server;

pub use client::{
    ClientRequest, ConnectTransport, CreateTransport, Direction, Join, Produce, Source, TransportAppData,
};
pub use client::{
    ConsumerRef, DisplayName, NoData, PreferredLayers, Priority, ProducerRef, RequestError, TransportRef,
};
pub use client::{Device, MediaKind};
pub use server::{
    ActiveSpeaker, ConsumerAppData, ConsumerLayers, ConsumerScore, DisplayNameChanged, IceParametersAnswer, JoinAnswer,
    Layers, NewConsumer, NewPeer, PeerClosed, PeerInfo, PeerVolume, ProduceAnswer, ProducerScore, ProtocolVersion,
    RouterCapabilitiesAnswer, ScoreOf, ServerNotification, ServerRequest, SpeakingPeers, StatsAnswer, TransportAnswer,
};

//! The signaling messages: what clients ask and tell, what the media pod answers, asks and tells.
//!
//! Both generations of the mediasoup-demo protocol are answered at once: requests accept both spellings, answers carry both
//! ("superset answers"), and older clients ignore what they do not know. Payloads of RTP, ICE, DTLS and SCTP stay JSON;
//! their shapes are those of mediasoup and mediasoup-client. Nothing here acts on a message.

pub mod bounds;
mod client;
mod moderation;
mod people;
mod read;
mod server;

pub use client::{
    Channel, ChatHistory, ChatText, ClientRequest, ConnectTransport, CreateTransport, Direction, Join, Produce,
    ProduceData, Source, Throttle,
};
pub use client::{ConsumerRef, DataConsumerRef, DataProducerRef, DisplayName, NoData, PreferredLayers, Priority};
pub use client::{Device, MediaKind, ProducerRef, TransportAppData, TransportRef};
pub use moderation::{
    Knock, MuteParticipant, PeerRef, PublishChange, PublishSource, RaiseHand, Reaction, RoomLobby, RoomLock,
    SendReaction, SetModerator, SetPermissions, WatchedPeers,
};
pub use people::{
    HandRaised, Lobby, LobbyPeer, LobbyPeers, LobbyState, MutedByModerator, PeerChanged, PeerReaction, PeerSends,
    Permissions, RoomState, Sends,
};
pub use read::{MAX_CHAT_TEXT, MAX_WATCHED_PEERS, RequestError, clean_chat_text};
pub use server::{
    ActiveSpeaker, ChatHistoryAnswer, ChatMessage, ChatSent, ConsumerAppData, ConsumerLayers, ConsumerScore,
    DataConsumerAppData, DisplayNameChanged, DownlinkBwe, IceParametersAnswer, JoinAnswer, Layers, NewConsumer,
    NewDataConsumer, NewPeer, PeerClosed, PeerInfo, PeerVolume, ProduceAnswer, ProduceDataAnswer, ProducerScore,
    ProtocolVersion, RouterCapabilitiesAnswer, ScoreOf, ServerNotification, ServerRequest, SignalingSession,
    SpeakingPeers, StatsAnswer, TransportAnswer,
};

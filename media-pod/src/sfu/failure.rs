//! What can go wrong with workers.

use thiserror::Error;

/// What can go wrong with workers.
#[derive(Debug, Error)]
pub enum WorkersError {
    /// The block is too small.
    #[error(transparent)]
    Block(#[from] super::block::PortBlockError),
    /// The thread did not start.
    #[error("cannot start mediasoup worker {index}")]
    Start {
        /// Which one, from 0.
        index: usize,
        /// Why.
        source: std::io::Error,
    },
    /// The port is taken, or the address is not this machine's.
    #[error("cannot listen on {ips} port {port} (udp and tcp) for WebRTC: is the port taken by another process?")]
    Listen {
        /// The local addresses.
        ips: String,
        /// The port.
        port: u16,
        /// mediasoup's own words.
        source: mediasoup::worker::CreateWebRtcServerError,
    },
    /// The port is taken by TCP alone, or the address is not this machine's.
    #[error("cannot listen on {ips} port {port} (tcp) for WebRTC: is the port taken by another process?")]
    ListenTcp {
        /// The local addresses.
        ips: String,
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The worker's TCP listener has to be on the loopback interface.
    #[error("cannot find a free TCP port on the loopback interface")]
    Loopback {
        /// Why.
        source: std::io::Error,
    },
    /// No router could be made.
    #[error("cannot create a router")]
    Router {
        /// mediasoup's own words.
        source: mediasoup::worker::CreateRouterError,
    },
    /// No transport could be made.
    #[error("cannot create a transport")]
    Transport {
        /// mediasoup's own words.
        source: mediasoup::worker::RequestError,
    },
    /// Every worker has ended and none is back yet.
    #[error("no media worker is running")]
    NoneAlive,
}

impl WorkersError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Block(_) => "PortBlockTooSmall",
            Self::Start { .. } => "WorkerStartFailed",
            Self::Listen { .. } | Self::ListenTcp { .. } => "PortTaken",
            Self::Loopback { .. } => "NoLoopbackPort",
            Self::Router { .. } => "RouterFailed",
            Self::Transport { .. } => "TransportFailed",
            Self::NoneAlive => "NoWorker",
        }
    }
}

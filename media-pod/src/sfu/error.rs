//! Errors of workers. No logic.

use thiserror::Error;

/// An operation on workers failed.
#[derive(Debug, Error)]
pub enum WorkersError {
    /// The block is too small.
    #[error(transparent)]
    Block(#[from] crate::network::port_block::PortBlockError),
    /// The thread did not start.
    #[error("could not start mediasoup worker {index}")]
    Start {
        /// The worker's index.
        index: usize,
        /// Cause.
        source: std::io::Error,
    },
    /// The port is in use, or the address is not one of this machine.
    #[error("could not listen on {ips} port {port} (udp and tcp) for WebRTC: is the port used by another process?")]
    Listen {
        /// The local addresses.
        ips: String,
        /// The port.
        port: u16,
        /// mediasoup's error.
        source: mediasoup::worker::CreateWebRtcServerError,
    },
    /// The port is in use for TCP, or the address is not one of this machine.
    #[error("could not listen on {ips} port {port} (tcp) for WebRTC: is the port used by another process?")]
    ListenTcp {
        /// The local addresses.
        ips: String,
        /// The port.
        port: u16,
        /// Cause.
        source: std::io::Error,
    },
    /// No port for the worker's TCP listener, which is on the loopback interface.
    #[error("could not find a free TCP port on the loopback interface")]
    Loopback {
        /// Cause.
        source: std::io::Error,
    },
    /// The worker refused to create a router.
    #[error("could not create a router")]
    Router {
        /// mediasoup's error.
        source: mediasoup::worker::CreateRouterError,
    },
    /// The request for a router panicked, or the process is about to exit.
    #[error("could not create a router: the request has ended early")]
    RouterTask {
        /// Cause.
        source: tokio::task::JoinError,
    },
    /// The worker refused to create a transport.
    #[error("could not create a transport")]
    Transport {
        /// mediasoup's error.
        source: mediasoup::worker::RequestError,
    },
    /// Every worker has ended and none has been replaced yet.
    #[error("no media worker is running")]
    NoneAlive,
}

impl WorkersError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Block(_) => "PortBlockTooSmall",
            Self::Start { .. } => "WorkerStartFailed",
            Self::Listen { .. } | Self::ListenTcp { .. } => "PortTaken",
            Self::Loopback { .. } => "NoLoopbackPort",
            Self::Router { .. } | Self::RouterTask { .. } => "RouterFailed",
            Self::Transport { .. } => "TransportFailed",
            Self::NoneAlive => "NoWorker",
        }
    }
}

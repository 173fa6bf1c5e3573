//! Why a run or the join of one client failed.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error;

use crate::plan::PlanError;
use crate::server::ServerError;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan is not allowed or impossible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The sockets of the clients could not be opened.
    #[error("could not open the media socket")]
    Socket(#[source] std::io::Error),
    /// The server's process cannot be measured.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// All clients that tried failed, or at least five and more than joined.
    #[error("{failed} of {attempted} clients could not join; the last one")]
    Joins {
        /// Clients that failed.
        failed: u32,
        /// Clients that tried.
        attempted: u32,
        /// The last error.
        #[source]
        last: JoinError,
    },
}

/// Why a client could not join, or left early.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The host name has no address.
    #[error("could not resolve {host:?}")]
    Resolve {
        /// The host.
        host: String,
    },
    /// Without a token, only this machine may be loaded.
    #[error("{0} is not a loopback address; other servers need a join token")]
    NotLoopback(IpAddr),
    /// No TCP connection.
    #[error("could not connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The certificates of this system could not be used.
    #[error("could not set up TLS: {0}")]
    Tls(String),
    /// The join route refused.
    #[error("the join route answered {status}: {detail}")]
    Route {
        /// The HTTP status.
        status: u16,
        /// The server's reason.
        detail: String,
    },
    /// The WebSocket handshake failed.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(String),
    /// The socket was closed by the server.
    #[error("the server closed the connection with {code}: {reason}")]
    Closed {
        /// The close code; 1006 if there was none.
        code: u16,
        /// The server's reason.
        reason: String,
    },
    /// A request was refused.
    #[error("{method} was refused with {code}: {reason}")]
    Refused {
        /// The request.
        method: &'static str,
        /// The error code.
        code: u64,
        /// The server's reason.
        reason: String,
    },
    /// The server sent something that is not valid.
    #[error("the server sent {0}")]
    Malformed(&'static str),
    /// The server announced no address that may be used.
    #[error("the server announced no usable UDP address for media")]
    NoCandidate,
    /// The local socket of a client could not be opened: often too many open files.
    #[error("could not open a media socket to {address}")]
    Socket {
        /// The server's address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Nothing happened for too long.
    #[error("no {what} within {limit:?}")]
    Timeout {
        /// The expected response.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// ICE or DTLS ended.
    #[error("the media connection ended")]
    MediaEnded,
}

impl JoinError {
    /// A short constant to count errors by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "Resolve",
            Self::NotLoopback(_) => "NotLoopback",
            Self::Connect { .. } => "Connect",
            Self::Tls(_) => "Tls",
            Self::Route { .. } => "JoinRoute",
            Self::Handshake(_) => "Handshake",
            Self::Closed { .. } => "Closed",
            Self::Refused { .. } => "Refused",
            Self::Malformed(_) => "Malformed",
            Self::NoCandidate => "NoCandidate",
            Self::Socket { .. } => "Socket",
            Self::Timeout { .. } => "Timeout",
            Self::MediaEnded => "MediaEnded",
        }
    }
}

//! Errors of links. No logic.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// A link could not be opened, or has ended.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// No connection.
    #[error("could not connect to {address}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// No TLS, or another certificate than the operator has named.
    #[error("could not establish TLS with {address}: is it the pod that the operator named?")]
    Tls {
        /// Where.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// The ticket is unusable here.
    #[error("the media pod at {address} refused the link: {status}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// HTTP status.
        status: u16,
    },
    /// It took too long to open.
    #[error("the media pod at {address} did not open the link in time")]
    Timeout {
        /// Where.
        address: SocketAddr,
    },
    /// Nothing was received for too long.
    #[error("nothing was received from the media pod at {address} for {seconds} seconds")]
    Silent {
        /// Where.
        address: SocketAddr,
        /// For how long.
        seconds: u64,
    },
    /// No operation has been completed for too long.
    #[error("the media pod at {address} has completed no operation for {seconds} seconds")]
    Stuck {
        /// Where.
        address: SocketAddr,
        /// For how long.
        seconds: u64,
    },
    /// The WebSocket has failed or was closed.
    #[error("the link to {address} has ended: {problem}")]
    Ended {
        /// Where.
        address: SocketAddr,
        /// The problem.
        problem: String,
    },
    /// Media would not arrive.
    #[error(
        "UDP packets do not pass between {own} and {to} with unchanged addresses: check routes and network policies between media pods"
    )]
    NoPath {
        /// Address of this pod.
        own: IpAddr,
        /// Where.
        to: SocketAddr,
    },
    /// A message that is not of the protocol.
    #[error("the media pod at {address} sent an invalid message")]
    Invalid {
        /// Where.
        address: SocketAddr,
    },
}

impl LinkError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "NotReachable",
            Self::Tls { .. } => "CertificateUnknown",
            Self::Refused { .. } => "Refused",
            Self::Timeout { .. } => "Timeout",
            Self::Silent { .. } => "Silent",
            Self::Stuck { .. } => "Stuck",
            Self::Ended { .. } => "Ended",
            Self::NoPath { .. } => "NoPath",
            Self::Invalid { .. } => "InvalidMessage",
        }
    }
}

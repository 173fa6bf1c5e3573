//! The edge policy: limits, allowed origins, trusted proxies and the demo listener, as arguments and as the state that enforces them.
//!
//! Arguments are validated once at start-up. Nothing here inspects a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use convene_join_token::is_label;
use convene_service::http::body;
use convene_service::http::headers::SecurityHeaders;
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::Settings;
use convene_service::http::origin::{AllowedOrigins, OriginError};
use ipnet::IpNet;
use thiserror::Error;

use crate::edge::client::TrustedProxies;
use crate::edge::limits::{RateLimits, Rates};
use crate::index::table::RoutingTable;
use crate::metrics::RouterMetrics;

// Help texts are shown in a terminal, hence no Markdown.
#[allow(clippy::doc_markdown)]
/// Arguments of the edge policy; each can be set by an environment variable instead.
#[derive(Clone, Debug, Args)]
pub(crate) struct EdgeArgs {
    /// Networks of the proxies whose X-Forwarded-For, -Proto and -Host headers are trusted (for example 10.0.0.0/8,fd00::/8).
    /// If unset, all clients behind a proxy count as one address
    #[arg(long, env = "CONVENE_TRUSTED_PROXIES", value_name = "CIDR,...", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<String>,

    /// Origins whose pages may open signaling sockets and read the API, in addition to the router's own (for example
    /// https://app.example.org); * allows all origins
    #[arg(long, env = "CONVENE_ALLOWED_ORIGINS", value_name = "ORIGIN,...", value_delimiter = ',')]
    pub(crate) allowed_origins: Vec<String>,

    /// Origins whose pages may embed the web app in a frame (for example https://app.example.org); * allows all origins
    #[arg(long, env = "CONVENE_EMBED_ORIGINS", value_name = "ORIGIN,...", value_delimiter = ',')]
    pub(crate) embed_origins: Vec<String>,

    /// Joins per second from one address (one /64 network for IPv6), with bursts of ten times as many; 0 disables the limit
    #[arg(long, env = "CONVENE_JOIN_RATE", value_name = "COUNT", default_value_t = 50)]
    pub(crate) join_rate: u32,

    /// Joins per second to one meeting, with bursts of ten times as many; 0 disables the limit
    #[arg(long, env = "CONVENE_MEETING_JOIN_RATE", value_name = "COUNT", default_value_t = 200)]
    pub(crate) meeting_join_rate: u32,

    /// Other requests per second from one address, with bursts of ten times as many; 0 disables the limit
    #[arg(long, env = "CONVENE_REQUEST_RATE", value_name = "COUNT", default_value_t = 200)]
    pub(crate) request_rate: u32,

    /// Maximum number of open connections
    #[arg(long, env = "CONVENE_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 60_000)]
    pub(crate) max_connections: u32,

    /// Maximum number of open connections from one address that is not a trusted proxy
    #[arg(long, env = "CONVENE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", default_value_t = 10_000)]
    pub(crate) max_connections_per_address: u32,

    /// Maximum number of open event streams
    #[arg(long, env = "CONVENE_MAX_EVENT_STREAMS", value_name = "COUNT", default_value_t = 10_000)]
    pub(crate) max_event_streams: u32,

    /// Maximum number of open event streams from one address
    #[arg(long, env = "CONVENE_MAX_EVENT_STREAMS_PER_ADDRESS", value_name = "COUNT", default_value_t = 500)]
    pub(crate) max_event_streams_per_address: u32,

    /// Address for clients of the mediasoup demo (wss://HOST:4443/?roomId=ROOM&peerId=ID); disabled if unset
    #[arg(long, env = "CONVENE_DEMO_LISTEN", value_name = "ADDRESS")]
    pub(crate) demo_listen: Option<SocketAddr>,

    /// Namespace of meetings that demo clients request without one
    #[arg(long, env = "CONVENE_DEMO_NAMESPACE", value_name = "NAMESPACE", default_value = "default")]
    pub(crate) demo_namespace: String,
}

/// Invalid arguments.
#[derive(Debug, Error)]
pub enum EdgeConfigError {
    /// An invalid network.
    #[error("--trusted-proxies: {0:?} is not a network in CIDR notation, such as 10.0.0.0/8 or 192.0.2.7/32")]
    Network(String),
    /// An invalid allowed origin.
    #[error("--allowed-origins: {0}")]
    Origin(OriginError),
    /// An invalid embedding origin.
    #[error("--embed-origins: {0}")]
    Embedder(OriginError),
    /// An invalid namespace.
    #[error("--demo-namespace {0:?} is not a valid namespace name")]
    DemoNamespace(String),
    /// A limit of zero, which would refuse every client.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

/// The listener for clients of the mediasoup demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoConfig {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Namespace of meetings that are requested without one.
    pub(crate) namespace: String,
}

/// Timeouts of connections and requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Time limit for the TLS handshake, and then for the first request of a connection.
    pub(crate) first_request: Duration,
    /// Time that a connection may be idle between requests, and time to receive a request head.
    pub(crate) idle: Duration,
    /// Time to receive the body of a request.
    pub(crate) body: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let Settings { first_request, idle, .. } = Settings::default();
        Self { first_request, idle, body: body::TIMEOUT }
    }
}

/// Validated arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EdgeConfig {
    /// Proxies whose forwarding headers are trusted.
    pub(crate) proxies: TrustedProxies,
    /// Origins whose pages may use the router.
    pub(crate) origins: AllowedOrigins,
    /// Origins whose pages may embed the web app.
    pub(crate) embedders: AllowedOrigins,
    /// Rate limits.
    pub(crate) rates: Rates,
    /// Maximum number of connections, in total and per address.
    pub(crate) connections: (usize, usize),
    /// Maximum number of event streams, in total and per address.
    pub(crate) streams: (usize, usize),
    /// The demo listener, if enabled.
    pub(crate) demo: Option<DemoConfig>,
    /// Timeouts of connections and requests.
    pub(crate) timeouts: Timeouts,
}

impl Default for EdgeConfig {
    /// No rates, no proxies, no demo.
    fn default() -> Self {
        Self {
            proxies: TrustedProxies::default(),
            origins: AllowedOrigins::default(),
            embedders: AllowedOrigins::default(),
            rates: Rates::default(),
            connections: (60_000, 10_000),
            streams: (10_000, 500),
            demo: None,
            timeouts: Timeouts::default(),
        }
    }
}

impl EdgeArgs {
    /// Validates all arguments.
    pub(crate) fn check(&self) -> Result<EdgeConfig, EdgeConfigError> {
        let origins = AllowedOrigins::parse(self.allowed_origins.iter().map(String::as_str));
        let embedders = AllowedOrigins::parse(self.embed_origins.iter().map(String::as_str));
        Ok(EdgeConfig {
            proxies: self.proxies()?,
            origins: origins.map_err(EdgeConfigError::Origin)?,
            embedders: embedders.map_err(EdgeConfigError::Embedder)?,
            rates: Rates {
                requests_per_address: self.request_rate,
                joins_per_address: self.join_rate,
                joins_per_meeting: self.meeting_join_rate,
            },
            connections: (
                count("--max-connections", self.max_connections)?,
                count("--max-connections-per-address", self.max_connections_per_address)?,
            ),
            streams: (
                count("--max-event-streams", self.max_event_streams)?,
                count("--max-event-streams-per-address", self.max_event_streams_per_address)?,
            ),
            demo: self.demo()?,
            timeouts: Timeouts::default(),
        })
    }

    fn proxies(&self) -> Result<TrustedProxies, EdgeConfigError> {
        let given = self.trusted_proxies.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        let networks = given.map(|text| text.parse::<IpNet>().map_err(|_| EdgeConfigError::Network(text.to_owned())));
        networks.collect::<Result<_, _>>().map(TrustedProxies)
    }

    fn demo(&self) -> Result<Option<DemoConfig>, EdgeConfigError> {
        if !is_label(&self.demo_namespace) {
            return Err(EdgeConfigError::DemoNamespace(self.demo_namespace.clone()));
        }
        Ok(self.demo_listen.map(|listen| DemoConfig { listen, namespace: self.demo_namespace.clone() }))
    }
}

fn count(flag: &'static str, given: u32) -> Result<usize, EdgeConfigError> {
    if given == 0 { Err(EdgeConfigError::Zero(flag)) } else { Ok(given as usize) }
}

/// The part of it that middleware, handlers and listeners share.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Proxies whose forwarding headers are trusted.
    pub(crate) proxies: TrustedProxies,
    /// Origins whose pages may use the router.
    pub(crate) origins: AllowedOrigins,
    /// Security headers of all responses.
    pub(crate) headers: SecurityHeaders,
    /// Rate limiters.
    pub(crate) limits: RateLimits,
    /// Limits open connections.
    pub(crate) connections: ConnectionLimiter,
    /// Limits open event streams.
    pub(crate) streams: ConnectionLimiter,
    /// Namespace of meetings that demo clients request without one.
    pub(crate) demo_namespace: String,
    /// Time to receive the body of a request.
    pub(crate) body_timeout: Duration,
    /// Existing meetings: only those have their own rate.
    pub(crate) table: Arc<RoutingTable>,
    /// Counts requests and refusals.
    pub(crate) metrics: Arc<RouterMetrics>,
}

impl Edge {
    /// Limiters without any connection or request yet.
    pub(crate) fn new(config: &EdgeConfig, table: Arc<RoutingTable>, metrics: Arc<RouterMetrics>) -> Self {
        Self {
            proxies: config.proxies.clone(),
            origins: config.origins.clone(),
            headers: SecurityHeaders::new(&config.embedders),
            limits: RateLimits::new(config.rates),
            connections: ConnectionLimiter::new(config.connections.0, config.connections.1),
            streams: ConnectionLimiter::new(config.streams.0, config.streams.1),
            demo_namespace: config.demo.as_ref().map_or_else(|| "default".to_owned(), |demo| demo.namespace.clone()),
            body_timeout: config.timeouts.body,
            table,
            metrics,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        edge: EdgeArgs,
    }

    fn check(arguments: &[&str]) -> Result<EdgeConfig, String> {
        let arguments =
            Arguments::try_parse_from(["router"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        arguments.edge.check().map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_parsed_and_no_proxy_is_trusted_by_default() {
        let config = check(&[]).unwrap();
        assert_eq!((config.proxies, config.demo), (TrustedProxies::default(), None));
        let config =
            check(&["--trusted-proxies=10.0.0.0/8, fd00::/8", "--allowed-origins=https://a.example,"]).unwrap();
        assert_eq!(config.proxies.0.len(), 2);
        assert!(config.origins.lists("https://a.example"));
        assert_eq!(check(&["--trusted-proxies="]).unwrap().proxies.0.len(), 0, "an empty variable is no network");
        let demo = check(&["--demo-listen=0.0.0.0:4443", "--demo-namespace=team-a"]).unwrap().demo.unwrap();
        assert_eq!((demo.listen.port(), demo.namespace.as_str()), (4443, "team-a"));
    }

    #[test]
    fn every_mistake_names_its_flag() {
        for (argument, flag) in [
            ("--trusted-proxies=10.0.0.0/33", "--trusted-proxies"),
            ("--trusted-proxies=10.0.0.1", "--trusted-proxies"),
            ("--allowed-origins=app.example.org", "--allowed-origins"),
            ("--embed-origins=app.example.org", "--embed-origins"),
            ("--demo-namespace=Team", "--demo-namespace"),
            ("--max-connections=0", "--max-connections"),
            ("--max-connections-per-address=0", "--max-connections-per-address"),
            ("--max-event-streams=0", "--max-event-streams"),
            ("--max-event-streams-per-address=0", "--max-event-streams-per-address"),
        ] {
            assert!(check(&[argument]).unwrap_err().contains(flag), "{argument}");
        }
    }
}

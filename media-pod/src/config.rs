//! What the pod is told at its start: flags, each also by environment and file, checked once and then passed down.
//!
//! A setting is defined in one place, its flag: environment, file, help and the documentation's table follow from it.

mod file;
mod help;
mod limits;
mod media;
mod serving;
mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Command, CommandFactory, Parser};
use convene_service::origin::{AllowedOrigins, OriginError};
use thiserror::Error;

pub use convene_service::log::LogFormat;
pub use file::{SettingsError, settings};
pub use limits::{ClientLimitArgs, PeerLimitArgs, RoomLimitArgs};
pub use media::{BandwidthArgs, MediaArgs};
pub use serving::ServingArgs;

use crate::room::Limits;
use crate::room::destinations::Destinations;
use crate::sfu::block::{PortBlock, PortBlockError};
use crate::sfu::ports::AnnouncedPorts;
use crate::shell::MediaSettings;
use crate::signaling::ClientLimits;

/// First RTC port when none is given, as in the mediasoup demo.
const DEFAULT_RTC_PORT: u16 = 44_444;
/// Ports for plain transports that a pod which stands alone has beside the workers' when none are given.
const DEFAULT_PLAIN_PORTS: usize = 64;

/// Forwards the audio and video of meetings.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "convene-media-pod", version, max_term_width = 110, hide_possible_values = true,
    long_about = help::ABOUT, after_help = help::AFTER_HELP, after_long_help = help::after_long_help(),
)]
pub struct Args {
    /// YAML file with settings; its keys are the names of these flags.
    #[arg(long, env = "CONVENE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Who is served where.
    #[command(flatten)]
    pub serving: ServingArgs,

    /// Ports, addresses, workers.
    #[command(flatten)]
    pub media: MediaArgs,

    /// How much of the network media may use.
    #[command(flatten)]
    pub bandwidth: BandwidthArgs,

    /// How much one room may have.
    #[command(flatten)]
    pub room: RoomLimitArgs,

    /// How much one participant may have.
    #[command(flatten)]
    pub peer: PeerLimitArgs,

    /// How much one client may send.
    #[command(flatten)]
    pub client: ClientLimitArgs,

    /// How the log is written: text or json. What is written is `RUST_LOG`'s to say.
    #[arg(
        long, env = "CONVENE_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text,
        help_heading = "Log and metrics"
    )]
    pub log_format: LogFormat,

    /// Where /metrics is served for Prometheus, in plain HTTP, and to nobody else: not for a port that clients reach. Off unless given.
    #[arg(long, env = "CONVENE_METRICS_LISTEN", value_name = "ADDRESS", help_heading = "Log and metrics")]
    pub metrics_listen: Option<SocketAddr>,
}

/// Where something comes from that clients are told: the addresses or the ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced<T> {
    /// Known now.
    Given(T),
    /// To appear in this file.
    File(PathBuf),
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Everybody, to any room.
    Everybody,
    /// Who shows a token signed by a key of this file.
    Keys(PathBuf),
}

/// Files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// What defaults depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// CPUs that this process may use.
    pub cpus: usize,
    /// Addresses at which other machines reach this one; at most one of each family.
    pub addresses: Vec<IpAddr>,
}

/// The checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// HTTP and WebSockets.
    pub listen: SocketAddr,
    /// By TLS, if wanted.
    pub tls: Option<TlsFiles>,
    /// Also for the mediasoup demo's app, by TLS.
    pub demo_listen: Option<SocketAddr>,
    /// For metrics alone.
    pub metrics_listen: Option<SocketAddr>,
    /// Origins that are treated like the pod's own.
    pub allowed_origins: AllowedOrigins,
    /// Origins whose pages may embed the web app.
    pub embed_origins: AllowedOrigins,
    /// Whether moderators may use the switches for tests.
    pub allow_test_switches: bool,
    /// Connections open at the same time.
    pub max_connections: u32,
    /// What one client may send.
    pub client_limits: ClientLimits,
    /// Rooms at the same time.
    pub rooms: usize,
    /// What a room and those in it may have.
    pub limits: Limits,
    /// Codecs that are offered where the meeting says nothing else.
    pub codecs: Vec<String>,
    /// How much of the network media may use.
    pub bandwidth: MediaSettings,
    /// The pod's ports for media.
    pub rtc_ports: PortBlock,
    /// mediasoup workers.
    pub workers: usize,
    /// Local addresses for media; an unspecified one stands for all of them.
    pub rtc_listen_ips: Vec<IpAddr>,
    /// Addresses that clients are told.
    pub announced: Announced<Vec<String>>,
    /// Ports that they are told, where they differ.
    pub announced_ports: Announced<AnnouncedPorts>,
    /// Who is let in.
    pub trust: Trust,
    /// The built web app.
    pub web_dir: PathBuf,
    /// Time to end in.
    pub shutdown_grace: Duration,
}

/// What does not fit together.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Nobody could be let in.
    #[error("--admission-keys is needed (or --dev, to stand alone and trust everybody)")]
    NoKeys,
    /// Only one of certificate and key.
    #[error("--tls-cert and --tls-key belong together: give both or neither (missing: {0})")]
    TlsHalf(&'static str),
    /// The demo's app has no tokens.
    #[error("--demo-listen needs --dev: the mediasoup demo's app has no tokens to show")]
    DemoWithoutDev,
    /// With admissions the router is in front, and has a list of its own.
    #[error("--allowed-origins needs --dev: with admission keys the router decides about origins")]
    OriginsWithoutDev,
    /// Not an origin.
    #[error("--allowed-origins: {0}")]
    Origin(#[from] OriginError),
    /// There is no web app to embed.
    #[error("--embed-origins needs --dev: with admission keys the router serves the web app")]
    EmbeddersWithoutDev,
    /// Not an origin either.
    #[error("--embed-origins: {0}")]
    Embedder(OriginError),
    /// Two listeners on one address.
    #[error("{first} and {second} are both {address}: give them different ports")]
    SameAddress {
        /// A flag.
        first: &'static str,
        /// Another flag.
        second: &'static str,
        /// Of both.
        address: SocketAddr,
    },
    /// Clients would not know where to send.
    #[error("--announced-address or --announced-address-file is needed: clients must be told where to send media")]
    NoAnnouncedAddress,
    /// An address that is none.
    #[error("{address:?} is neither an IP address nor a host name")]
    Address {
        /// As given.
        address: String,
    },
    /// The least is more than the most.
    #[error("--min-outgoing-bitrate ({min}) is more than --max-outgoing-bitrate ({max})")]
    Bitrates {
        /// Bits per second.
        min: u32,
        /// Bits per second.
        max: u32,
    },
    /// Too few ports.
    #[error(transparent)]
    Ports(#[from] PortBlockError),
}

/// The flags, for those who print them.
pub fn command() -> Command {
    // Said once for all of them in the help's text.
    Args::command().mut_args(|arg| arg.hide_env(true))
}

impl Config {
    /// Checks the arguments.
    pub fn new(args: &Args, machine: &Machine) -> Result<Self, ConfigError> {
        let Args { serving, media, bandwidth, room, peer, client, metrics_listen, .. } = args;
        let (rtc_ports, workers) = ports(media, serving.dev, machine.cpus)?;
        let listen = serving.listen.unwrap_or_else(|| default_listen(serving.dev));
        let demo_listen = demo_listen(serving)?;
        check_addresses(listen, demo_listen, *metrics_listen)?;
        Ok(Self {
            listen,
            tls: tls(serving)?,
            demo_listen,
            metrics_listen: *metrics_listen,
            allowed_origins: allowed_origins(serving)?,
            embed_origins: embed_origins(serving)?,
            allow_test_switches: serving.allow_test_switches,
            max_connections: serving.max_connections,
            client_limits: client.limits(),
            rooms: room.max_rooms as usize,
            limits: limits::limits(room, peer, Destinations::new(media.plain_destinations.clone())),
            codecs: media.codecs.clone(),
            bandwidth: bitrates(bandwidth.settings())?,
            rtc_ports,
            workers,
            rtc_listen_ips: rtc_listen_ips(media, serving.dev, machine),
            announced: announced(media, serving.dev, machine)?,
            announced_ports: announced_ports(media),
            trust: trust(serving)?,
            web_dir: serving.web_dir.clone(),
            shutdown_grace: serving.shutdown_grace,
        })
    }
}

fn tls(args: &ServingArgs) -> Result<Option<TlsFiles>, ConfigError> {
    match (args.tls_cert.clone(), args.tls_key.clone()) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::TlsHalf("--tls-key")),
        (None, Some(_)) => Err(ConfigError::TlsHalf("--tls-cert")),
    }
}

fn demo_listen(args: &ServingArgs) -> Result<Option<SocketAddr>, ConfigError> {
    match args.demo_listen {
        Some(_) if !args.dev => Err(ConfigError::DemoWithoutDev),
        address => Ok(address),
    }
}

/// Where everybody is trusted, only this machine is served unless more is asked for.
fn default_listen(is_dev: bool) -> SocketAddr {
    let address = if is_dev { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    SocketAddr::from((address, 8080))
}

fn check_addresses(
    listen: SocketAddr,
    demo: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
) -> Result<(), ConfigError> {
    let pairs = [
        (("--listen", Some(listen)), ("--demo-listen", demo)),
        (("--listen", Some(listen)), ("--metrics-listen", metrics)),
        (("--demo-listen", demo), ("--metrics-listen", metrics)),
    ];
    for ((first, one), (second, other)) in pairs {
        if let Some(address) = one.filter(|address| address.port() != 0 && other == Some(*address)) {
            return Err(ConfigError::SameAddress { first, second, address });
        }
    }
    Ok(())
}

fn allowed_origins(args: &ServingArgs) -> Result<AllowedOrigins, ConfigError> {
    if !args.allowed_origins.is_empty() && !args.dev {
        return Err(ConfigError::OriginsWithoutDev);
    }
    Ok(AllowedOrigins::parse(args.allowed_origins.iter().map(String::as_str))?)
}

fn embed_origins(args: &ServingArgs) -> Result<AllowedOrigins, ConfigError> {
    if !args.embed_origins.is_empty() && !args.dev {
        return Err(ConfigError::EmbeddersWithoutDev);
    }
    AllowedOrigins::parse(args.embed_origins.iter().map(String::as_str)).map_err(ConfigError::Embedder)
}

fn bitrates(settings: MediaSettings) -> Result<MediaSettings, ConfigError> {
    match (settings.min_outgoing_bitrate, settings.max_outgoing_bitrate) {
        (Some(min), Some(max)) if min > max => Err(ConfigError::Bitrates { min, max }),
        _ => Ok(settings),
    }
}

fn ports(args: &MediaArgs, is_dev: bool, cpus: usize) -> Result<(PortBlock, usize), PortBlockError> {
    let workers = args.workers.map(usize::from);
    let plain = if is_dev { DEFAULT_PLAIN_PORTS } else { 0 };
    let ports = match &args.rtc_ports {
        Some(ports) => ports.clone(),
        None => default_ports(workers.unwrap_or(cpus).clamp(1, 256) + plain)?,
    };
    let workers = workers.unwrap_or_else(|| cpus.min(ports.len()).clamp(1, 256));
    ports.worker_ports(workers)?;
    Ok((ports, workers))
}

/// A browser on this machine sends to 127.0.0.1 from another address of the machine. From a socket of all addresses the answer
/// would come from that other one, which the browser does not accept: it would be left with TCP. So each address has a socket.
fn rtc_listen_ips(args: &MediaArgs, is_dev: bool, machine: &Machine) -> Vec<IpAddr> {
    let is_local = is_dev && args.announced_address.is_empty() && args.announced_address_file.is_none();
    match args.rtc_listen_ip {
        Some(ip) => vec![ip],
        None if is_local => local_addresses(machine),
        None => vec![Ipv4Addr::UNSPECIFIED.into()],
    }
}

/// Where a pod that stands alone is reached. Firefox never sends media to a loopback address, Chromium on this machine prefers it.
fn local_addresses(machine: &Machine) -> Vec<IpAddr> {
    std::iter::once(IpAddr::V4(Ipv4Addr::LOCALHOST)).chain(machine.addresses.iter().copied()).collect()
}

fn default_ports(count: usize) -> Result<PortBlock, PortBlockError> {
    let count = u16::try_from(count).expect("at most 256 workers and 64 more");
    PortBlock::new(DEFAULT_RTC_PORT, DEFAULT_RTC_PORT + count - 1)
}

fn announced(args: &MediaArgs, is_dev: bool, machine: &Machine) -> Result<Announced<Vec<String>>, ConfigError> {
    if let Some(file) = &args.announced_address_file {
        return Ok(Announced::File(file.clone()));
    }
    let given = addresses(&args.announced_address.join(","))?;
    if !given.is_empty() {
        return Ok(Announced::Given(given));
    }
    let default = match args.rtc_listen_ip.filter(|ip| !ip.is_unspecified()) {
        _ if !is_dev => return Err(ConfigError::NoAnnouncedAddress),
        Some(ip) => vec![ip],
        None => local_addresses(machine),
    };
    Ok(Announced::Given(default.iter().map(ToString::to_string).collect()))
}

fn announced_ports(args: &MediaArgs) -> Announced<AnnouncedPorts> {
    match &args.announced_ports_file {
        Some(file) => Announced::File(file.clone()),
        None => Announced::Given(args.announced_ports.clone().unwrap_or_default()),
    }
}

fn trust(args: &ServingArgs) -> Result<Trust, ConfigError> {
    match (&args.admission_keys, args.dev) {
        (Some(file), false) => Ok(Trust::Keys(file.clone())),
        (None, false) => Err(ConfigError::NoKeys),
        (_, true) => Ok(Trust::Everybody),
    }
}

/// Reads addresses separated by commas; empty text gives none.
pub fn addresses(text: &str) -> Result<Vec<String>, ConfigError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let wrong = |part: &str| ConfigError::Address { address: part.to_owned() };
    let read = |part: &str| values::is_address(part).then(|| part.to_owned()).ok_or_else(|| wrong(part));
    parts.map(read).collect()
}

#[cfg(test)]
mod tests;

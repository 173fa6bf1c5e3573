//! The configuration: flags, each also settable by environment and file, validated once at the start. It never changes afterwards.
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
use convene_service::http::origin::{AllowedOrigins, OriginError};
use convene_service::http::tls::TlsFiles;
use thiserror::Error;

pub use convene_service::log::LogFormat;
pub use file::{SettingsError, settings};
pub(crate) use limits::{ClientLimitArgs, PeerLimitArgs, RoomLimitArgs};
pub(crate) use media::{BandwidthArgs, MediaArgs};
pub(crate) use serving::ServingArgs;

use crate::actor::media::settings::MediaSettings;
use crate::network::announced::{AddressError, Announced, addresses};
use crate::network::announced_ports::AnnouncedPorts;
use crate::network::port_block::{PortBlock, PortBlockError};
use crate::room::Limits;
use crate::room::destinations::Destinations;
use crate::signaling::limits::ClientLimits;

/// First RTC port by default, as in the mediasoup demo.
const DEFAULT_RTC_PORT: u16 = 44_444;
/// Default number of ports for plain transports of a standalone pod, in addition to the workers' ports.
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
    pub(crate) config: Option<PathBuf>,

    /// Listeners and access.
    #[command(flatten)]
    pub(crate) serving: ServingArgs,

    /// Ports, addresses, workers.
    #[command(flatten)]
    pub(crate) media: MediaArgs,

    /// Bitrates of media.
    #[command(flatten)]
    pub(crate) bandwidth: BandwidthArgs,

    /// Limits of one room.
    #[command(flatten)]
    pub(crate) room: RoomLimitArgs,

    /// Limits of one participant.
    #[command(flatten)]
    pub(crate) peer: PeerLimitArgs,

    /// Limits of one client's signaling.
    #[command(flatten)]
    pub(crate) client: ClientLimitArgs,

    /// Format of the log: text or json. `RUST_LOG` filters what is logged.
    #[arg(
        long, env = "CONVENE_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text,
        help_heading = "Log and metrics"
    )]
    pub log_format: LogFormat,

    /// Address at which /metrics is served for Prometheus over plain HTTP; clients must not be able to reach it. Off by default.
    #[arg(long, env = "CONVENE_METRICS_LISTEN", value_name = "ADDRESS", help_heading = "Log and metrics")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// Who is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Everyone, to any room.
    Anyone,
    /// Bearers of tokens signed with a key of this file.
    Keys(PathBuf),
}

/// Properties of the machine that defaults depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// CPUs available to this process.
    pub cpus: usize,
    /// Addresses at which other machines reach this one, at most one of each family.
    pub addresses: Vec<IpAddr>,
}

/// The validated configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address for HTTP and WebSockets.
    pub(crate) listen: SocketAddr,
    /// Certificate, if TLS is used.
    pub(crate) tls: Option<TlsFiles>,
    /// Further address with TLS, for the mediasoup demo's application.
    pub(crate) demo_listen: Option<SocketAddr>,
    /// Address for metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Origins treated like the pod's own.
    pub(crate) allowed_origins: AllowedOrigins,
    /// Origins whose pages may embed the web app.
    pub(crate) embed_origins: AllowedOrigins,
    /// Whether moderators may use test switches.
    pub(crate) allow_test_switches: bool,
    /// The uid of this Pod object.
    pub(crate) pod_uid: Option<String>,
    /// Where other pods link to this one, and the UDP ports for streams from and to them.
    pub(crate) link: Option<LinkSettings>,
    /// Connections open at the same time.
    pub(crate) max_connections: u32,
    /// Limits on what one client may send.
    pub(crate) client_limits: ClientLimits,
    /// Rooms at the same time.
    pub(crate) rooms: usize,
    /// Limits of a room and its participants.
    pub(crate) limits: Limits,
    /// Codecs offered unless the meeting names others.
    pub(crate) codecs: Vec<String>,
    /// Bitrates of media.
    pub(crate) bandwidth: MediaSettings,
    /// The pod's media ports.
    pub(crate) rtc_ports: PortBlock,
    /// Number of mediasoup workers.
    pub(crate) workers: usize,
    /// Local addresses for media; an unspecified one stands for all.
    pub(crate) rtc_listen_ips: Vec<IpAddr>,
    /// Addresses announced to clients.
    pub(crate) announced: Announced<Vec<String>>,
    /// Announced ports that differ from the ports listened on.
    pub(crate) announced_ports: Announced<AnnouncedPorts>,
    /// Who is admitted.
    pub(crate) trust: Trust,
    /// Folder of the built web app.
    pub(crate) web_dir: PathBuf,
    /// Time for the shutdown.
    pub(crate) shutdown_grace: Duration,
}

/// How meetings over several pods are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkSettings {
    /// Address for links, whose IP is that of pipes too.
    pub(crate) listen: SocketAddr,
    /// UDP ports for pipes.
    pub(crate) pipe_ports: PortBlock,
}

/// The configuration is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Without keys and --dev no one could be admitted.
    #[error("--admission-keys is required (or --dev, to run standalone and trust everyone)")]
    NoKeys,
    /// Only one of certificate and key.
    #[error("--tls-cert and --tls-key must be used together (missing: {0})")]
    TlsHalf(&'static str),
    /// The demo's application has no tokens.
    #[error("--demo-listen requires --dev: the mediasoup demo's application has no tokens")]
    DemoWithoutDev,
    /// With admissions the router in front checks origins.
    #[error("--allowed-origins requires --dev: with admission keys the router checks origins")]
    OriginsWithoutDev,
    /// An allowed origin is invalid.
    #[error("--allowed-origins: {0}")]
    Origin(#[from] OriginError),
    /// There is no web app to embed.
    #[error("--embed-origins requires --dev: with admission keys the router serves the web app")]
    EmbeddersWithoutDev,
    /// An embedding origin is invalid.
    #[error("--embed-origins: {0}")]
    Embedder(OriginError),
    /// Two listeners have the same address.
    #[error("{first} and {second} are both {address}: use different ports")]
    SameAddress {
        /// A flag.
        first: &'static str,
        /// Another flag.
        second: &'static str,
        /// The address of both.
        address: SocketAddr,
    },
    /// Clients would not know where to send media.
    #[error("--announced-address or --announced-address-file is required: clients need an address to send media to")]
    NoAnnouncedAddress,
    /// An announced address is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A flag that meetings over several pods need is missing.
    #[error(
        "--link-port and --pipe-ports must be used together, with --pod-ip, --pod-uid and --admission-keys (missing: {0})"
    )]
    LinkHalf(&'static str),
    /// Other pods would not know where to send.
    #[error("--pod-ip must be the address at which other pods reach this one, not {0}")]
    PodIpUnspecified(IpAddr),
    /// The minimum exceeds the maximum.
    #[error("--min-outgoing-bitrate ({min}) is greater than --max-outgoing-bitrate ({max})")]
    Bitrates {
        /// Bits per second.
        min: u32,
        /// Bits per second.
        max: u32,
    },
    /// The ports are invalid or too few.
    #[error(transparent)]
    Ports(#[from] PortBlockError),
}

/// The command with all flags.
pub(crate) fn command() -> Command {
    // The help text explains the environment once for all flags.
    Args::command().mut_args(|arg| arg.hide_env(true))
}

impl Config {
    /// Validates the arguments.
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
            pod_uid: serving.pod_uid.clone(),
            link: link(serving, media)?,
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

fn link(serving: &ServingArgs, media: &MediaArgs) -> Result<Option<LinkSettings>, ConfigError> {
    if serving.link_port.is_none() && media.pipe_ports.is_none() {
        return Ok(None);
    }
    let missing = ConfigError::LinkHalf;
    let port = serving.link_port.ok_or(missing("--link-port"))?;
    let pipe_ports = media.pipe_ports.clone().ok_or(missing("--pipe-ports"))?;
    let ip = serving.pod_ip.ok_or(missing("--pod-ip"))?;
    serving.pod_uid.as_ref().ok_or(missing("--pod-uid"))?;
    serving.admission_keys.as_ref().ok_or(missing("--admission-keys"))?;
    if ip.is_unspecified() {
        return Err(ConfigError::PodIpUnspecified(ip));
    }
    Ok(Some(LinkSettings { listen: SocketAddr::new(ip, port), pipe_ports }))
}

fn demo_listen(args: &ServingArgs) -> Result<Option<SocketAddr>, ConfigError> {
    match args.demo_listen {
        Some(_) if !args.dev => Err(ConfigError::DemoWithoutDev),
        address => Ok(address),
    }
}

/// If every client is trusted, only this machine is served by default.
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

/// A browser on this machine sends to 127.0.0.1 from another address of the machine. A socket bound to all addresses would answer from
/// that other address, which the browser does not accept for UDP. Therefore each address has its own socket.
fn rtc_listen_ips(args: &MediaArgs, is_dev: bool, machine: &Machine) -> Vec<IpAddr> {
    let is_local = is_dev && args.announced_address.is_empty() && args.announced_address_file.is_none();
    match args.rtc_listen_ip {
        Some(ip) => vec![ip],
        None if is_local => local_addresses(machine),
        None => vec![Ipv4Addr::UNSPECIFIED.into()],
    }
}

/// The addresses of a standalone pod. Firefox never sends media to a loopback address; Chromium on this machine prefers it.
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
        (_, true) => Ok(Trust::Anyone),
    }
}

#[cfg(test)]
mod tests;

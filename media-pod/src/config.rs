//! What the pod is told at its start: flags, each also by environment, checked once and then passed down.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use thiserror::Error;

use crate::sfu::block::{PortBlock, PortBlockError};

/// First RTC port when none is given, as in the mediasoup demo.
const DEFAULT_RTC_PORT: u16 = 44_444;

/// Convene's media pod: forwards the audio and video of meetings.
///
/// Speaks the mediasoup demo's signaling protocol (protoo over WebSocket) at /signal/{namespace}/{name}?peerId=… and moves
/// media on its block of RTC ports, UDP and TCP. In a cluster the operator starts it; alone, start it with --dev and open
/// <http://localhost:8080/m/hello>.
///
/// Ends with 0 after SIGTERM or SIGINT, with 2 for wrong flags, with 1 when it cannot work; the last line says why.
#[derive(Clone, Debug, Parser)]
#[command(name = "convene-media-pod", version, max_term_width = 110)]
pub struct Args {
    /// Where HTTP and WebSockets are served.
    #[arg(long, env = "CONVENE_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// Block of ports for media, both UDP and TCP, such as 40000-40003. The first ones are the workers'. By default one port
    /// per worker from 44444 up.
    #[arg(long, env = "CONVENE_RTC_PORTS", value_name = "MIN-MAX")]
    pub rtc_ports: Option<PortBlock>,

    /// mediasoup workers; each is a thread that uses up to one CPU. By default one per CPU, as far as the ports reach.
    #[arg(long, env = "CONVENE_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,

    /// Local address on which media is received.
    #[arg(long, env = "CONVENE_RTC_LISTEN_IP", default_value = "0.0.0.0", value_name = "IP")]
    pub rtc_listen_ip: IpAddr,

    /// Addresses that clients are told to send media to, the preferred one first. With --dev the default is 127.0.0.1.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS", value_name = "ADDRESS", value_delimiter = ',')]
    pub announced_address: Vec<String>,

    /// File in which the announced addresses appear, separated by commas; the pod waits for it before it is ready.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS_FILE", value_name = "FILE", conflicts_with = "announced_address")]
    pub announced_address_file: Option<PathBuf>,

    /// Public keys (JWKS) of those who may admit people and administer the pod. Needed without --dev.
    #[arg(long, env = "CONVENE_ADMISSION_KEYS", value_name = "FILE")]
    pub admission_keys: Option<PathBuf>,

    /// Stand alone: serve the web app too, open any meeting, trust everybody.
    #[arg(long, env = "CONVENE_DEV")]
    pub dev: bool,

    /// Folder of the built web app, for --dev.
    #[arg(long, env = "CONVENE_WEB_DIR", value_name = "DIRECTORY", default_value = "web/dist")]
    pub web_dir: PathBuf,

    /// Time for clients to be told and rooms to end after SIGTERM.
    #[arg(long, env = "CONVENE_SHUTDOWN_GRACE", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub shutdown_grace: Duration,

    /// How the log is written. What is written is `RUST_LOG`'s to say.
    #[arg(long, env = "CONVENE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Where the announced addresses come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Known now.
    Given(Vec<String>),
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

/// The checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// HTTP and WebSockets.
    pub listen: SocketAddr,
    /// The pod's ports for media.
    pub rtc_ports: PortBlock,
    /// mediasoup workers.
    pub workers: usize,
    /// Local address for media.
    pub rtc_listen_ip: IpAddr,
    /// What clients are told.
    pub announced: Announced,
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
    /// Clients would not know where to send.
    #[error("--announced-address or --announced-address-file is needed: clients must be told where to send media")]
    NoAnnouncedAddress,
    /// An address that is none.
    #[error("{address:?} is neither an IP address nor a host name")]
    Address {
        /// As given.
        address: String,
    },
    /// Too few ports.
    #[error(transparent)]
    Ports(#[from] PortBlockError),
}

impl Config {
    /// Checks the arguments. `cpus` is what this machine has.
    pub fn new(args: &Args, cpus: usize) -> Result<Self, ConfigError> {
        let workers = args.workers.map(usize::from);
        let rtc_ports = args.rtc_ports.clone().map_or_else(|| default_ports(workers.unwrap_or(cpus)), Ok)?;
        let workers = workers.unwrap_or_else(|| cpus.min(rtc_ports.len()).max(1));
        rtc_ports.worker_ports(workers)?;
        Ok(Self {
            listen: args.listen,
            rtc_ports,
            workers,
            rtc_listen_ip: args.rtc_listen_ip,
            announced: announced(args)?,
            trust: trust(args)?,
            web_dir: args.web_dir.clone(),
            shutdown_grace: args.shutdown_grace,
        })
    }
}

fn default_ports(workers: usize) -> Result<PortBlock, PortBlockError> {
    let count = u16::try_from(workers.clamp(1, 256)).unwrap_or(1);
    PortBlock::new(DEFAULT_RTC_PORT, DEFAULT_RTC_PORT + count - 1)
}

fn announced(args: &Args) -> Result<Announced, ConfigError> {
    if let Some(file) = &args.announced_address_file {
        return Ok(Announced::File(file.clone()));
    }
    let given = addresses(&args.announced_address.join(","))?;
    match (given.is_empty(), args.dev) {
        (false, _) => Ok(Announced::Given(given)),
        (true, true) => Ok(Announced::Given(vec!["127.0.0.1".to_owned()])),
        (true, false) => Err(ConfigError::NoAnnouncedAddress),
    }
}

fn trust(args: &Args) -> Result<Trust, ConfigError> {
    match (&args.admission_keys, args.dev) {
        (Some(file), false) => Ok(Trust::Keys(file.clone())),
        (None, false) => Err(ConfigError::NoKeys),
        (_, true) => Ok(Trust::Everybody),
    }
}

/// Reads addresses separated by commas; empty text gives none.
pub fn addresses(text: &str) -> Result<Vec<String>, ConfigError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(
            |part| {
                if is_address(part) { Ok(part.to_owned()) } else { Err(ConfigError::Address { address: part.into() }) }
            },
        )
        .collect()
}

fn is_address(text: &str) -> bool {
    let is_host_character = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.chars().all(is_host_character))
}

/// Reads `20s`, `500ms`, `2m` or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no duration such as 20s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(format!("{unit:?} is no unit of time: use ms, s or m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn config(args: &[&str]) -> Result<Config, ConfigError> {
        let args = Args::try_parse_from([&["convene-media-pod"], args].concat()).unwrap();
        Config::new(&args, 2)
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn dev_needs_nothing_else() {
        let config = config(&["--dev"]).unwrap();
        assert_eq!(config.rtc_ports.to_string(), "44444-44445");
        assert_eq!((config.workers, config.trust), (2, Trust::Everybody));
        assert_eq!(config.announced, Announced::Given(vec!["127.0.0.1".into()]));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(config(&[]), Err(ConfigError::NoAnnouncedAddress));
        assert_eq!(config(&["--announced-address", "192.0.2.1"]), Err(ConfigError::NoKeys));
        let wrong = config(&["--dev", "--announced-address", "not an address"]);
        assert_eq!(wrong, Err(ConfigError::Address { address: "not an address".into() }));
        assert!(matches!(config(&["--dev", "--rtc-ports", "5000-5000", "--workers", "2"]), Err(ConfigError::Ports(_))));
    }

    #[test]
    fn fewer_ports_than_cpus_means_fewer_workers() {
        assert_eq!(config(&["--dev", "--rtc-ports", "5000-5000"]).map(|config| config.workers), Ok(1));
    }

    #[test]
    fn unknown_flags_and_wrong_values_are_refused() {
        for args in [&["--nonsense"][..], &["--workers", "0"], &["--rtc-ports", "9-x"], &["--shutdown-grace", "1y"]] {
            assert!(Args::try_parse_from([&["convene-media-pod"], args].concat()).is_err(), "{args:?}");
        }
    }

    #[test]
    fn durations_have_units() {
        let cases = [("500ms", 500), ("20s", 20_000), ("20", 20_000), ("2m", 120_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
        }
    }
}

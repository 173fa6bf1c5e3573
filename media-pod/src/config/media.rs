//! Flags for media: ports, addresses, workers, bitrates. Parsing only.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use ipnet::IpNet;

use super::values::{bitrate, duration, timeout};
use crate::actor::media::settings::MediaSettings;
use crate::network::announced_ports::AnnouncedPorts;
use crate::network::port_block::PortBlock;
use crate::room::destinations::read_network;
use crate::sfu::codecs::{DEFAULT_CODECS, known_name};

/// Ports, addresses, workers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Media")]
pub(crate) struct MediaArgs {
    /// Block of ports for media, UDP and TCP, such as 40000-40067.
    ///
    /// The first ones are used by the workers, one each; the others receive plain RTP of broadcasters such as ffmpeg, UDP only. By default
    /// one port per worker from 44444, and 64 more with --dev.
    #[arg(long, env = "CONVENE_RTC_PORTS", value_name = "MIN-MAX")]
    pub(crate) rtc_ports: Option<PortBlock>,

    /// Number of mediasoup workers; each is a thread that uses up to one CPU. By default one per CPU, up to the number of ports.
    #[arg(long, env = "CONVENE_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,

    /// Local address for media. By default all addresses, or the announced ones with --dev.
    #[arg(long, env = "CONVENE_RTC_LISTEN_IP", value_name = "IP")]
    pub(crate) rtc_listen_ip: Option<IpAddr>,

    /// Addresses announced to clients for media, the preferred one first.
    ///
    /// With --dev the default is `--rtc-listen-ip` if set, otherwise 127.0.0.1 and the addresses of this machine's default routes.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS", value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) announced_address: Vec<String>,

    /// File with the announced addresses, separated by commas; the pod is not ready before the file exists.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS_FILE", value_name = "FILE", conflicts_with = "announced_address")]
    pub(crate) announced_address_file: Option<PathBuf>,

    /// Announced ports that differ from the ports listened on, such as 40000/udp=31001,40000/tcp=31002.
    #[arg(long, env = "CONVENE_ANNOUNCED_PORTS", value_name = "PORTS")]
    pub(crate) announced_ports: Option<AnnouncedPorts>,

    /// File with the announced ports; read once the announced addresses are known. If it is empty, no ports differ.
    #[arg(long, env = "CONVENE_ANNOUNCED_PORTS_FILE", value_name = "FILE", conflicts_with = "announced_ports")]
    pub(crate) announced_ports_file: Option<PathBuf>,

    /// UDP ports of --pod-ip for streams between the media pods of one meeting, such as 46000-46063. Requires --link-port.
    ///
    /// A meeting needs one for each other pod that serves it.
    #[arg(long, env = "CONVENE_PIPE_PORTS", value_name = "MIN-MAX")]
    pub(crate) pipe_ports: Option<PortBlock>,

    /// Codecs offered unless the meeting names others: opus, PCMU, PCMA, VP8, VP9, H264 and AV1.
    ///
    /// AV1 is forwarded with temporal layers only: offer it only if all clients support that.
    #[arg(
        long, env = "CONVENE_CODECS", value_name = "CODEC", value_delimiter = ',', default_value = DEFAULT_CODECS, value_parser = known_name
    )]
    pub(crate) codecs: Vec<String>,

    /// Networks to which plain RTP may be sent besides public addresses, such as 10.0.0.0/8. With --dev also to this machine.
    #[arg(
        long, env = "CONVENE_PLAIN_DESTINATIONS", value_name = "NETWORK", value_delimiter = ',', value_parser = read_network
    )]
    pub(crate) plain_destinations: Vec<IpNet>,
}

/// Bitrates of media.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Bandwidth, per participant and direction")]
pub(crate) struct BandwidthArgs {
    /// Bitrate to a receiver before its bandwidth has been estimated, unless the meeting sets another; such as 3M or 600k.
    #[arg(
        long, env = "CONVENE_INITIAL_OUTGOING_BITRATE", value_name = "BITRATE", default_value = "3M", value_parser = bitrate
    )]
    pub(crate) initial_outgoing_bitrate: u32,

    /// Minimum bitrate to a receiver, even if the estimate is lower. By default there is none.
    #[arg(long, env = "CONVENE_MIN_OUTGOING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub(crate) min_outgoing_bitrate: Option<u32>,

    /// Maximum bitrate to a receiver, unless the meeting sets another. By default the estimate alone limits it.
    #[arg(long, env = "CONVENE_MAX_OUTGOING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub(crate) max_outgoing_bitrate: Option<u32>,

    /// Maximum bitrate requested from a sender, unless the meeting sets another. By default the estimate alone limits it.
    #[arg(long, env = "CONVENE_MAX_INCOMING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub(crate) max_incoming_bitrate: Option<u32>,

    /// Time without ICE consent of a client after which its transport counts as disconnected; 10s to 60s.
    #[arg(
        long, env = "CONVENE_ICE_CONSENT_TIMEOUT", value_name = "DURATION", default_value = "20s", value_parser = consent
    )]
    pub(crate) ice_consent_timeout: Duration,

    /// Consumers per worker; a room that grows beyond this extends to another worker.
    #[arg(
        long, env = "CONVENE_CONSUMERS_PER_WORKER", value_name = "COUNT", default_value = "500", help_heading = "Media",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) consumers_per_worker: u32,

    /// How often media traffic is sampled for the metrics.
    #[arg(
        long, env = "CONVENE_SAMPLE_INTERVAL", value_name = "DURATION", default_value = "15s", value_parser = timeout,
        help_heading = "Log and metrics"
    )]
    pub(crate) sample_interval: Duration,
}

/// Parses an ICE consent timeout in the range that mediasoup supports.
fn consent(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let is_in_range = (10..=60).contains(&duration.as_secs());
    is_in_range.then_some(duration).ok_or_else(|| format!("{text:?} is not between 10s and 60s"))
}

impl BandwidthArgs {
    pub(super) fn settings(&self) -> MediaSettings {
        MediaSettings {
            initial_outgoing_bitrate: self.initial_outgoing_bitrate,
            min_outgoing_bitrate: self.min_outgoing_bitrate,
            max_outgoing_bitrate: self.max_outgoing_bitrate,
            max_incoming_bitrate: self.max_incoming_bitrate,
            ice_consent_timeout: u8::try_from(self.ice_consent_timeout.as_secs()).unwrap_or(u8::MAX),
            consumers_per_worker: self.consumers_per_worker as usize,
            sample_interval: self.sample_interval,
        }
    }
}

//! Flags about media: ports, addresses, workers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use ipnet::IpNet;

use super::values::{bitrate, duration, patience};
use crate::room::destinations::read_network;
use crate::sfu::block::PortBlock;
use crate::sfu::codecs::{USUAL, known_name};
use crate::sfu::ports::AnnouncedPorts;
use crate::shell::MediaSettings;

/// Ports, addresses, workers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Media")]
pub struct MediaArgs {
    /// Block of ports for media, UDP and TCP, such as 40000-40067.
    ///
    /// The first ones are the workers', one each; on the others plain RTP of broadcasters such as ffmpeg is received, UDP only.
    /// By default one port per worker from 44444 up, and with --dev 64 more.
    #[arg(long, env = "CONVENE_RTC_PORTS", value_name = "MIN-MAX")]
    pub rtc_ports: Option<PortBlock>,

    /// mediasoup workers; each is a thread that uses up to one CPU. By default one per CPU, as far as the ports reach.
    #[arg(long, env = "CONVENE_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,

    /// Local address on which media is received. By default all of them, and with --dev those that are announced.
    #[arg(long, env = "CONVENE_RTC_LISTEN_IP", value_name = "IP")]
    pub rtc_listen_ip: Option<IpAddr>,

    /// Addresses that clients are told to send media to, the preferred one first.
    ///
    /// With --dev the default is 127.0.0.1 and the addresses by which this machine reaches others; where `--rtc-listen-ip` is given,
    /// that one.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS", value_name = "ADDRESS", value_delimiter = ',')]
    pub announced_address: Vec<String>,

    /// File in which the announced addresses appear, separated by commas; the pod waits for it before it is ready.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS_FILE", value_name = "FILE", conflicts_with = "announced_address")]
    pub announced_address_file: Option<PathBuf>,

    /// Ports that clients are told where they differ from those listened on, such as 40000/udp=31001,40000/tcp=31002.
    #[arg(long, env = "CONVENE_ANNOUNCED_PORTS", value_name = "PORTS")]
    pub announced_ports: Option<AnnouncedPorts>,

    /// File that says the same; read as soon as the announced addresses are known. Where it is empty, the ports do not differ.
    #[arg(long, env = "CONVENE_ANNOUNCED_PORTS_FILE", value_name = "FILE", conflicts_with = "announced_ports")]
    pub announced_ports_file: Option<PathBuf>,

    /// Codecs that are offered where the meeting says nothing else, of opus, PCMU, PCMA, VP8, VP9, H264 and AV1.
    ///
    /// AV1 is forwarded with temporal layers only: offer it where all clients know that.
    #[arg(
        long, env = "CONVENE_CODECS", value_name = "CODEC", value_delimiter = ',', default_value = USUAL, value_parser = known_name
    )]
    pub codecs: Vec<String>,

    /// Networks to which plain RTP may be sent beside public addresses, such as 10.0.0.0/8. With --dev also this machine itself.
    #[arg(
        long, env = "CONVENE_PLAIN_DESTINATIONS", value_name = "NETWORK", value_delimiter = ',', value_parser = read_network
    )]
    pub plain_destinations: Vec<IpNet>,
}

/// How much of the network media may use.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Bandwidth, per participant and direction")]
pub struct BandwidthArgs {
    /// What a receiver is sent before its way has been measured, where the meeting says nothing else. Such as 3M or 600k.
    #[arg(
        long, env = "CONVENE_INITIAL_OUTGOING_BITRATE", value_name = "BITRATE", default_value = "3M", value_parser = bitrate
    )]
    pub initial_outgoing_bitrate: u32,

    /// What a receiver is sent even when its way seems worse. By default there is no such floor.
    #[arg(long, env = "CONVENE_MIN_OUTGOING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub min_outgoing_bitrate: Option<u32>,

    /// What a receiver is sent at most, where the meeting says nothing else. By default as much as its way carries.
    #[arg(long, env = "CONVENE_MAX_OUTGOING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub max_outgoing_bitrate: Option<u32>,

    /// What a sender is asked to send at most, where the meeting says nothing else. By default as much as its way carries.
    #[arg(long, env = "CONVENE_MAX_INCOMING_BITRATE", value_name = "BITRATE", value_parser = bitrate)]
    pub max_incoming_bitrate: Option<u32>,

    /// Time without a sign of a client's consent (ICE) after which its way counts as lost; 10s to 60s.
    #[arg(
        long, env = "CONVENE_ICE_CONSENT_TIMEOUT", value_name = "DURATION", default_value = "20s", value_parser = consent
    )]
    pub ice_consent_timeout: Duration,

    /// Consumers on a worker from which on a room goes on growing on another one.
    #[arg(
        long, env = "CONVENE_CONSUMERS_PER_WORKER", value_name = "COUNT", default_value = "500", help_heading = "Media",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub consumers_per_worker: u32,

    /// How often what flows is looked at, for the metrics.
    #[arg(
        long, env = "CONVENE_SAMPLE_INTERVAL", value_name = "DURATION", default_value = "15s", value_parser = patience,
        help_heading = "Log and metrics"
    )]
    pub sample_interval: Duration,
}

/// What mediasoup takes.
fn consent(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let is_fit = (10..=60).contains(&duration.as_secs());
    is_fit.then_some(duration).ok_or_else(|| format!("{text:?} is not between 10s and 60s"))
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

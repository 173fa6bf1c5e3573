//! Flags about media: ports, addresses, workers.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::sfu::block::PortBlock;

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

    /// Local address on which media is received.
    #[arg(long, env = "CONVENE_RTC_LISTEN_IP", default_value = "0.0.0.0", value_name = "IP")]
    pub rtc_listen_ip: IpAddr,

    /// Addresses that clients are told to send media to, the preferred one first. With --dev the default is 127.0.0.1.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS", value_name = "ADDRESS", value_delimiter = ',')]
    pub announced_address: Vec<String>,

    /// File in which the announced addresses appear, separated by commas; the pod waits for it before it is ready.
    #[arg(long, env = "CONVENE_ANNOUNCED_ADDRESS_FILE", value_name = "FILE", conflicts_with = "announced_address")]
    pub announced_address_file: Option<PathBuf>,
}

//! Flags for listeners and access. Parsing only.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::values::duration;

/// Listeners and access.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Serving")]
pub(crate) struct ServingArgs {
    /// Address for HTTP and WebSockets. By default 0.0.0.0:8080, or 127.0.0.1:8080 with --dev.
    #[arg(long, env = "CONVENE_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Run standalone: serve the web app too, open any meeting, trust everyone.
    ///
    /// Not for untrusted networks. The pod answers only to host names of this machine, and refuses pages of other sites: see
    /// --allowed-origins.
    #[arg(long, env = "CONVENE_DEV", value_parser = BoolishValueParser::new())]
    pub(crate) dev: bool,

    /// Public keys (JWKS) of the issuers of admission and admin tokens. Required without --dev. Reloaded when it changes.
    #[arg(long, env = "CONVENE_ADMISSION_KEYS", value_name = "FILE")]
    pub(crate) admission_keys: Option<PathBuf>,

    /// The uid of this Pod object: only tokens for it move meetings to or from this pod. Without it none do.
    #[arg(long, env = "CONVENE_POD_UID", value_name = "UID")]
    pub(crate) pod_uid: Option<String>,

    /// TCP port at which other media pods use the workers of this one for their meetings. Requires --pod-ip, --pod-uid, --pipe-ports and
    /// --admission-keys. Off by default: then all of a meeting is on one pod.
    ///
    /// With TLS, and a certificate created at the start, whose fingerprint the operator passes on.
    #[arg(long, env = "CONVENE_LINK_PORT", value_name = "PORT")]
    pub(crate) link_port: Option<u16>,

    /// Address of this pod that other media pods reach, for links and streams between them.
    #[arg(long, env = "CONVENE_POD_IP", value_name = "IP")]
    pub(crate) pod_ip: Option<IpAddr>,

    /// Certificate chain (PEM): HTTP and WebSockets are then served with TLS. Reloaded when it changes.
    #[arg(long, env = "CONVENE_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM). Reloaded when it changes.
    #[arg(long, env = "CONVENE_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Further address with TLS, for the mediasoup demo's application, which uses port 4443. Requires --dev.
    ///
    /// Uses the certificate of --tls-cert, or a self-signed one created at the start, which users have to accept in their browser.
    #[arg(long, env = "CONVENE_DEMO_LISTEN", value_name = "ADDRESS")]
    pub(crate) demo_listen: Option<SocketAddr>,

    /// Further origins whose pages may open sockets and send requests, such as `https://app.example.org:3000`; * allows all. Requires --dev.
    ///
    /// For the mediasoup demo's application, which is served elsewhere. The pod also answers to the hosts of these origins.
    #[arg(long, env = "CONVENE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allowed_origins: Vec<String>,

    /// Origins whose pages may embed the web app in a frame, such as `https://app.example.org`; * allows all. Requires --dev.
    #[arg(long, env = "CONVENE_EMBED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) embed_origins: Vec<String>,

    /// Let moderators use the test switches consumerReplicas and usePipeTransports in the signaling URL.
    #[arg(long, env = "CONVENE_ALLOW_TEST_SWITCHES", value_parser = BoolishValueParser::new())]
    pub(crate) allow_test_switches: bool,

    /// Folder of the built web app, for --dev.
    #[arg(long, env = "CONVENE_WEB_DIR", value_name = "DIRECTORY", default_value = "web/dist")]
    pub(crate) web_dir: PathBuf,

    /// Maximum number of open connections on all listeners; further ones are refused.
    ///
    /// The limit on open files is raised as far as the system allows; if that is not enough, fewer connections are served and a warning is
    /// logged.
    #[arg(
        long, env = "CONVENE_MAX_CONNECTIONS", value_name = "COUNT", default_value = "20000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) max_connections: u32,

    /// Time for notifying clients and ending rooms after SIGTERM.
    #[arg(long, env = "CONVENE_SHUTDOWN_GRACE", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub(crate) shutdown_grace: Duration,
}

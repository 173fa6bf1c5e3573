//! Flags about who is served where.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::values::duration;

/// Who is served where.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArgs {
    /// Where HTTP and WebSockets are served. By default 0.0.0.0:8080, and with --dev 127.0.0.1:8080.
    #[arg(long, env = "CONVENE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Stand alone: serve the web app too, open any meeting, trust everybody.
    ///
    /// Not for a network where strangers are. Only names of this machine are answered to, and pages of other sites are kept out:
    /// see --allowed-origins.
    #[arg(long, env = "CONVENE_DEV", value_parser = BoolishValueParser::new())]
    pub dev: bool,

    /// Public keys (JWKS) of those who may admit people and administer the pod. Needed without --dev. Read again when it changes.
    #[arg(long, env = "CONVENE_ADMISSION_KEYS", value_name = "FILE")]
    pub admission_keys: Option<PathBuf>,

    /// Certificate chain (PEM): HTTP and WebSockets are then served by TLS. Read again when it changes.
    #[arg(long, env = "CONVENE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM). Read again when it changes.
    #[arg(long, env = "CONVENE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Also serve by TLS here, for the mediasoup demo's app, which wants port 4443. Needs --dev.
    ///
    /// With the certificate of --tls-cert, or else with one that is made and signed by the pod itself at its start: browsers ask
    /// once whether to trust it.
    #[arg(long, env = "CONVENE_DEMO_LISTEN", value_name = "ADDRESS")]
    pub demo_listen: Option<SocketAddr>,

    /// Origins whose pages may open sockets and call besides the pod's own, such as `https://app.example.org:3000`; * allows all.
    /// Needs --dev.
    ///
    /// For the mediasoup demo's app, which is served elsewhere. The host of such an origin is also a name that the pod answers to.
    #[arg(long, env = "CONVENE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Origins whose pages may embed the web app in a frame, such as `https://app.example.org`; * allows all. Needs --dev.
    #[arg(long, env = "CONVENE_EMBED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub embed_origins: Vec<String>,

    /// Let moderators use switches that are for tests: consumerReplicas and usePipeTransports in the address of signaling.
    #[arg(long, env = "CONVENE_ALLOW_TEST_SWITCHES", value_parser = BoolishValueParser::new())]
    pub allow_test_switches: bool,

    /// Folder of the built web app, for --dev.
    #[arg(long, env = "CONVENE_WEB_DIR", value_name = "DIRECTORY", default_value = "web/dist")]
    pub web_dir: PathBuf,

    /// Connections open at the same time, of all sorts and on all listeners; further ones are ended at once.
    ///
    /// The limit of open files is raised as far as the system allows; where that is not enough, fewer connections are served, and
    /// the log says so.
    #[arg(
        long, env = "CONVENE_MAX_CONNECTIONS", value_name = "COUNT", default_value = "20000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connections: u32,

    /// Time for clients to be told and rooms to end after SIGTERM.
    #[arg(long, env = "CONVENE_SHUTDOWN_GRACE", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub shutdown_grace: Duration,
}

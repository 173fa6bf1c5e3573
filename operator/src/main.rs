//! `convene-operator`: parses its arguments, connects to the API server and runs the two controllers.
//!
//! Exit codes: 0 after SIGTERM or SIGINT, 2 for invalid arguments, 1 for all other errors; the last line on stderr is the reason.

use std::{error::Error, net::SocketAddr, process::ExitCode, time::Duration};

use clap::{ArgAction, Parser, Subcommand};
use convene_operator::{
    Config, Intervals, LeaseConfig, PodDefaults, UninstallConfig, build_identity, parse_lease_name, parse_public_url,
    run, uninstall,
};
use convene_service::kube::connect;
use convene_service::log::{LogFormat, LogHealth};
use convene_service::program::Program;
use convene_service::signals::StopSignals;

/// Convene's operator: assigns every Meeting a media pod, and runs the media pods of every `MediaPool`.
///
/// Run two replicas: one is the leader, and the other takes over within seconds when it stops.
#[derive(Debug, Parser)]
#[command(name = "convene-operator", version)]
struct Args {
    /// Command to run instead of the controllers
    #[command(subcommand)]
    command: Option<Command>,

    /// Namespace of the `MediaPools`, the media pods and the admission keys
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: String,

    /// Public URL of the router; join URLs begin with it
    #[arg(long, env = "CONVENE_PUBLIC_URL", default_value = "http://localhost:8080", value_parser = parse_public_url)]
    public_url: String,

    /// Image of media pods, for pools without spec.image
    #[arg(long, env = "CONVENE_MEDIA_POD_IMAGE", default_value = concat!("ghcr.io/convene-dev/convene-media-pod:", env!("CARGO_PKG_VERSION")))]
    media_pod_image: String,

    /// Secret for the private admission key, created by the chart and filled by the operator
    #[arg(long, env = "CONVENE_ADMISSION_KEY_SECRET", default_value = "convene-admission-key")]
    admission_key_secret: String,

    /// `ConfigMap` for the public admission keys, created by the chart and filled by the operator
    #[arg(long, env = "CONVENE_ADMISSION_KEYS_CONFIGMAP", default_value = "convene-admission-keys")]
    admission_keys_configmap: String,

    /// Days after which the admission key is rotated, without interrupting calls; 0 disables rotation
    #[arg(long, env = "CONVENE_KEY_ROTATION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
    key_rotation_days: u32,

    /// Address to serve /healthz, /readyz and /metrics on
    #[arg(long, env = "CONVENE_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,

    /// Whether to run only while holding the lease; set to false only if there is never a second replica, not even during an upgrade
    #[arg(long, env = "CONVENE_LEADER_ELECT", default_value_t = true, action = ArgAction::Set, value_name = "true|false")]
    leader_elect: bool,

    /// Lease for leader election, in the operator's namespace; created if missing
    #[arg(long, env = "CONVENE_LEASE_NAME", default_value = "convene-operator", value_parser = parse_lease_name)]
    lease_name: String,

    /// Name of this pod; with a random suffix it is the holder identity in the lease
    #[arg(long, env = "POD_NAME")]
    pod_name: Option<String>,

    /// Format of log lines
    #[arg(long, env = "CONVENE_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
}

/// Commands other than running the controllers.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Deletes all `MediaPools` of the namespace, waits until the operator has drained them, and makes sure that no Meeting is left Ready.
    ///
    /// The chart runs it before helm uninstall removes the operator. Exit code 0: nothing is left; 1: the timeout has expired.
    Uninstall {
        /// Timeout in seconds; participants get 40 seconds less, or their pool's `drain.deadlineSeconds` if that is shorter
        #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(60..=86_400))]
        timeout_seconds: u32,
        /// Whether to wait for participants to leave
        #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "true|false")]
        drain: bool,
    },
}

impl Args {
    fn into_config(self, random: u32) -> Config {
        let identity = build_identity(self.pod_name.as_deref(), random);
        Config {
            namespace: self.namespace,
            public_url: self.public_url,
            defaults: PodDefaults { image: self.media_pod_image, admission_keys: self.admission_keys_configmap },
            admission_key_secret: self.admission_key_secret,
            listen: self.listen,
            lease: self.leader_elect.then_some(LeaseConfig { name: self.lease_name, identity }),
            key_rotation: (self.key_rotation_days > 0)
                .then(|| Duration::from_hours(24 * u64::from(self.key_rotation_days))),
            intervals: Intervals::default(),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let program = Program::start("convene-operator", args.log_format, "info");
    let result = start(args, program.log()).await;
    program.finish(result)
}

async fn start(args: Args, log: LogHealth) -> Result<(), Box<dyn Error>> {
    let client = connect().await?;
    if let Some(Command::Uninstall { timeout_seconds, drain }) = args.command {
        let timeout = Duration::from_secs(timeout_seconds.into());
        let config = UninstallConfig { namespace: args.namespace, lease: args.lease_name, timeout, drains: drain };
        tracing::info!(?config, version = env!("CARGO_PKG_VERSION"), "preparing for uninstallation");
        uninstall(client, config).await?;
        tracing::info!("done");
        return Ok(());
    }
    let config = args.into_config(rand::random());
    tracing::info!(?config, version = env!("CARGO_PKG_VERSION"), "starting");
    let mut signals = StopSignals::new()?;
    run(client, config, log, async move { signals.recv().await }).await?;
    tracing::info!("stopped");
    Ok(())
}

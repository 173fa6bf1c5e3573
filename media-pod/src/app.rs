//! Starts the pod from its configuration, and shuts it down on a termination signal. It handles no request.

mod demo;
mod links;
mod self_signed;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use convene_service::http::headers::SecurityHeaders;
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{self, Server, Settings};
use convene_service::http::open_files;
use convene_service::http::tls::{Certificate, CertificateError};
use convene_service::log::LogHealth;
use convene_service::say;
use convene_service::signals::StopSignals;
use thiserror::Error;
use tokio::net::TcpListener;

use links::Links;
use self_signed::SelfSignedError;

use crate::access::edge::{self, EdgePolicy};
use crate::access::hosts::Hosts;
use crate::access::keys::{KeysError, TrustedKeys};
use crate::config::{Config, Trust};
use crate::http::probe_limiter::ProbeLimiter;
use crate::http::routes::{metrics_router, router};
use crate::http::startup::StartupGate;
use crate::http::state::{AppState, HandlerOptions};
use crate::metrics::Metrics;
use crate::network::announced::announcement;
use crate::network::endpoints::{Announcement, Endpoints};
use crate::network::interfaces;
use crate::room::{Limits, destinations};
use crate::rooms::Rooms;
use crate::rooms::defaults::RoomDefaults;
use crate::sfu::tcp::limits::TcpLimits;
use crate::sfu::workers::{PipePorts, WorkerSpec, Workers, WorkersError};

/// Connections of the metrics listener, which are counted separately from all others.
const METRICS_CONNECTIONS: usize = 64;
/// Part of the shutdown grace period reserved for the last frames after the rooms are over.
const LAST_FRAMES: Duration = Duration::from_secs(2);
/// Timeout for requests that are still running after the rooms are over.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// The pod could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address is in use or not one of this machine.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// The admission keys could not be loaded.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The web app has not been built.
    #[error("{web_dir:?} contains no index.html: build the web app (npm ci && npm run build in web/) or set --web-dir")]
    WebApp {
        /// The folder.
        web_dir: std::path::PathBuf,
    },
    /// The certificate could not be loaded.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate could not be created.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// The media workers could not start.
    #[error(transparent)]
    Workers(#[from] WorkersError),
}

/// Runs the pod until SIGTERM or SIGINT.
pub async fn run(config: Config, log: LogHealth) -> Result<(), StartError> {
    let mut signals = StopSignals::new().expect("signal handlers can be installed at the start of a process");
    let started = tokio::select! {
        started = start(&config, log) => started?,
        () = signals.recv() => return Ok(()),
    };
    signals.recv().await;
    tracing::info!("termination signal received: asking clients to reconnect elsewhere");
    started.rooms.drain(config.shutdown_grace.saturating_sub(LAST_FRAMES)).await;
    if let Some(links) = started.links {
        // Rooms of other pods notice the end of their links, and their clients reconnect elsewhere.
        links.shut_down(Duration::ZERO).await;
    }
    tokio::join!(started.server.shut_down(LAST_REQUESTS), started.metrics.shut_down(LAST_REQUESTS));
    Ok(())
}

/// The parts that have to be shut down.
struct Started {
    rooms: Arc<Rooms>,
    server: Server,
    metrics: Server,
    links: Option<Server>,
}

async fn start(config: &Config, log: LogHealth) -> Result<Started, StartError> {
    let open_files = open_files::raise();
    let tcp = TcpLimits::for_files(open_files);
    let reserved = tcp.files().saturating_add(config.link.as_ref().map_or(0, |_| links::CONNECTIONS as u64));
    let server = new_server(config, open_files.map(|files| files.saturating_sub(reserved)));
    let demo = config.demo_listen.map(listen).transpose()?;
    let (metrics, metrics_gate) = serve_metrics(config)?;
    let certificate = config.tls.clone().map(Certificate::from_files).transpose()?;
    if let Some(certificate) = &certificate {
        tokio::spawn(certificate.clone().follow());
    }
    // Before anything else, so that liveness probes are answered while the pod waits for its announced address.
    let listener = listen(config.listen)?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let gate = StartupGate::default();
    serve(&server, listener, certificate.as_ref(), gate.router("no announced address yet"));
    let announced = announcement(&config.announced, &config.announced_ports).await;
    let links = Links::listen(config)?;
    let lent = links.as_ref().map(Links::lent);
    let state = AppState { lent, ..state(config, announced.clone(), tcp, log).await? };
    let links = links.map(|links| links.serve(state.clone()));
    let web_dir = web_dir(config)?;
    let routes = router(state.clone(), web_dir);
    let demo = demo.map(|demo| {
        let routes = with_policy(routes.clone(), config, demo.local_addr().ok(), &announced.addresses);
        demo::serve(&server, demo, certificate, routes, &announced.addresses)
    });
    let demo = demo.transpose()?;
    gate.open(with_policy(routes, config, Some(address), &announced.addresses));
    metrics_gate.open(metrics_router(state.clone()));
    print_ready(config, address, state.workers.endpoints(), demo.as_deref());
    Ok(Started { rooms: state.rooms, server, metrics, links })
}

/// A separate server, so that metrics are available during a flood of connections.
fn serve_metrics(config: &Config) -> Result<(Server, StartupGate), StartError> {
    let server = Server::new(Arc::new(ConnectionLimiter::in_total(METRICS_CONNECTIONS)), Settings::default());
    let gate = StartupGate::default();
    if let Some(address) = config.metrics_listen {
        server.serve(listen(address)?, gate.router("no announced address yet"));
    }
    Ok((server, gate))
}

/// Applies the edge policy of a standalone pod; otherwise the router in front enforces it.
fn with_policy(routes: Router, config: &Config, listen: Option<SocketAddr>, announced: &[String]) -> Router {
    match (&config.trust, listen) {
        (Trust::Keys(_), _) => routes,
        (Trust::Anyone, listen) => {
            let hosts = Hosts::of_listener(listen.unwrap_or(config.listen), &machine_name(), announced);
            let headers = SecurityHeaders::new(&config.embed_origins);
            edge::enforce(routes, EdgePolicy { hosts, origins: config.allowed_origins.clone(), headers })
        }
    }
}

/// `open_files` is the limit on open files without those reserved for TCP connections to the media ports.
fn new_server(config: &Config, open_files: Option<u64>) -> Server {
    let connections = open_files::connections(config.max_connections, open_files, "--max-connections");
    Server::new(Arc::new(ConnectionLimiter::in_total(connections as usize)), Settings::default())
}

/// Serves with TLS if there is a certificate.
fn serve(server: &Server, listener: TcpListener, certificate: Option<&Certificate>, routes: Router) {
    match certificate {
        Some(certificate) => server.serve_tls(listener, certificate, routes),
        None => server.serve(listener, routes),
    }
}

async fn state(
    config: &Config,
    announced: Announcement,
    tcp: TcpLimits,
    log: LogHealth,
) -> Result<AppState, StartError> {
    let metrics = Metrics::default();
    metrics.watch_log(&log);
    let keys = trusted_keys(&config.trust)?;
    let spec = WorkerSpec {
        count: config.workers,
        block: config.rtc_ports.clone(),
        listen_ips: config.rtc_listen_ips.clone(),
        announced,
        tcp,
        pipes: config.link.as_ref().map(|link| PipePorts { ip: link.listen.ip(), ports: link.pipe_ports.all() }),
    };
    let workers = Workers::start(spec, metrics.clone()).await?;
    let defaults = RoomDefaults {
        max_rooms: config.rooms,
        limits: limits(config),
        codecs: config.codecs.clone(),
        media: config.bandwidth,
    };
    let rooms = Rooms::new(Arc::clone(&workers), defaults, metrics.clone());
    let client_limits = config.client_limits;
    let probes = ProbeLimiter::default();
    Ok(AppState {
        rooms,
        workers,
        keys,
        replay: Arc::default(),
        sessions: Arc::default(),
        lent: None,
        probes,
        client_limits,
        metrics,
        options: HandlerOptions {
            log,
            allow_test_switches: config.allow_test_switches,
            pod_uid: config.pod_uid.clone(),
            ..HandlerOptions::default()
        },
        started: Instant::now(),
    })
}

/// A standalone pod may also send plain RTP to its own machine.
fn limits(config: &Config) -> Limits {
    let mut limits = config.limits.clone();
    if config.trust == Trust::Anyone {
        limits.plain_destinations.allow(destinations::loopback().into_iter().chain(interfaces::addresses()));
    }
    limits
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    listener::bind(address).map_err(|source| StartError::Listen { address, source })
}

/// The machine's host name; empty if unknown.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default().trim().to_owned()
}

fn trusted_keys(trust: &Trust) -> Result<Option<TrustedKeys>, StartError> {
    let Trust::Keys(file) = trust else { return Ok(None) };
    let keys = TrustedKeys::from_file(file)?;
    tokio::spawn(keys.clone().follow(file.clone()));
    Ok(Some(keys))
}

fn web_dir(config: &Config) -> Result<Option<&Path>, StartError> {
    match &config.trust {
        Trust::Keys(_) => Ok(None),
        Trust::Anyone if config.web_dir.join("index.html").is_file() => Ok(Some(&config.web_dir)),
        Trust::Anyone => Err(StartError::WebApp { web_dir: config.web_dir.clone() }),
    }
}

fn print_ready(config: &Config, address: SocketAddr, endpoints: &Endpoints, demo: Option<&str>) {
    let Config { rtc_ports, workers, .. } = config;
    tracing::info!(%address, tls = config.tls.is_some(), %rtc_ports, workers, "ready");
    let mut lines = Vec::new();
    if config.trust == Trust::Anyone {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        lines.push(format!("Convene is ready: {scheme}://localhost:{}/m/hello", address.port()));
        lines.push(format!("  media: {}", ports(config)));
        warn_of_loopback(endpoints);
    }
    lines.extend(demo.map(str::to_owned));
    // The pod serves even if stdout is closed.
    let _ = say::out(&format!("{}\n", lines.join("\n")));
}

/// The web app shows the same in Firefox.
fn warn_of_loopback(endpoints: &Endpoints) {
    if endpoints.is_loopback_only() {
        tracing::warn!(
            "media is announced at loopback addresses only: Firefox cannot connect, Chromium can; connect this machine to a \
             network, or set another address with --announced-address"
        );
    }
}

/// The media ports, by use.
fn ports(config: &Config) -> String {
    let range = |ports: Option<RangeInclusive<u16>>| ports.map(|ports| format!("{}-{}", ports.start(), ports.end()));
    let workers = range(config.rtc_ports.worker_ports(config.workers).ok()).unwrap_or_default();
    match range(config.rtc_ports.plain_ports(config.workers)) {
        Some(plain) => format!("ports {workers} (WebRTC, UDP and TCP) and {plain} (plain RTP of broadcasters, UDP)"),
        None => format!("ports {workers} (WebRTC, UDP and TCP); none are left for broadcasters"),
    }
}

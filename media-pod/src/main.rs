//! The media pod's process: reads its configuration, starts workers and the HTTP side, ends when asked.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use convene_media_pod::admin::probe::ProbePlaces;
use convene_media_pod::announced::announcement;
use convene_media_pod::app::{self, Door};
use convene_media_pod::config::{Args, Config, Machine, SettingsError, Trust, settings};
use convene_media_pod::drain;
use convene_media_pod::guard::{self, Guard, hosts::Hosts};
use convene_media_pod::http::{AppState, Edge};
use convene_media_pod::keys::{KeysError, TrustedKeys};
use convene_media_pod::metrics::Metrics;
use convene_media_pod::room::{Limits, destinations};
use convene_media_pod::rooms::{Rooms, Settings};
use convene_media_pod::serve::{
    self, Certificate, CertificateError, ServeLimits, Server, connections_for, raise_open_files,
};
use convene_media_pod::sfu::own;
use convene_media_pod::sfu::reach::{Announcement, Reach};
use convene_media_pod::sfu::tcp::limits::TcpLimits;
use convene_media_pod::sfu::workers::{WorkerSpec, Workers, WorkersError};
use convene_service::headers::SecurityHeaders;
use convene_service::log::{LogHealth, start_log};
use convene_service::say;
use thiserror::Error;
use tokio::net::TcpListener;

/// A connection must have made itself understood by then.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Connections of the listener for metrics; those of everybody else do not take them.
const METRICS_CONNECTIONS: u32 = 64;
/// How long the last lines of the log may take.
const LAST_LINES: Duration = Duration::from_secs(1);
/// What is logged where `RUST_LOG` says nothing. The library takes it for an error when whoever spoke last has left meanwhile.
const LOGGED: &str = "info,mediasoup::router::active_speaker_observer=off";
/// What requests have to end in when the rooms are over.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// Why the pod cannot work.
#[derive(Debug, Error)]
enum StartError {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("{web_dir:?} holds no index.html: build the web app (npm ci && npm run build in web/) or say --web-dir")]
    WebApp { web_dir: std::path::PathBuf },
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Workers(#[from] WorkersError),
}

fn main() -> ExitCode {
    let (args, config) = match configuration() {
        Ok(read) => read,
        Err(status) => return status,
    };
    let log = start_log(args.log_format, LOGGED);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started at the start of a process");
    match runtime.block_on(run(config, log.clone())) {
        Ok(()) => {
            log.flush(LAST_LINES);
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.last_words(&format!("convene-media-pod: {}", say::chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The checked configuration; what is wrong with it has been said, with the status to end with.
fn configuration() -> Result<(Args, Config), ExitCode> {
    let refused = |error: &dyn std::error::Error| {
        say::err(&format!("convene-media-pod: {}", say::chain(error)));
        ExitCode::from(2)
    };
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let args = settings(&command_line).map_err(|error| match error {
        // --help and --version come this way too, and are no error.
        SettingsError::CommandLine(error) => error.exit(),
        error => refused(&error),
    })?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let config = Config::new(&args, &Machine { cpus, addresses: own::outward() }).map_err(|error| refused(&error))?;
    Ok((args, config))
}

async fn run(config: Config, log: LogHealth) -> Result<(), StartError> {
    let asked_to_end = drain::asked_to_end();
    tokio::pin!(asked_to_end);
    let started = tokio::select! {
        started = start(&config, log) => started?,
        () = &mut asked_to_end => return Ok(()),
    };
    asked_to_end.await;
    drain::drain(&started.rooms, config.shutdown_grace).await;
    tokio::join!(started.server.end(LAST_REQUESTS), started.metrics.end(LAST_REQUESTS));
    Ok(())
}

/// What there is to end.
struct Started {
    rooms: Arc<Rooms>,
    server: Server,
    /// Of metrics.
    metrics: Server,
}

async fn start(config: &Config, log: LogHealth) -> Result<Started, StartError> {
    let open_files = raise_open_files();
    let tcp = TcpLimits::for_files(open_files);
    let server = Server::new(serve_limits(config, open_files.map(|files| files.saturating_sub(tcp.files()))));
    let demo = config.demo_listen.map(listen).transpose()?;
    let (metrics, metrics_door) = serve_metrics(config)?;
    let certificate = config.tls.clone().map(Certificate::from_files).transpose()?;
    if let Some(certificate) = &certificate {
        tokio::spawn(serve::keep(certificate.clone()));
    }
    // Before anything else: an orchestrator's probes are answered while the announced address is waited for.
    let listener = listen(config.listen)?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let door = Door::default();
    server.serve(listener, certificate.as_ref(), door.router("no announced address yet"));
    let announced = announcement(&config.announced, &config.announced_ports).await;
    let state = state(config, announced.clone(), tcp, log).await?;
    let web_dir = web_dir(config)?;
    let routes = app::router(state.clone(), web_dir);
    let demo = demo.map(|demo| {
        let routes = guarded(routes.clone(), config, demo.local_addr().ok(), &announced.addresses);
        serve_demo(&server, demo, certificate, routes, &announced.addresses)
    });
    let demo = demo.transpose()?;
    door.open(guarded(routes, config, Some(address), &announced.addresses));
    metrics_door.open(app::metrics_router(state.clone()));
    say_hello(config, address, state.workers.reach(), demo.as_deref());
    Ok(Started { rooms: state.rooms, server, metrics })
}

/// A server of its own, so that no flood of connections hides what it does.
fn serve_metrics(config: &Config) -> Result<(Server, Door), StartError> {
    let server = Server::new(ServeLimits { connections: METRICS_CONNECTIONS, head: HEAD_LIMIT });
    let door = Door::default();
    if let Some(address) = config.metrics_listen {
        server.serve(listen(address)?, None, door.router("no announced address yet"));
    }
    Ok((server, door))
}

/// Behind a router these rules are its own.
fn guarded(routes: Router, config: &Config, listen: Option<SocketAddr>, announced: &[String]) -> Router {
    match (&config.trust, listen) {
        (Trust::Keys(_), _) => routes,
        (Trust::Everybody, listen) => {
            let hosts = Hosts::of_listener(listen.unwrap_or(config.listen), &machine_name(), announced);
            let headers = SecurityHeaders::new(&config.embed_origins);
            guard::around(routes, Guard { hosts, origins: config.allowed_origins.clone(), headers })
        }
    }
}

/// `open_files` are those that the TCP side of the media ports leaves.
fn serve_limits(config: &Config, open_files: Option<u64>) -> ServeLimits {
    let connections = connections_for(config.max_connections, open_files);
    if connections < config.max_connections {
        let wanted = config.max_connections;
        tracing::warn!(connections, wanted, "the limit of open files allows fewer connections than --max-connections");
    }
    ServeLimits { connections, head: HEAD_LIMIT }
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
    };
    let workers = Workers::start(spec, metrics.clone()).await?;
    let settings = Settings {
        rooms: config.rooms,
        limits: limits(config),
        codecs: config.codecs.clone(),
        media: config.bandwidth,
    };
    let rooms = Rooms::new(Arc::clone(&workers), settings, metrics.clone());
    let client_limits = config.client_limits;
    let probes = ProbePlaces::default();
    Ok(AppState {
        rooms,
        workers,
        keys,
        spent: Arc::default(),
        sessions: Arc::default(),
        probes,
        client_limits,
        metrics,
        edge: Edge { log, allow_test_switches: config.allow_test_switches, ..Edge::default() },
        started: Instant::now(),
    })
}

/// A pod that stands alone may send plain RTP to this machine, whose people run it.
fn limits(config: &Config) -> Limits {
    let mut limits = config.limits.clone();
    if config.trust == Trust::Everybody {
        limits.plain_destinations.open(destinations::loopback().into_iter().chain(own::addresses()));
    }
    limits
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    serve::bind(address).map_err(|source| StartError::Listen { address, source })
}

/// As its owner calls it; nothing where that cannot be found out.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default().trim().to_owned()
}

/// The mediasoup demo's app wants TLS; a certificate is made where there is none. Gives what people are to be told.
fn serve_demo(
    server: &Server,
    listener: TcpListener,
    certificate: Option<Certificate>,
    routes: Router,
    announced: &[String],
) -> Result<String, StartError> {
    let certificate = certificate.map_or_else(|| Certificate::self_signed(announced), Ok)?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    server.serve(listener, Some(&certificate), routes);
    let host = announced.first().map_or("localhost", String::as_str);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let made = if certificate.is_self_signed() { "made by the pod, " } else { "" };
    let fingerprint = certificate.fingerprint();
    Ok(format!("  mediasoup demo: https://{host}:{port} (certificate: {made}SHA-256 {fingerprint})"))
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
        Trust::Everybody if config.web_dir.join("index.html").is_file() => Ok(Some(&config.web_dir)),
        Trust::Everybody => Err(StartError::WebApp { web_dir: config.web_dir.clone() }),
    }
}

fn say_hello(config: &Config, address: SocketAddr, reach: &Reach, demo: Option<&str>) {
    let Config { rtc_ports, workers, .. } = config;
    tracing::info!(%address, tls = config.tls.is_some(), %rtc_ports, workers, "ready");
    let mut lines = Vec::new();
    if config.trust == Trust::Everybody {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        lines.push(format!("Convene is ready: {scheme}://localhost:{}/m/hello", address.port()));
        lines.push(format!("  media: {}", ports(config)));
        warn_of_loopback(reach);
    }
    lines.extend(demo.map(str::to_owned));
    // It serves all the same when these words reach no reader.
    let _ = say::out(&format!("{}\n", lines.join("\n")));
}

/// The web app says so too, in Firefox.
fn warn_of_loopback(reach: &Reach) {
    if reach.is_loopback_only() {
        tracing::warn!(
            "media is announced at loopback addresses only: Firefox cannot connect, Chromium can; connect this machine to a \
             network, or name another address with --announced-address"
        );
    }
}

/// The ports of media, and what for.
fn ports(config: &Config) -> String {
    let range = |ports: Option<RangeInclusive<u16>>| ports.map(|ports| format!("{}-{}", ports.start(), ports.end()));
    let workers = range(config.rtc_ports.worker_ports(config.workers).ok()).unwrap_or_default();
    match range(config.rtc_ports.plain_ports(config.workers)) {
        Some(plain) => format!("ports {workers} (WebRTC, UDP and TCP) and {plain} (plain RTP of broadcasters, UDP)"),
        None => format!("ports {workers} (WebRTC, UDP and TCP); none is left for broadcasters"),
    }
}

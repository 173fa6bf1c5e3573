//! The media pod's process: reads its configuration, starts workers and the HTTP side, ends when asked.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convene_media_pod::admin::probe::ProbePlaces;
use convene_media_pod::announced::announcement;
use convene_media_pod::app::{self, Door};
use convene_media_pod::config::{Args, Config, LogFormat, SettingsError, Trust, settings};
use convene_media_pod::drain;
use convene_media_pod::http::AppState;
use convene_media_pod::keys::{KeysError, TrustedKeys};
use convene_media_pod::metrics::Metrics;
use convene_media_pod::room::Limits;
use convene_media_pod::rooms::{Rooms, Settings};
use convene_media_pod::serve::{
    self, Certificate, CertificateError, ServeLimits, Server, connections_for, raise_open_files,
};
use convene_media_pod::sfu::reach::Announcement;
use convene_media_pod::sfu::tcp::limits::TcpLimits;
use convene_media_pod::sfu::workers::{WorkerSpec, Workers, WorkersError};
use convene_media_pod::sfu::{destinations, own};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// A connection must have made itself understood by then.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
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
    start_log(args.log_format);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started at the start of a process");
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convene-media-pod: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The checked configuration; what is wrong with it has been said, with the status to end with.
fn configuration() -> Result<(Args, Config), ExitCode> {
    let refused = |error: &dyn std::error::Error| {
        eprintln!("convene-media-pod: {}", chain(error));
        ExitCode::from(2)
    };
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let args = settings(&command_line).map_err(|error| match error {
        // --help and --version come this way too, and are no error.
        SettingsError::CommandLine(error) => error.exit(),
        error => refused(&error),
    })?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let config = Config::new(&args, cpus).map_err(|error| refused(&error))?;
    Ok((args, config))
}

async fn run(config: Config) -> Result<(), StartError> {
    let asked_to_end = drain::asked_to_end();
    tokio::pin!(asked_to_end);
    let started = tokio::select! {
        started = start(&config) => started?,
        () = &mut asked_to_end => return Ok(()),
    };
    asked_to_end.await;
    drain::drain(&started.rooms, config.shutdown_grace).await;
    started.server.end(LAST_REQUESTS).await;
    Ok(())
}

/// What there is to end.
struct Started {
    rooms: Arc<Rooms>,
    server: Server,
}

async fn start(config: &Config) -> Result<Started, StartError> {
    let open_files = raise_open_files();
    let tcp = TcpLimits::for_files(open_files);
    let server = Server::new(serve_limits(config, open_files.map(|files| files.saturating_sub(tcp.files()))));
    let demo = config.demo_listen.map(listen).transpose()?;
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
    let state = state(config, announced.clone(), tcp).await?;
    let web_dir = web_dir(config)?;
    let routes = app::router(state.clone(), web_dir);
    let demo =
        demo.map(|demo| serve_demo(&server, demo, certificate, routes.clone(), &announced.addresses)).transpose()?;
    door.open(routes);
    say_hello(config, address, demo.as_deref());
    Ok(Started { rooms: state.rooms, server })
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

async fn state(config: &Config, announced: Announcement, tcp: TcpLimits) -> Result<AppState, StartError> {
    let metrics = Metrics::default();
    let keys = trusted_keys(&config.trust)?;
    let spec = WorkerSpec {
        count: config.workers,
        block: config.rtc_ports.clone(),
        listen_ip: config.rtc_listen_ip,
        announced,
        tcp,
    };
    let workers = Workers::start(spec, metrics.clone()).await?;
    let settings = Settings { rooms: config.rooms, limits: limits(config), media: config.bandwidth };
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

/// The mediasoup demo's app wants TLS; a certificate is made where there is none. Gives what people are to be told.
fn serve_demo(
    server: &Server,
    listener: TcpListener,
    certificate: Option<Certificate>,
    routes: axum::Router,
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

fn say_hello(config: &Config, address: SocketAddr, demo: Option<&str>) {
    let Config { rtc_ports, workers, .. } = config;
    tracing::info!(%address, tls = config.tls.is_some(), %rtc_ports, workers, "ready");
    if config.trust == Trust::Everybody {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        println!("Convene is ready: {scheme}://localhost:{}/m/hello", address.port());
        println!("  media: {}", ports(config));
    }
    if let Some(demo) = demo {
        println!("{demo}");
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

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// An error with all its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

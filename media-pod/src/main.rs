//! The media pod's process: reads its configuration, starts workers and the HTTP side, ends when asked.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use convene_media_pod::app;
use convene_media_pod::config::{Announced, Args, Config, LogFormat, Trust, addresses};
use convene_media_pod::drain;
use convene_media_pod::http::AppState;
use convene_media_pod::metrics::Metrics;
use convene_media_pod::rooms::{Rooms, Settings};
use convene_media_pod::sfu::workers::{WorkerSpec, Workers, WorkersError};
use convene_protocol::admission::{AdmissionError, KeySet};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// How often the file of announced addresses is looked at.
const ADDRESS_POLL: Duration = Duration::from_millis(200);

/// Why the pod cannot work.
#[derive(Debug, Error)]
enum StartError {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("cannot read {file:?}")]
    Read { file: std::path::PathBuf, source: std::io::Error },
    #[error("{file:?} holds no usable keys")]
    Keys { file: std::path::PathBuf, source: AdmissionError },
    #[error("{web_dir:?} holds no index.html: build the web app (npm ci && npm run build in web/) or say --web-dir")]
    WebApp { web_dir: std::path::PathBuf },
    #[error(transparent)]
    Workers(#[from] WorkersError),
    #[error("the HTTP server failed")]
    Serve { source: std::io::Error },
}

fn main() -> ExitCode {
    let args = Args::parse();
    start_log(args.log_format);
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let config = match Config::new(&args, cpus) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("convene-media-pod: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started at the start of a process");
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convene-media-pod: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), StartError> {
    let asked_to_end = drain::asked_to_end();
    tokio::pin!(asked_to_end);
    // Before anything else: an orchestrator's probes are answered while the announced address is waited for.
    let listener = listen(config.listen)?;
    let announced = tokio::select! {
        announced = announced(&config.announced, &listener) => announced,
        () = &mut asked_to_end => return Ok(()),
    };
    let listener = serving(config.listen, listener)?;
    let state = start(&config, announced).await?;
    let web_dir = web_dir(&config)?;
    let app = app::router(state.clone(), web_dir);
    say_hello(&config, listener.local_addr().ok(), web_dir.is_some());

    let (drained, is_drained) = tokio::sync::oneshot::channel::<()>();
    let rooms = Arc::clone(&state.rooms);
    let grace = config.shutdown_grace;
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = is_drained.await;
    });
    let server = tokio::spawn(server.into_future());
    asked_to_end.await;
    drain::drain(&rooms, grace).await;
    let _ = drained.send(());
    match tokio::time::timeout(Duration::from_secs(2), server).await {
        Ok(Ok(Err(source))) => Err(StartError::Serve { source }),
        // Sockets that nobody closes do not keep the process.
        _ => Ok(()),
    }
}

async fn start(config: &Config, announced: Vec<String>) -> Result<AppState, StartError> {
    let metrics = Metrics::default();
    let keys = trusted_keys(&config.trust)?.map(Arc::new);
    let spec = WorkerSpec {
        count: config.workers,
        block: config.rtc_ports.clone(),
        listen_ip: config.rtc_listen_ip,
        announced,
    };
    let workers = Workers::start(spec, metrics.clone()).await?;
    let rooms = Rooms::new(Arc::clone(&workers), Settings::default(), metrics.clone());
    Ok(AppState { rooms, workers, keys, metrics, started: Instant::now() })
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

fn serving(address: SocketAddr, listener: std::net::TcpListener) -> Result<TcpListener, StartError> {
    TcpListener::from_std(listener).map_err(|source| StartError::Listen { address, source })
}

/// The announced addresses, as soon as they are known; until then probes are told what is missing.
async fn announced(announced: &Announced, listener: &std::net::TcpListener) -> Vec<String> {
    let file = match announced {
        Announced::Given(addresses) => return addresses.clone(),
        Announced::File(file) => file,
    };
    tracing::info!(?file, "waiting for the announced addresses");
    let probes = listener.try_clone().and_then(TcpListener::from_std);
    let answer_probes = async {
        match probes {
            Ok(probes) => drop(axum::serve(probes, app::waiting("no announced address yet")).await),
            Err(error) => tracing::warn!(%error, "probes are not answered before the announced address is known"),
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        found = addresses_in(file) => found,
        () = answer_probes => Vec::new(),
    }
}

async fn addresses_in(file: &Path) -> Vec<String> {
    loop {
        let text = tokio::fs::read_to_string(file).await.unwrap_or_default();
        match addresses(&text) {
            Ok(found) if !found.is_empty() => return found,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, ?file, "cannot use the announced addresses"),
        }
        tokio::time::sleep(ADDRESS_POLL).await;
    }
}

fn trusted_keys(trust: &Trust) -> Result<Option<KeySet>, StartError> {
    let Trust::Keys(file) = trust else { return Ok(None) };
    let json = std::fs::read_to_string(file).map_err(|source| StartError::Read { file: file.clone(), source })?;
    KeySet::from_jwks(&json).map(Some).map_err(|source| StartError::Keys { file: file.clone(), source })
}

fn web_dir(config: &Config) -> Result<Option<&Path>, StartError> {
    match &config.trust {
        Trust::Keys(_) => Ok(None),
        Trust::Everybody if config.web_dir.join("index.html").is_file() => Ok(Some(&config.web_dir)),
        Trust::Everybody => Err(StartError::WebApp { web_dir: config.web_dir.clone() }),
    }
}

fn say_hello(config: &Config, address: Option<SocketAddr>, is_dev: bool) {
    let Config { rtc_ports, workers, .. } = config;
    tracing::info!(?address, %rtc_ports, workers, "ready");
    if let (true, Some(address)) = (is_dev, address) {
        println!("Convene is ready: http://localhost:{}/m/hello", address.port());
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

//! The listeners: plain HTTP, HTTPS, metrics and demo; connection limits, certificate reload, and graceful shutdown.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use axum::{Extension, Router};
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use crate::config::{Config, TlsConfig};
use crate::edge::client::Scheme;
use crate::edge::connection_limiter::ConnectionLimiter;
use crate::edge::connections::LimitedAcceptor;
use crate::edge::policy::Timeouts;
use crate::routes;
use crate::signal::demo;
use crate::state::App;

/// Maximum size of request line and headers. hyper limits the number of headers to 100; another number would cost an allocation per request.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// Time for running requests to complete at shutdown.
const GRACE: Duration = Duration::from_secs(5);
/// Maximum number of connections of the metrics listener.
const MAX_SCRAPERS: usize = 64;
/// Interval between checks of the certificate files.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(30);

/// Why the router could not serve.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    /// An address could not be bound.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The certificate or its key is invalid.
    #[error("could not use certificate {cert:?} with key {key:?}")]
    Certificate {
        /// Certificate file.
        cert: PathBuf,
        /// Key file.
        key: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A listener failed.
    #[error("a listener failed")]
    Listener(#[source] io::Error),
}

/// Bound listeners: a port in use is reported before anything else starts.
#[derive(Debug)]
pub(crate) struct Listeners {
    plain: TcpListener,
    metrics: TcpListener,
    tls: Option<(TcpListener, TlsFiles, RustlsConfig)>,
    demo: Option<TcpListener>,
    timeouts: Timeouts,
}

impl Listeners {
    /// Binds the addresses and reads the certificate.
    pub(crate) async fn bind(config: &Config) -> Result<Self, ServeError> {
        let (plain, metrics) = (bind(config.listen)?, bind(config.metrics_listen)?);
        let tls = match &config.tls {
            Some(tls) => Some(bind_tls(tls).await?),
            None => None,
        };
        let demo = config.edge.demo.as_ref().map(|demo| bind(demo.listen)).transpose()?;
        Ok(Self { plain, metrics, tls, demo, timeouts: config.edge.timeouts })
    }

    /// Address of the plain HTTP listener.
    pub(crate) fn plain_address(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }

    /// Address of the metrics listener.
    pub(crate) fn metrics_address(&self) -> io::Result<SocketAddr> {
        self.metrics.local_addr()
    }

    /// Address of the HTTPS listener.
    pub(crate) fn tls_address(&self) -> Option<io::Result<SocketAddr>> {
        self.tls.as_ref().map(|(listener, ..)| listener.local_addr())
    }

    /// Address of the demo listener.
    #[cfg(test)]
    pub(crate) fn demo_address(&self) -> Option<io::Result<SocketAddr>> {
        self.demo.as_ref().map(TcpListener::local_addr)
    }

    /// Serves until `state.stopping` is cancelled, then closes all connections within a few seconds.
    pub(crate) async fn serve(self, state: App) -> Result<(), ServeError> {
        let serving = Serving { handle: Handle::new(), timeouts: self.timeouts };
        let certificate = self.tls.as_ref().map(|(_, _, config)| config.clone());
        let secure = self.tls.map(|(listener, files, config)| {
            tokio::spawn(keep_certificate(files, config.clone()));
            serve_secure(listener, config, routes::public(state.clone()), state.clone(), &serving)
        });
        let demo = self.demo.map(|listener| serve_demo(listener, certificate, state.clone(), &serving));
        let plain = serve_plain(self.plain, routes::public(state.clone()), state.clone(), &serving);
        let metrics = serve_metrics(self.metrics, state.clone(), &serving);
        let served =
            async { tokio::try_join!(plain, metrics, serve_optional(secure), serve_optional(demo)).map(|_| ()) };
        let stop = async {
            state.stopping.cancelled().await;
            info!("shutting down: new connections are refused, open ones are closed");
            serving.handle.graceful_shutdown(Some(GRACE));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = served => result.map_err(ServeError::Listener)?,
            () = stop => {}
        }
        state.tasks.close();
        if timeout(GRACE, state.tasks.wait()).await.is_err() {
            warn!(sockets = state.tasks.len(), "some sockets did not close in time");
        }
        Ok(())
    }
}

async fn serve_optional(served: Option<impl Future<Output = io::Result<()>>>) -> io::Result<()> {
    match served {
        Some(served) => served.await,
        None => Ok(()),
    }
}

/// Settings shared by all listeners.
struct Serving {
    handle: Handle<SocketAddr>,
    timeouts: Timeouts,
}

async fn serve_plain(listener: TcpListener, router: Router, state: App, serving: &Serving) -> io::Result<()> {
    let acceptor = LimitedAcceptor::new(NoDelayAcceptor::new(), &state.edge);
    server(listener, serving)?.acceptor(acceptor).serve(make_service(router)).await
}

async fn serve_metrics(listener: TcpListener, state: App, serving: &Serving) -> io::Result<()> {
    let limiter = ConnectionLimiter::new(MAX_SCRAPERS, MAX_SCRAPERS);
    let acceptor = LimitedAcceptor::with_limiter(NoDelayAcceptor::new(), &state.edge, limiter);
    server(listener, serving)?.acceptor(acceptor).serve(make_service(routes::metrics(state))).await
}

async fn serve_secure(
    listener: TcpListener,
    config: RustlsConfig,
    router: Router,
    state: App,
    serving: &Serving,
) -> io::Result<()> {
    let acceptor = LimitedAcceptor::new(RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new()), &state.edge);
    let router = router.layer(Extension(Scheme::Https));
    server(listener, serving)?.acceptor(acceptor).serve(make_service(router)).await
}

/// Demo clients require TLS; without a certificate here, it must be terminated by a proxy.
async fn serve_demo(
    listener: TcpListener,
    certificate: Option<RustlsConfig>,
    state: App,
    serving: &Serving,
) -> io::Result<()> {
    let router = demo::app(state.clone());
    match certificate {
        Some(config) => serve_secure(listener, config, router, state, serving).await,
        None => serve_plain(listener, router, state, serving).await,
    }
}

type MakeService = axum::extract::connect_info::IntoMakeServiceWithConnectInfo<Router, SocketAddr>;

fn make_service(router: Router) -> MakeService {
    router.into_make_service_with_connect_info()
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })
}

async fn bind_tls(tls: &TlsConfig) -> Result<(TcpListener, TlsFiles, RustlsConfig), ServeError> {
    let (cert, key) = (tls.cert.clone(), tls.key.clone());
    let unusable = |source| ServeError::Certificate { cert: cert.clone(), key: key.clone(), source };
    let mut files = TlsFiles { cert: cert.clone(), key: key.clone(), last_read: None };
    let (chain, private) = files.read_changed().await.map_err(unusable)?.expect("the first reading is always a change");
    let config = RustlsConfig::from_pem(chain, private).await.map_err(unusable)?;
    Ok((bind(tls.listen)?, files, config))
}

fn server(listener: TcpListener, serving: &Serving) -> io::Result<Server<SocketAddr>> {
    let Timeouts { first_request, idle, .. } = serving.timeouts;
    let mut server =
        axum_server::from_tcp(listener)?.handle(serving.handle.clone()).first_request_timeout(first_request);
    server.http_builder().http1().max_buf_size(MAX_HEADER_BYTES as usize).header_read_timeout(idle);
    server.http_builder().http2().max_header_list_size(MAX_HEADER_BYTES).max_concurrent_streams(100);
    Ok(server.accept_error_handler(|peer, error| tracing::debug!(?peer, %error, "could not accept a connection")))
}

/// The certificate files and their last contents.
#[derive(Debug)]
struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    last_read: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsFiles {
    /// Certificate and key, if either has changed since the last call.
    async fn read_changed(&mut self) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
        let found = (tokio::fs::read(&self.cert).await?, tokio::fs::read(&self.key).await?);
        if self.last_read.as_ref() == Some(&found) {
            return Ok(None);
        }
        self.last_read = Some(found.clone());
        Ok(Some(found))
    }

    /// Reloads a changed certificate; if it is invalid, the previous one stays in use.
    async fn reload(&mut self, config: &RustlsConfig) {
        let result = match self.read_changed().await {
            Ok(None) => return,
            Ok(Some((cert, key))) => config.reload_from_pem(cert, key).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => info!(cert = ?self.cert, "reloaded the certificate"),
            Err(error) => {
                warn!(cert = ?self.cert, %error, "could not reload the certificate; the previous one stays in use");
            }
        }
    }
}

async fn keep_certificate(mut files: TlsFiles, config: RustlsConfig) {
    let mut ticks = interval(CERTIFICATE_CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        files.reload(&config).await;
    }
}

#[cfg(test)]
mod tests;

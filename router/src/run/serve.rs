//! The listeners: plain HTTP, HTTPS, metrics and demo, from their addresses to their end. What a listener does is in
//! [`convene_service::http::listener`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{self, Server, Settings, Versions};
use convene_service::http::tls::{Certificate, CertificateError, TlsFiles};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::config::{Config, TlsConfig};
use crate::edge::client::Scheme;
use crate::edge::connections::EdgeGate;
use crate::edge::policy::Timeouts;
use crate::run::routes;
use crate::signal::demo;
use crate::state::App;

/// Maximum size of request line and headers: less than in media pods, to which the router adds some.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Time for running requests and sockets to end at shutdown.
const GRACE: Duration = Duration::from_secs(5);
/// Maximum number of connections of the metrics listener.
const MAX_SCRAPERS: usize = 64;

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
    #[error(transparent)]
    Certificate(CertificateError),
}

/// Bound listeners: a port in use is reported before anything else starts.
#[derive(Debug)]
pub(crate) struct Listeners {
    plain: TcpListener,
    metrics: TcpListener,
    tls: Option<(TcpListener, Certificate)>,
    demo: Option<TcpListener>,
    timeouts: Timeouts,
}

impl Listeners {
    /// Binds the addresses and reads the certificate. Must be called in a Tokio runtime.
    pub(crate) fn bind(config: &Config) -> Result<Self, ServeError> {
        let (plain, metrics) = (bind(config.listen)?, bind(config.metrics_listen)?);
        let tls = config.tls.as_ref().map(bind_tls).transpose()?;
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
        self.tls.as_ref().map(|(listener, _)| listener.local_addr())
    }

    /// Address of the demo listener.
    #[cfg(test)]
    pub(crate) fn demo_address(&self) -> Option<io::Result<SocketAddr>> {
        self.demo.as_ref().map(TcpListener::local_addr)
    }

    /// Serves until `state.stopping` is cancelled, then closes all connections within a few seconds.
    pub(crate) async fn serve(self, state: App) {
        let (public, metrics) = self.start(&state);
        state.stopping.cancelled().await;
        info!("shutting down: new connections are refused, open ones are closed");
        tokio::join!(public.shut_down(GRACE), metrics.shut_down(GRACE));
        state.tasks.close();
        if timeout(GRACE, state.tasks.wait()).await.is_err() {
            warn!(sockets = state.tasks.len(), "some sockets did not close in time");
        }
    }

    /// Starts the public listeners, and that of the metrics, which has separate limits.
    fn start(self, state: &App) -> (Server, Server) {
        let settings = settings(self.timeouts);
        let public = Server::new(Arc::new(EdgeGate::new(&state.edge)), settings);
        let scrapers = EdgeGate::with_limiter(&state.edge, ConnectionLimiter::in_total(MAX_SCRAPERS));
        let metrics = Server::new(Arc::new(scrapers), settings);
        public.serve(self.plain, routes::public(state.clone()));
        metrics.serve(self.metrics, routes::metrics(state.clone()));
        let certificate = self.tls.map(|(listener, certificate)| {
            tokio::spawn(certificate.clone().follow());
            serve_secure(&public, listener, &certificate, routes::public(state.clone()));
            certificate
        });
        if let Some(listener) = self.demo {
            serve_demo(&public, listener, certificate.as_ref(), demo::app(state.clone()));
        }
        (public, metrics)
    }
}

fn settings(timeouts: Timeouts) -> Settings {
    let Timeouts { first_request, idle, .. } = timeouts;
    Settings { first_request, idle, max_head_bytes: MAX_HEAD_BYTES, versions: Versions::Http1And2 }
}

fn serve_secure(server: &Server, listener: TcpListener, certificate: &Certificate, routes: Router) {
    server.serve_tls(listener, certificate, routes.layer(Extension(Scheme::Https)));
}

/// Demo clients require TLS; without a certificate here, it must be terminated by a proxy.
fn serve_demo(server: &Server, listener: TcpListener, certificate: Option<&Certificate>, routes: Router) {
    match certificate {
        Some(certificate) => serve_secure(server, listener, certificate, routes),
        None => server.serve(listener, routes),
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    listener::bind(address).map_err(|source| ServeError::Listen { address, source })
}

fn bind_tls(tls: &TlsConfig) -> Result<(TcpListener, Certificate), ServeError> {
    let files = TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() };
    let certificate = Certificate::from_files(files).map_err(ServeError::Certificate)?;
    Ok((bind(tls.listen)?, certificate))
}

#[cfg(test)]
mod tests;

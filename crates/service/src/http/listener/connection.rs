//! One connection: its TLS handshake, its requests, and the time limits of both. It decides nothing about requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tower::Service;

use super::{Server, Settings, Versions};
use crate::http::{panics, problem};

/// How connections are secured.
#[derive(Clone)]
pub(super) enum Transport {
    /// Not at all.
    Plain,
    /// With TLS.
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

/// One connection.
pub(super) struct Connection {
    pub(super) address: SocketAddr,
    pub(super) app: Router,
    pub(super) server: Server,
}

impl Connection {
    /// Serves the connection until it ends, or is upgraded.
    pub(super) async fn serve<S>(self, stream: S, transport: Transport)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match transport {
            Transport::Plain => self.http(stream).await,
            #[cfg(feature = "tls")]
            Transport::Tls(acceptor) => self.tls(stream, acceptor).await,
        }
    }

    #[cfg(feature = "tls")]
    async fn tls<S>(self, stream: S, acceptor: tokio_rustls::TlsAcceptor)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = self.address;
        let accepted = tokio::select! {
            accepted = acceptor.accept(stream) => accepted,
            () = sleep(self.server.settings.first_request) => {
                return tracing::debug!(%address, "TLS handshake timed out");
            }
            () = self.server.stopping.cancelled() => return,
        };
        match accepted {
            Ok(stream) => self.http(stream).await,
            Err(error) => tracing::debug!(%address, %error, "TLS handshake failed"),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S) {
        let Self { address, app, server } = self;
        let has_request = Arc::<AtomicBool>::default();
        let service = {
            let has_request = Arc::clone(&has_request);
            service_fn(move |request| {
                has_request.store(true, Ordering::Relaxed);
                answer(app.clone(), address, request)
            })
        };
        let ended = match server.settings.versions {
            Versions::Http1 => {
                let connection = http1(&server.settings, stream, service);
                server.drive(connection, http1::UpgradeableConnection::graceful_shutdown, &has_request).await
            }
            #[cfg(feature = "http2")]
            Versions::Http1And2 => {
                let builder = http2::builder(&server.settings);
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                server.drive(connection, http2::Connection::graceful_shutdown, &has_request).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%address, error, "a connection failed");
        }
    }
}

impl Server {
    /// Runs a connection until its end; `finish` starts the graceful one. Without a request in time it is closed.
    async fn drive<C, E>(
        &self,
        connection: C,
        finish: impl FnOnce(Pin<&mut C>),
        has_request: &AtomicBool,
    ) -> Result<(), String>
    where
        C: Future<Output = Result<(), E>>,
        E: ToString,
    {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = no_request(self.settings.first_request, has_request) => return Ok(()),
            () = self.stopping.cancelled() => {
                finish(connection.as_mut());
                connection.await
            }
        };
        ended.map_err(|error| error.to_string())
    }
}

fn http1<I, S>(settings: &Settings, stream: I, service: S) -> http1::UpgradeableConnection<TokioIo<I>, S>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.idle).max_buf_size(settings.max_head_bytes);
    http.serve_connection(TokioIo::new(stream), service).with_upgrades()
}

#[cfg(feature = "http2")]
mod http2 {
    //! HTTP/2 by TLS negotiation or prior knowledge, on the same listener as HTTP/1.1.

    use hyper_util::rt::{TokioExecutor, TokioTimer};
    use hyper_util::server::conn::auto::Builder;
    pub(super) use hyper_util::server::conn::auto::UpgradeableConnection as Connection;

    use super::Settings;

    /// Requests of one connection at the same time.
    const MAX_STREAMS: u32 = 100;

    pub(super) fn builder(settings: &Settings) -> Builder<TokioExecutor> {
        let mut http = Builder::new(TokioExecutor::new());
        let list_size = u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX);
        http.http1().timer(TokioTimer::new()).header_read_timeout(settings.idle).max_buf_size(settings.max_head_bytes);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(settings.idle)
            .max_header_list_size(list_size)
            .max_concurrent_streams(MAX_STREAMS);
        http
    }
}

async fn answer(mut app: Router, address: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let uri = request.uri().clone();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(address));
    let response = panics::catch(uri.path(), async move {
        let Ok(response) = app.call(request).await;
        response
    });
    Ok(problem::complete(uri.path(), response.await))
}

/// Returns if there has been no request in time, otherwise never.
async fn no_request(at_most: Duration, has_request: &AtomicBool) {
    sleep(at_most).await;
    if has_request.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

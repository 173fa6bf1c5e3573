//! Connections to the server: TCP, with TLS for `wss` and `https`. Without a token, only to this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, lookup_host};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::error::JoinError;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Who connects.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    /// The client's own address on loopback: servers limit connections per address.
    pub(super) own: Ipv4Addr,
    pub(super) has_token: bool,
    /// Time limit of each step.
    pub(super) limit: Duration,
}

/// Connects to the host of a URL.
pub(super) async fn connect(url: &Url, caller: Caller) -> Result<Box<dyn Stream>, JoinError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_tls = matches!(url.scheme(), "wss" | "https");
    let port = url.port_or_known_default().unwrap_or(if is_tls { 443 } else { 80 });
    let address = resolve(host, port).await?;
    if !caller.has_token && !address.ip().is_loopback() {
        return Err(JoinError::NotLoopback(address.ip()));
    }
    let stream = connect_tcp(address, caller.own)
        .await
        .map_err(|source| JoinError::Connect { address: address.to_string(), source })?;
    if !is_tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| JoinError::Tls(error.to_string()))?;
    let connected = TlsConnector::from(tls()?).connect(name, stream).await;
    Ok(Box::new(connected.map_err(|source| JoinError::Connect { address: address.to_string(), source })?))
}

async fn resolve(host: &str, port: u16) -> Result<SocketAddr, JoinError> {
    let found = lookup_host((host, port)).await.ok().and_then(|addresses| {
        let addresses: Vec<_> = addresses.collect();
        addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
    });
    found.ok_or_else(|| JoinError::Resolve { host: host.to_owned() })
}

async fn connect_tcp(address: SocketAddr, own: Ipv4Addr) -> std::io::Result<tokio::net::TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        socket.bind((own, 0).into())?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The certificates of the system, read once. `SSL_CERT_FILE` adds others.
fn tls() -> Result<Arc<ClientConfig>, JoinError> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| tls_config().map(Arc::new)).clone().map_err(JoinError::Tls)
}

fn tls_config() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this system has no root certificates".into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

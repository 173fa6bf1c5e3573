//! The listener of the mediasoup demo's application, which needs TLS: with a self-signed certificate if there is no other. It knows no
//! routes.

use axum::Router;
use convene_service::http::listener::Server;
use convene_service::http::tls::Certificate;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::self_signed::{SelfSignedError, create};

/// Names of this machine.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Serves the routes. Returns a line for the user.
pub(super) fn serve(
    server: &Server,
    listener: TcpListener,
    certificate: Option<Certificate>,
    routes: Router,
    announced: &[String],
) -> Result<String, SelfSignedError> {
    let kind = if certificate.is_none() { "self-signed, " } else { "" };
    let certificate = certificate.map_or_else(|| self_signed(announced), Ok)?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    server.serve_tls(listener, &certificate, routes);
    let host = announced.first().map_or("localhost", String::as_str);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let fingerprint = fingerprint(&certificate);
    Ok(format!("  mediasoup demo: https://{host}:{port} (certificate: {kind}SHA-256 {fingerprint})"))
}

/// SHA-256 fingerprint, as browsers show it.
fn fingerprint(certificate: &Certificate) -> String {
    let digest = Sha256::digest(certificate.leaf().as_deref().unwrap_or_default());
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Creates a self-signed certificate for this machine and the given names and addresses.
fn self_signed(announced: &[String]) -> Result<Certificate, SelfSignedError> {
    let announced = announced.iter().map(String::as_str).filter(|name| !LOCAL.contains(name));
    create(LOCAL.into_iter().chain(announced).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_makes_a_certificate_for_every_address_it_announces() {
        let announced = ["192.0.2.1", "2001:db8::1", "sfu.example.org", "127.0.0.1"].map(str::to_owned);
        let fingerprint_of = || fingerprint(&self_signed(&announced).unwrap());
        let fingerprint = fingerprint_of();
        assert_eq!((fingerprint.len(), fingerprint.matches(':').count()), (95, 31), "{fingerprint}");
        assert_ne!(fingerprint, fingerprint_of(), "a new one each time");
    }
}

//! The listener for links of other media pods, with a certificate created at the start. It knows no ticket.

use std::sync::Arc;

use convene_protocol::admin::LinkPoint;
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{Server, Settings};
use convene_service::http::tls::Certificate;
use tokio::net::TcpListener;

use super::self_signed::create;
use super::{StartError, listen};
use crate::config::Config;
use crate::http::link::link_router;
use crate::http::state::AppState;
use crate::lent::Lent;
use crate::link::fingerprint;

/// Connections of other pods: one for each meeting that they share with this one.
pub(super) const CONNECTIONS: usize = 1_000;

/// The listener, before it is served.
pub(super) struct Links {
    listener: TcpListener,
    certificate: Certificate,
}

impl Links {
    /// Listens, if the pod is to lend its workers.
    pub(super) fn listen(config: &Config) -> Result<Option<Self>, StartError> {
        let Some(link) = &config.link else { return Ok(None) };
        let (listener, certificate) = (listen(link.listen)?, create(vec![link.listen.ip().to_string()])?);
        Ok(Some(Self { listener, certificate }))
    }

    /// The lender, with the link point that the pod reports to the operator.
    pub(super) fn lent(&self) -> Arc<Lent> {
        let port = self.listener.local_addr().map_or(0, |address| address.port());
        let fingerprint = self.certificate.leaf().as_ref().map(fingerprint).unwrap_or_default();
        Lent::new(LinkPoint { port, fingerprint })
    }

    pub(super) fn serve(self, state: AppState) -> Server {
        let server = Server::new(Arc::new(ConnectionLimiter::in_total(CONNECTIONS)), Settings::default());
        server.serve_tls(self.listener, &self.certificate, link_router(state));
        server
    }
}

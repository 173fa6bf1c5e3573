//! Which connections the listeners accept: limits in total and per address, counted when they are reached.
//!
//! For trusted proxies only the total applies, since they serve many clients. It reads nothing from a connection.

use std::net::IpAddr;
use std::sync::Arc;

use convene_service::http::limiter::{ConnectionLimiter, ConnectionPermit, LimitReached};
use convene_service::http::listener::Gate;
use convene_service::prefix::client_prefix;

use crate::edge::policy::Edge;

/// The limits of some listeners.
#[derive(Debug)]
pub(crate) struct EdgeGate {
    edge: Arc<Edge>,
    limiter: ConnectionLimiter,
}

impl EdgeGate {
    /// The limits of the public listeners.
    pub(crate) fn new(edge: &Arc<Edge>) -> Self {
        Self::with_limiter(edge, edge.connections.clone())
    }

    /// Separate limits: clients of the public listeners cannot exhaust them.
    pub(crate) fn with_limiter(edge: &Arc<Edge>, limiter: ConnectionLimiter) -> Self {
        Self { edge: Arc::clone(edge), limiter }
    }
}

impl Gate for EdgeGate {
    fn admit(&self, peer: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        let counted = (!self.edge.proxies.contains(peer)).then(|| client_prefix(peer));
        let permit = self.limiter.acquire(counted);
        permit.inspect_err(|limit| self.edge.metrics.edge.count_refused(limit.reason()))
    }
}

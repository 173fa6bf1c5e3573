//! Stands around the routes of a pod without admissions (--dev): it answers only to names of its own, lets pages of other sites change
//! nothing and open no sockets, and gives answers their security headers.
//!
//! With admissions the router is in front, which does the same. It decides about no rooms.

pub mod hosts;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use convene_service::headers::SecurityHeaders;
use convene_service::origin::AllowedOrigins;
use thiserror::Error;

use hosts::{Hosts, host_of, is_local};

/// What orchestrators ask, by whatever name they know. It discloses nothing.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The rules of one listener.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// The names that it answers to.
    pub hosts: Hosts,
    /// Origins that are treated like its own; their hosts are names of its own, too.
    pub origins: AllowedOrigins,
    /// The security headers of its answers.
    pub headers: SecurityHeaders,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// None, or several.
    #[error("the request needs one Host header")]
    HostMissing,
    /// Perhaps a page that has pointed a name at this pod.
    #[error(
        "this pod does not answer to this name: use localhost or an IP address, or start it with --allowed-origins"
    )]
    HostUnknown,
    /// A page of another site.
    #[error("the Origin header names another host or port than the Host header: --allowed-origins admits others")]
    OriginForeign,
}

impl Refusal {
    /// A short constant for logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::HostMissing => "HostMissing",
            Self::HostUnknown => "HostUnknown",
            Self::OriginForeign => "OriginForeign",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::HostMissing => StatusCode::BAD_REQUEST,
            Self::HostUnknown => StatusCode::MISDIRECTED_REQUEST,
            Self::OriginForeign => StatusCode::FORBIDDEN,
        }
    }
}

/// These routes behind these rules.
pub fn around(routes: Router, guard: Guard) -> Router {
    routes.layer(from_fn_with_state(Arc::new(guard), apply))
}

async fn apply(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.judge(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::debug!(reason = refusal.reason(), "request refused");
            (refusal.status(), format!("{refusal}\n")).into_response()
        }
    };
    // They are for pages, not for sockets.
    if !response.status().is_informational() {
        guard.headers.harden(response.headers_mut());
    }
    response
}

impl Guard {
    /// Whether a request may pass.
    fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if PROBES.contains(&uri.path()) {
            return Ok(());
        }
        let host = only_host(headers).ok_or(Refusal::HostMissing)?;
        // A target with a host of its own goes before the header.
        let named = [Some(host), uri.authority().map(Authority::as_str)];
        if !named.into_iter().flatten().all(|host| self.admits(host)) {
            return Err(Refusal::HostUnknown);
        }
        if changes_something(method, headers) && !self.origins.admits(headers, Some(host)) {
            return Err(Refusal::OriginForeign);
        }
        Ok(())
    }

    fn admits(&self, host: &str) -> bool {
        host_of(host).is_some_and(|host| self.hosts.admits(&host) || self.origins.names_host(&host))
    }
}

/// Sockets change more than any other request.
fn changes_something(method: &Method, headers: &HeaderMap) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe || headers.contains_key(header::UPGRADE) || headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// Whether a request comes from this machine and calls it by a name that cannot be another's: what is told to everybody where there are
/// no keys is told to those alone.
pub(crate) fn is_from_here(headers: &HeaderMap, extensions: &Extensions) -> bool {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let is_near = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    is_near && only_host(headers).and_then(host_of).is_some_and(|host| is_local(&host))
}

#[cfg(test)]
mod tests;

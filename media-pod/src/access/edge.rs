//! The edge policy of a standalone pod (--dev): it answers only to its own host names, refuses state-changing requests and sockets from
//! pages of other sites, and adds security headers to responses.
//!
//! With admissions, the router in front of the pod enforces the same. Refusals are plain text: a person reads them, in a browser that has the
//! wrong host name. It knows no routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use convene_service::http::headers::SecurityHeaders;
use convene_service::http::origin::AllowedOrigins;
use thiserror::Error;

use super::hosts::{Hosts, host_of, is_local};

/// Health checks, which are allowed with any host name; they disclose nothing.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The policy of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgePolicy {
    /// The host names that it answers to.
    pub(crate) hosts: Hosts,
    /// Origins treated like its own, whose hosts are allowed host names too.
    pub(crate) origins: AllowedOrigins,
    /// The security headers of its responses.
    pub(crate) headers: SecurityHeaders,
}

/// A request violates the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum EdgeError {
    /// No Host header, or several.
    #[error("the request needs one Host header")]
    HostMissing,
    /// Possibly DNS rebinding.
    #[error(
        "this pod does not serve this host name: use localhost or an IP address, or start it with --allowed-origins"
    )]
    HostUnknown,
    /// A page of another site.
    #[error("the Origin header differs from the Host header; use --allowed-origins to allow other origins")]
    OriginForeign,
}

impl EdgeError {
    /// A short constant for logs.
    fn reason(self) -> &'static str {
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

/// Applies the policy to routes.
pub(crate) fn enforce(routes: Router, policy: EdgePolicy) -> Router {
    routes.layer(from_fn_with_state(Arc::new(policy), apply))
}

async fn apply(State(policy): State<Arc<EdgePolicy>>, request: Request, next: Next) -> Response {
    let mut response = match policy.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            tracing::debug!(reason = error.reason(), "request refused");
            (error.status(), format!("{error}\n")).into_response()
        }
    };
    // Security headers are for pages, not for sockets.
    if !response.status().is_informational() {
        policy.headers.harden(response.headers_mut());
    }
    response
}

impl EdgePolicy {
    /// Checks a request.
    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), EdgeError> {
        if PROBES.contains(&uri.path()) {
            return Ok(());
        }
        let host = only_host(headers).ok_or(EdgeError::HostMissing)?;
        // A host in the request target takes precedence over the header.
        let named = [Some(host), uri.authority().map(Authority::as_str)];
        if !named.into_iter().flatten().all(|host| self.admits(host)) {
            return Err(EdgeError::HostUnknown);
        }
        if changes_state(method, headers) && !self.origins.admits(headers, Some(host)) {
            return Err(EdgeError::OriginForeign);
        }
        Ok(())
    }

    fn admits(&self, host: &str) -> bool {
        host_of(host).is_some_and(|host| self.hosts.admits(&host) || self.origins.names_host(&host))
    }
}

/// Whether a request changes state; opening a socket does.
fn changes_state(method: &Method, headers: &HeaderMap) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe || headers.contains_key(header::UPGRADE) || headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// Whether a request comes from this machine and names it by a local host name. Without keys only such requests may administer the pod.
pub(crate) fn is_local_request(headers: &HeaderMap, extensions: &Extensions) -> bool {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let is_loopback = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    is_loopback && only_host(headers).and_then(host_of).is_some_and(|host| is_local(&host))
}

#[cfg(test)]
mod tests;

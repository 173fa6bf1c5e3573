//! Address, scheme and requested host of a client, to the extent that they can be trusted.
//!
//! Any client can send `X-Forwarded-*` headers. They are trusted only if they were written by proxies of configured networks: the list
//! of addresses is read from its end, and the first address that is not such a proxy is the client. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header, uri::Authority};
use convene_service::prefix::client_prefix;
use ipnet::IpNet;

/// Maximum number of inspected addresses of a forwarding chain.
const MAX_HOPS: usize = 32;

/// Networks whose `X-Forwarded-*` headers are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies(pub(crate) Vec<IpNet>);

impl TrustedProxies {
    /// Whether this address is a trusted proxy.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// How the client reached the router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Without TLS, or TLS is terminated before the router.
    #[default]
    Http,
    /// TLS is terminated here.
    Https,
}

impl Scheme {
    /// The scheme of a URL.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A client as the router sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// Its address; `None` only where a request has no connection, as in tests.
    pub(crate) address: Option<IpAddr>,
    /// Scheme of the connection to the outermost trusted proxy, or to this router.
    pub(crate) scheme: Scheme,
    /// Requested host, with port if there is one.
    pub(crate) host: Option<String>,
}

impl ClientInfo {
    /// Reads it from a request. `scheme` is that of the connection itself.
    pub(crate) fn of(peer: Option<SocketAddr>, scheme: Scheme, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        let own = Self { address: peer, scheme, host: host(headers.get(header::HOST)) };
        match peer.filter(|peer| trusted.contains(*peer)) {
            Some(peer) => own.forwarded(peer, headers, trusted),
            None => own,
        }
    }

    fn forwarded(self, peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        Self {
            address: Some(client_address(peer, headers, trusted)),
            scheme: forwarded_scheme(headers).unwrap_or(self.scheme),
            host: host(headers.get_all("x-forwarded-host").iter().next_back()).or(self.host),
        }
    }

    /// The address that rate limits are keyed by: the owner of one IPv6 address has a whole network.
    pub(crate) fn rate_limit_key(&self) -> Option<IpAddr> {
        self.address.map(client_prefix)
    }

    /// The same as text, for admissions: a hint for the media pod, never proof of anything.
    pub(crate) fn hint(&self) -> Option<String> {
        self.rate_limit_key().map(|address| address.to_string())
    }
}

/// Walks the chain of proxies backwards, up to the first address that is invalid or not a trusted proxy.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut client = peer;
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for hop in lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')).take(MAX_HOPS) {
        let Some(address) = parse_hop(hop.trim()) else { return client };
        client = address;
        if !trusted.contains(address) {
            return client;
        }
    }
    client
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

fn forwarded_scheme(headers: &HeaderMap) -> Option<Scheme> {
    let line = headers.get_all("x-forwarded-proto").iter().next_back()?.to_str().ok()?;
    let last = line.rsplit(',').next()?.trim();
    match last.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(Scheme::Https),
        "http" | "ws" => Some(Scheme::Http),
        _ => None,
    }
}

/// A host that is valid in a URL.
fn host(value: Option<&axum::http::HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?.rsplit(',').next()?.trim();
    let authority: Authority = text.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| authority.as_str().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn trusted() -> TrustedProxies {
        TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap()).to_vec())
    }

    fn address(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        ClientInfo::of(Some(peer), Scheme::Http, &headers(&lines), &trusted()).address.unwrap().to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxy_is_the_client() {
        let cases: [(&str, &[&str], &str); 14] = [
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8:2::9]:4711, 10.0.0.2"], "2001:db8:2::9"),
            ("10.0.0.1", &["2001:db8:2::9"], "2001:db8:2::9"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["<script>"], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("2001:db8:1::1", &["203.0.113.9"], "203.0.113.9"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(address(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn scheme_and_host_are_trusted_only_from_proxies() {
        let lines = [("host", "Inner:8080"), ("x-forwarded-host", "Meet.example.org"), ("x-forwarded-proto", "https")];
        let seen = |peer: &str| {
            let peer: SocketAddr = peer.parse().unwrap();
            let info = ClientInfo::of(Some(peer), Scheme::Http, &headers(&lines), &trusted());
            (info.scheme, info.host.unwrap())
        };
        assert_eq!(seen("10.0.0.1:1"), (Scheme::Https, "meet.example.org".to_owned()));
        assert_eq!(seen("192.0.2.1:1"), (Scheme::Http, "inner:8080".to_owned()));
        for hostile in ["a b", "user@host", "host/path", "<script>", ""] {
            let info = ClientInfo::of(None, Scheme::Http, &headers(&[("host", hostile)]), &trusted());
            assert_eq!(info.host, None, "{hostile:?}");
        }
    }

    #[test]
    fn limits_count_networks_of_ipv6() {
        let rate_limit_key = |text: &str| client_prefix(text.parse().unwrap()).to_string();
        assert_eq!(rate_limit_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(rate_limit_key("192.0.2.7"), "192.0.2.7");
        assert_eq!(rate_limit_key("::ffff:192.0.2.7"), "192.0.2.7");
        let client = ClientInfo { address: Some("2001:db8:1:2:3:4:5:6".parse().unwrap()), ..ClientInfo::default() };
        assert_eq!((client.hint().as_deref(), ClientInfo::default().hint()), (Some("2001:db8:1:2::"), None));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_is_trusted_from_untrusted_peers(line in "[ -~]{0,80}") {
            prop_assert_eq!(address("192.0.2.1", &[&line]), "192.0.2.1");
            address("10.0.0.1", &[&line]);
        }
    }
}

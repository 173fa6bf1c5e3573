//! Host names that a standalone pod answers to. Pure.
//!
//! A page of another site can point its own host name at this pod's address (DNS rebinding) and would then have the pod's origin. It cannot
//! choose the name that its browser sends in the `Host` header.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;

/// The hosts that a listener answers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// Any IP address, for a listener that other machines can reach: a page cannot claim an IP address.
    any_address: bool,
    /// Additional names, in lower case.
    names: Vec<String>,
}

impl Hosts {
    /// The host names of a listener: local ones, and unless it listens on a loopback address also IP addresses, the machine's name and the
    /// announced names.
    pub(crate) fn of_listener(listen: SocketAddr, machine: &str, announced: &[String]) -> Self {
        if listen.ip().to_canonical().is_loopback() {
            return Self::default();
        }
        let short = machine.split('.').next().unwrap_or_default();
        let own = [machine.to_owned(), short.to_owned(), format!("{short}.local")];
        let names = own.into_iter().filter(|_| !short.is_empty()).chain(announced.iter().cloned());
        Self { any_address: true, names: names.map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether a host, as returned by [`host_of`], is one of them.
    pub(crate) fn admits(&self, host: &str) -> bool {
        is_local(host)
            || (self.any_address && (address_of(host).is_some() || self.names.iter().any(|name| name == host)))
    }
}

/// The host of a `Host` header or request target, without port and in lower case.
pub(crate) fn host_of(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok().filter(|_| !authority.contains('@'))?;
    let host = authority.host().to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// Whether a host always refers to this machine.
pub(crate) fn is_local(host: &str) -> bool {
    host == "localhost" || address_of(host).is_some_and(|address| address.to_canonical().is_loopback())
}

fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(listen: &str, host: &str) -> bool {
        let hosts = Hosts::of_listener(listen.parse().unwrap(), "Quay.example.org", &["sfu.example.org".to_owned()]);
        host_of(host).is_some_and(|host| hosts.admits(&host))
    }

    #[test]
    fn the_own_machine_is_admitted_everywhere_and_others_where_they_can_come_from() {
        // Host, by a listener that only this machine reaches, by one that others reach.
        let cases = [
            ("localhost", true, true),
            ("localhost:8080", true, true),
            ("LOCALHOST:1", true, true),
            ("localhost.:8080", true, true),
            ("127.0.0.1:8080", true, true),
            ("127.200.3.4", true, true),
            ("[::1]:8080", true, true),
            ("[::ffff:127.0.0.1]", true, true),
            ("192.0.2.7:8080", false, true),
            ("[2001:db8::7]:8080", false, true),
            ("quay.example.org", false, true),
            ("Quay:8080", false, true),
            ("quay.local", false, true),
            ("sfu.example.org", false, true),
            ("example.org", false, false),
            ("quay.example.org.evil.example", false, false),
            ("rebound.evil.example:8080", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("localhost@evil.example", false, false),
            ("evil.example@localhost", false, false),
            ("", false, false),
            (":8080", false, false),
            (".", false, false),
            ("local host", false, false),
        ];
        for (host, on_loopback, on_all) in cases {
            assert_eq!(admits("127.0.0.1:8080", host), on_loopback, "{host:?} on loopback");
            assert_eq!(admits("[::1]:8080", host), on_loopback, "{host:?} on IPv6 loopback");
            assert_eq!(admits("0.0.0.0:8080", host), on_all, "{host:?} on all addresses");
        }
    }

    #[test]
    fn a_machine_without_a_name_has_none() {
        let hosts = Hosts::of_listener("0.0.0.0:1".parse().unwrap(), "", &[]);
        assert!(!hosts.admits("") && !hosts.admits(".local"));
    }
}

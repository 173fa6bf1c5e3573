//! Where clients send media: local addresses to listen on, and the announced addresses that lead to each. Pure: it opens no port.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::announced_ports::AnnouncedPorts;

/// Addresses and ports announced to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// IP addresses and host names, the preferred one first.
    pub addresses: Vec<String>,
    /// Ports that differ from the ports listened on.
    pub ports: AnnouncedPorts,
}

/// A local address to listen on, with the announced addresses that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// The local address.
    pub(crate) ip: IpAddr,
    /// Announced addresses, at least one, each with its rank among all; the preferred one first.
    pub addresses: Vec<(usize, String)>,
}

impl Listener {
    /// The address that the worker itself announces.
    pub(crate) fn announced(&self) -> Option<&str> {
        self.addresses.first().map(|(_, address)| address.as_str())
    }

    /// Whether an address may lead here. Host names are not resolved and may lead anywhere.
    fn may_be_reached_by(&self, address: &str) -> bool {
        address.parse::<IpAddr>().map_or(true, |ip| ip.is_ipv4() == self.ip.is_ipv4())
    }

    fn has(&self, address: &str) -> bool {
        address.parse() == Ok(self.ip)
    }
}

/// Listeners and what is announced for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// The one with the preferred address first.
    pub(crate) listeners: Vec<Listener>,
    /// Announced ports that differ.
    pub ports: AnnouncedPorts,
    /// Addresses that lead to no listener and are not announced to clients.
    pub(crate) left_out: Vec<String>,
}

impl Announcement {
    /// Assigns the announced addresses to listeners. An unspecified address stands for one listener per announced family. Addresses of
    /// another family are left out, unless there are no others: a gateway may translate them.
    pub(crate) fn endpoints(&self, listen_ips: &[IpAddr], has_ipv6: bool) -> Endpoints {
        let mut listeners = listeners(listen_ips, has_ipv6);
        let mut left_out = Vec::new();
        for (rank, address) in self.addresses.iter().cloned().enumerate() {
            let own = listeners.iter().position(|listener| listener.has(&address));
            let any = || listeners.iter().position(|listener| listener.may_be_reached_by(&address));
            match own.or_else(any) {
                Some(index) => listeners[index].addresses.push((rank, address)),
                None => left_out.push(address),
            }
        }
        if left_out.len() == self.addresses.len() {
            listeners.truncate(1);
            listeners[0].addresses = left_out.drain(..).enumerate().collect();
        }
        listeners.retain(|listener| !listener.addresses.is_empty() || self.addresses.is_empty());
        listeners.sort_by_key(|listener| listener.addresses.first().map(|(rank, _)| *rank));
        Endpoints { listeners, ports: self.ports.clone(), left_out }
    }
}

impl Endpoints {
    /// Whether only loopback addresses are announced, to which Firefox sends nothing (`media.peerconnection.ice.loopback` is off).
    pub(crate) fn is_loopback_only(&self) -> bool {
        let mut addresses = self.listeners.iter().flat_map(|listener| &listener.addresses).peekable();
        let has_any = addresses.peek().is_some();
        has_any && addresses.all(|(_, address)| is_loopback(address))
    }
}

fn is_loopback(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn listeners(ips: &[IpAddr], has_ipv6: bool) -> Vec<Listener> {
    let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let ips = match ips {
        ips if ips.iter().all(|ip| !ip.is_unspecified()) => ips,
        _ if has_ipv6 => &everywhere,
        _ => &everywhere[..1],
    };
    ips.iter().map(|ip| Listener { ip: *ip, addresses: Vec::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Listeners as `ip<announced,announced`.
    fn endpoints(listen_ip: &str, has_ipv6: bool, addresses: &[&str]) -> (Vec<String>, Vec<String>) {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        let announcement = Announcement { addresses, ports: AnnouncedPorts::default() };
        let listen_ips: Vec<IpAddr> = listen_ip.split(' ').map(|ip| ip.parse().unwrap()).collect();
        let Endpoints { listeners, left_out, .. } = announcement.endpoints(&listen_ips, has_ipv6);
        let shown = |listener: Listener| {
            let addresses: Vec<_> =
                listener.addresses.into_iter().map(|(rank, text)| format!("{rank}:{text}")).collect();
            format!("{} < {}", listener.ip, addresses.join(" "))
        };
        (listeners.into_iter().map(shown).collect(), left_out)
    }

    #[test]
    fn every_family_that_is_announced_is_listened_on() {
        let (v4, v6) = ("192.0.2.1", "2001:db8::1");
        let cases = [
            ("0.0.0.0", true, &[v4][..], &["0.0.0.0 < 0:192.0.2.1"][..], &[][..]),
            (
                "0.0.0.0",
                true,
                &[v4, v6, "198.51.100.7"],
                &["0.0.0.0 < 0:192.0.2.1 2:198.51.100.7", ":: < 1:2001:db8::1"],
                &[],
            ),
            ("0.0.0.0", true, &[v6, v4], &[":: < 0:2001:db8::1", "0.0.0.0 < 1:192.0.2.1"], &[]),
            ("0.0.0.0", true, &[v6], &[":: < 0:2001:db8::1"], &[]),
            ("0.0.0.0", true, &["sfu.example.org", v6], &["0.0.0.0 < 0:sfu.example.org", ":: < 1:2001:db8::1"], &[]),
            ("::", true, &[v4, v6], &["0.0.0.0 < 0:192.0.2.1", ":: < 1:2001:db8::1"], &[]),
            ("0.0.0.0", false, &[v4, v6], &["0.0.0.0 < 0:192.0.2.1"], &[v6]),
            ("0.0.0.0", false, &[v6], &["0.0.0.0 < 0:2001:db8::1"], &[]),
            ("10.0.0.5", true, &[v4, v6], &["10.0.0.5 < 0:192.0.2.1"], &[v6]),
            ("10.0.0.5", true, &[v6], &["10.0.0.5 < 0:2001:db8::1"], &[]),
            ("fd00::5", true, &[v4, v6], &["fd00::5 < 1:2001:db8::1"], &[v4]),
            // Each of its own addresses leads to its own socket.
            (
                "127.0.0.1 192.0.2.1 2001:db8::1",
                true,
                &["127.0.0.1", v4, v6],
                &["127.0.0.1 < 0:127.0.0.1", "192.0.2.1 < 1:192.0.2.1", "2001:db8::1 < 2:2001:db8::1"],
                &[],
            ),
        ];
        for (listen_ip, has_ipv6, addresses, listeners, left_out) in cases {
            let expected = (
                listeners.iter().map(ToString::to_string).collect(),
                left_out.iter().map(ToString::to_string).collect(),
            );
            assert_eq!(endpoints(listen_ip, has_ipv6, addresses), expected, "{listen_ip} {has_ipv6} {addresses:?}");
        }
    }

    #[test]
    fn loopback_addresses_alone_are_noticed() {
        let cases: [(&[&str], bool); 6] = [
            (&["127.0.0.1"], true),
            (&["127.0.0.1", "::1"], true),
            (&["127.0.0.1", "192.0.2.7"], false),
            (&["localhost.example.org"], false),
            (&["::ffff:127.0.0.1"], true),
            (&[], false),
        ];
        for (addresses, expected) in cases {
            let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
            let reach =
                Announcement { addresses, ..Announcement::default() }.endpoints(&[Ipv4Addr::UNSPECIFIED.into()], true);
            assert_eq!(reach.is_loopback_only(), expected, "{reach:?}");
        }
    }
}

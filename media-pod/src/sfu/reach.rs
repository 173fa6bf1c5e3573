//! How clients reach the pod: what they are told to send media to, and where to listen for that. Pure: nothing is opened here.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ports::AnnouncedPorts;

/// What clients are told to send to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// IP addresses and host names, the preferred one first.
    pub addresses: Vec<String>,
    /// Ports that differ from those listened on.
    pub ports: AnnouncedPorts,
}

/// A local address to listen on, and which of the announced addresses lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The local address.
    pub ip: IpAddr,
    /// Announced addresses, at least one, each with its place among all of them; the preferred one first.
    pub addresses: Vec<(usize, String)>,
}

impl Listener {
    /// What the worker is told to announce by itself.
    pub fn announced(&self) -> Option<&str> {
        self.addresses.first().map(|(_, address)| address.as_str())
    }

    /// Whether an address may lead here. What a host name leads to is not known.
    fn may_be_reached_by(&self, address: &str) -> bool {
        address.parse::<IpAddr>().map_or(true, |ip| ip.is_ipv4() == self.ip.is_ipv4())
    }

    fn has(&self, address: &str) -> bool {
        address.parse() == Ok(self.ip)
    }
}

/// Where to listen and what to announce for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The one with the preferred address first.
    pub listeners: Vec<Listener>,
    /// Ports that differ.
    pub ports: AnnouncedPorts,
    /// Announced addresses that lead to no listener: nobody is told of them.
    pub left_out: Vec<String>,
}

impl Announcement {
    /// A pod that listens on all addresses does so in every family that is announced, in sockets of their own. Addresses of a
    /// family that is not listened on are left out, unless there is no other: somebody on the way may translate.
    pub fn reach(&self, listen_ips: &[IpAddr], has_ipv6: bool) -> Reach {
        let mut listeners = listeners(listen_ips, has_ipv6);
        let mut left_out = Vec::new();
        for (place, address) in self.addresses.iter().cloned().enumerate() {
            let own = listeners.iter().position(|listener| listener.has(&address));
            let any = || listeners.iter().position(|listener| listener.may_be_reached_by(&address));
            match own.or_else(any) {
                Some(index) => listeners[index].addresses.push((place, address)),
                None => left_out.push(address),
            }
        }
        if left_out.len() == self.addresses.len() {
            listeners.truncate(1);
            listeners[0].addresses = left_out.drain(..).enumerate().collect();
        }
        listeners.retain(|listener| !listener.addresses.is_empty() || self.addresses.is_empty());
        listeners.sort_by_key(|listener| listener.addresses.first().map(|(place, _)| *place));
        Reach { listeners, ports: self.ports.clone(), left_out }
    }
}

impl Reach {
    /// Whether clients are told loopback addresses alone, to which Firefox sends nothing (`media.peerconnection.ice.loopback` is off).
    pub fn is_loopback_only(&self) -> bool {
        let mut addresses = self.listeners.iter().flat_map(|listener| &listener.addresses).peekable();
        let is_told_any = addresses.peek().is_some();
        is_told_any && addresses.all(|(_, address)| is_loopback(address))
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
    fn reach(listen_ip: &str, has_ipv6: bool, addresses: &[&str]) -> (Vec<String>, Vec<String>) {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        let announcement = Announcement { addresses, ports: AnnouncedPorts::default() };
        let listen_ips: Vec<IpAddr> = listen_ip.split(' ').map(|ip| ip.parse().unwrap()).collect();
        let Reach { listeners, left_out, .. } = announcement.reach(&listen_ips, has_ipv6);
        let shown = |listener: Listener| {
            let addresses: Vec<_> =
                listener.addresses.into_iter().map(|(place, text)| format!("{place}:{text}")).collect();
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
            assert_eq!(reach(listen_ip, has_ipv6, addresses), expected, "{listen_ip} {has_ipv6} {addresses:?}");
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
                Announcement { addresses, ..Announcement::default() }.reach(&[Ipv4Addr::UNSPECIFIED.into()], true);
            assert_eq!(reach.is_loopback_only(), expected, "{reach:?}");
        }
    }
}

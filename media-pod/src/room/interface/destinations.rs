//! Decides where plain RTP may be sent. Pure: an address in, a decision out.
//!
//! A plain transport has no handshake in which the receiver consents, so addresses of the cluster, the node or reserved networks are
//! refused unless their network is allowed.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are not public (IANA registry of special-purpose IPv4 addresses).
const SPECIAL_IPV4: [([u8; 4], u8); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 addresses assigned to public networks, and the special-purpose networks among them.
const PUBLIC_IPV6: ([u16; 2], u8) = ([0x2000, 0], 3);
const SPECIAL_IPV6: [([u16; 2], u8); 3] = [([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x3fff, 0], 20)];

/// Public addresses, and additional networks that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations(Vec<IpNet>);

impl Destinations {
    /// Allows these networks in addition to public addresses.
    pub(crate) fn new(allowed: Vec<IpNet>) -> Self {
        Self(allowed)
    }

    /// Allows additional networks.
    pub(crate) fn allow(&mut self, networks: impl IntoIterator<Item = IpNet>) {
        self.0.extend(networks);
    }

    /// Whether plain RTP may be sent to an address.
    pub(crate) fn permit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

/// Parses a network such as 10.0.0.0/8, or a single address.
pub(crate) fn read_network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| single());
    network.map_err(|_| format!("{text:?} is not a network such as 10.0.0.0/8 or fd00::/8"))
}

/// The loopback networks.
pub(crate) fn loopback() -> [IpNet; 2] {
    let (v4, v6) = (Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8), Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128));
    [v4.into(), v6.into()]
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_ipv4(address),
        IpAddr::V6(address) => is_public_ipv6(address),
    }
}

fn is_public_ipv4(address: Ipv4Addr) -> bool {
    !SPECIAL_IPV4.iter().any(|(start, prefix)| Ipv4Net::new_assert((*start).into(), *prefix).contains(&address))
}

/// Translated addresses (NAT64, 6to4) are as public as the IPv4 address they contain.
fn is_public_ipv6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => is_public_ipv4(ipv4_of(high, low)),
        _ => is_in(address, PUBLIC_IPV6) && !SPECIAL_IPV6.iter().any(|network| is_in(address, *network)),
    }
}

fn ipv4_of(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn is_in(address: Ipv6Addr, ([first, second], prefix): ([u16; 2], u8)) -> bool {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix).contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn permit(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|network| read_network(network).unwrap()).collect();
        Destinations::new(allowed).permit(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_permitted() {
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ];
        for address in public {
            assert!(permit(&[], address), "{address}");
        }
    }

    #[test]
    fn everything_special_is_denied() {
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::1.1.1.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        for address in special {
            assert!(!permit(&[], address), "{address}");
        }
    }

    #[test]
    fn networks_can_be_allowed() {
        let allowed = ["10.1.0.0/16", "fd00:1::/32", "192.168.7.7"];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "192.168.7.7", "1.1.1.1"] {
            assert!(permit(&allowed, address), "{address}");
        }
        for address in ["10.2.0.1", "fd00:2::5", "192.168.7.8", "127.0.0.1"] {
            assert!(!permit(&allowed, address), "{address}");
        }
    }

    #[test]
    fn the_machine_itself_can_be_allowed() {
        let mut destinations = Destinations::default();
        destinations.allow(loopback());
        let permitted =
            ["127.0.0.1", "127.1.2.3", "::1", "::2"].map(|address| destinations.permit(address.parse().unwrap()));
        assert_eq!(permitted, [true, true, true, false]);
    }

    #[test]
    fn networks_are_read_or_named() {
        for text in ["10.0.0.0/8", "fd00::/8", "10.1.2.3", "::1"] {
            assert!(read_network(text).is_ok(), "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "all", "10.0.0.0/8,fd00::/8"] {
            assert!(read_network(text).is_err_and(|problem| problem.contains("not a network")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_as_what_it_maps(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let destinations = Destinations::default();
            prop_assert_eq!(destinations.permit(address.into()), destinations.permit(address.to_ipv6_mapped().into()));
        }

        #[test]
        fn special_addresses_of_the_standard_library_are_denied(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_unspecified() || address.is_documentation();
            prop_assert!(!is_special || !Destinations::default().permit(address.into()));
        }
    }
}

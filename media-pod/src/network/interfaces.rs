//! The addresses of this machine, as the kernel lists them in `/proc`; none without `/proc`. It changes no interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use ipnet::IpNet;

/// All addresses of all interfaces.
pub(crate) fn addresses() -> Vec<IpNet> {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    let v4 = ipv4_in(&read("/proc/net/fib_trie")).into_iter().map(IpAddr::from);
    let v6 = ipv6_in(&read("/proc/net/if_inet6")).into_iter().map(IpAddr::from);
    v4.chain(v6).map(IpNet::from).collect()
}

/// The addresses from which this machine reaches others, at most one of each family: those of its default routes, or the first that
/// other machines could use.
pub fn outward() -> Vec<IpAddr> {
    let own: Vec<IpAddr> = addresses().iter().map(IpNet::addr).filter(|ip| is_outward(*ip)).collect();
    let of = |beyond: IpAddr| {
        let is_same_family = |ip: &IpAddr| ip.is_ipv4() == beyond.is_ipv4();
        routed_to(beyond).filter(|ip| is_outward(*ip)).or_else(|| own.iter().copied().find(is_same_family))
    };
    BEYOND.into_iter().filter_map(of).collect()
}

/// Documentation addresses (RFC 5737, RFC 3849): only a default route leads to them.
const BEYOND: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

fn is_outward(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !is_link_local
}

/// The local address of a socket connected to that address. Connecting a UDP socket sends nothing.
fn routed_to(beyond: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if beyond.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((beyond, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Leaves of the trie are an address, followed by its type.
fn ipv4_in(trie: &str) -> Vec<Ipv4Addr> {
    let mut leaf: Option<Ipv4Addr> = None;
    let mut found = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(leaf);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn ipv6_in(interfaces: &str) -> Vec<Ipv6Addr> {
    let digits = interfaces.lines().filter_map(|line| line.split_whitespace().next());
    digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok()).map(Ipv6Addr::from_bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_what_the_kernel_lists() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 192.0.2.0/24 2 0 2\n        \
                    |-- 192.0.2.7\n           /32 host LOCAL\n        |-- 192.0.2.255\n           /32 link BROADCAST\n\
                    Local:\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(ipv4_in(trie), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 7)]);
        let interfaces = "00000000000000000000000000000001 01 80 10 80       lo\n20010db8000000000000000000000007 02 40 00 80     eth0\n";
        assert_eq!(ipv6_in(interfaces), [Ipv6Addr::LOCALHOST, "2001:db8::7".parse::<Ipv6Addr>().unwrap()]);
        assert!(ipv4_in("").is_empty() && ipv6_in("nonsense").is_empty());
    }

    #[test]
    fn outward_addresses_are_neither_of_this_machine_alone_nor_of_a_link() {
        for (ip, expected) in [
            ("192.0.2.7", true),
            ("10.0.0.7", true),
            ("fd00::7", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("169.254.0.7", false),
            ("fe80::7", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(is_outward(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[test]
    fn each_family_has_at_most_one_outward_address_and_it_is_an_own_one() {
        let outward = outward();
        assert!(outward.len() <= 2 && outward.windows(2).all(|pair| pair[0].is_ipv4() && pair[1].is_ipv6()));
        for ip in outward {
            assert!(addresses().contains(&IpNet::from(ip)), "{ip}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_its_loopback_address() {
        assert!(addresses().contains(&IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST))));
    }
}

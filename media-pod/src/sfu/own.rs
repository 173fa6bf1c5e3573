//! The addresses of this machine, as the kernel lists them. Where it lists none in this way there are none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Every address of an interface.
pub fn addresses() -> Vec<IpNet> {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    let v4 = ipv4_in(&read("/proc/net/fib_trie")).into_iter().map(IpAddr::from);
    let v6 = ipv6_in(&read("/proc/net/if_inet6")).into_iter().map(IpAddr::from);
    v4.chain(v6).map(IpNet::from).collect()
}

/// Leaves of the trie are an address, followed by what it is.
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
    #[cfg(target_os = "linux")]
    fn this_machine_has_its_loopback_address() {
        assert!(addresses().contains(&IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST))));
    }
}

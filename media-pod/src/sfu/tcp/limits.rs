//! How many connections the TCP side of the media ports may have, derived from the descriptors that the process may open. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, Ipv6Addr};

/// Connections that have not shown ICE credentials yet: an honest client needs one round trip for that.
const PENDING: usize = 512;
/// Of one address. Many participants may share one behind a NAT, and all return at once when a pod ends.
const PENDING_PER_ADDRESS: usize = 128;
/// Connections that are passed on to workers: two for each participant whose network blocks UDP.
const OPEN: usize = 2048;
/// Descriptors of a connection that is passed on: the client's, and both ends of the one to the worker.
const FILES_PER_OPEN: u64 = 3;
/// The TCP side takes no more than this part of all descriptors.
const SHARE: u64 = 4;

/// Limits of the whole pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Connections that have not shown ICE credentials yet.
    pub pending: usize,
    /// The same from one address.
    pub pending_per_address: usize,
    /// Connections that are passed on to a worker.
    pub open: usize,
    /// The same from one address.
    pub open_per_address: usize,
}

impl TcpLimits {
    /// The limits for a process that may open this many files; `None`: as many as it wants.
    pub fn for_files(open_files: Option<u64>) -> Self {
        let wanted = PENDING as u64 + FILES_PER_OPEN * OPEN as u64;
        let share = open_files.map_or(wanted, |files| (files / SHARE).min(wanted));
        let scaled = |count: usize| usize::try_from((count as u64 * share / wanted).max(1)).unwrap_or(count);
        let open = scaled(OPEN);
        Self {
            pending: scaled(PENDING),
            pending_per_address: scaled(PENDING_PER_ADDRESS),
            open,
            open_per_address: (open / 2).max(1),
        }
    }

    /// Descriptors that have to be kept free for them.
    pub fn files(&self) -> u64 {
        self.pending as u64 + FILES_PER_OPEN * self.open as u64
    }
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self::for_files(None)
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 network has.
pub fn bucket(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_bound_the_connections_and_most_are_left_for_others() {
        let cases = [
            (None, 512, 128, 2048, 1024),
            (Some(1_048_576), 512, 128, 2048, 1024),
            (Some(20_000), 384, 96, 1538, 769),
            (Some(1024), 19, 4, 78, 39),
            (Some(64), 1, 1, 4, 2),
            (Some(0), 1, 1, 1, 1),
        ];
        for (files, pending, pending_per_address, open, open_per_address) in cases {
            let limits = TcpLimits::for_files(files);
            let expected = TcpLimits { pending, pending_per_address, open, open_per_address };
            assert_eq!(limits, expected, "{files:?}");
            assert!(files.is_none_or(|files| limits.files() <= (files / 4).max(4)), "{files:?}: {limits:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let cases = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ];
        for (address, expected) in cases {
            assert_eq!(bucket(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }
}

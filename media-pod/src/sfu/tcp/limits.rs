//! Limits on TCP connections to the media ports, derived from the limit on open files. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// Connections that have not presented ICE credentials yet: an honest client needs one round trip for that.
const PENDING: usize = 512;
/// The same from one address. Many participants may share one behind a NAT, and all reconnect at once when a pod ends.
const PENDING_PER_ADDRESS: usize = 128;
/// Connections forwarded to workers: two for each participant whose network blocks UDP.
const OPEN: usize = 2048;
/// Descriptors of a forwarded connection: the client's, and both ends of the one to the worker.
const FILES_PER_OPEN: u64 = 3;
/// TCP connections use at most one in so many of all descriptors.
const SHARE: u64 = 4;

/// Limits of the whole pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Connections that have not presented ICE credentials yet.
    pub pending: usize,
    /// The same from one address.
    pub pending_per_address: usize,
    /// Connections forwarded to a worker.
    pub open: usize,
    /// The same from one address.
    pub open_per_address: usize,
}

impl TcpLimits {
    /// The limits for a process that may open this many files; `None` for unlimited.
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

    /// Descriptors to reserve for these connections.
    pub(crate) fn files(&self) -> u64 {
        self.pending as u64 + FILES_PER_OPEN * self.open as u64
    }
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self::for_files(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_limit_the_connections_and_most_are_left_for_others() {
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
}

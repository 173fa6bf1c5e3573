//! The kernel's buffers of the UDP sockets for media, and the packets that it dropped since they were full. It opens no socket.
//!
//! A worker reads its socket between other work: a key frame for hundreds of receivers, or a storm of joins, keeps it busy for milliseconds
//! in which thousands of packets arrive.

use std::collections::HashMap;

use crate::network::port_block::PortBlock;

/// Requested size of each buffer in bytes. The kernel grants at most its own limit, without an error, and uses memory only for what waits.
pub(super) const BUFFER: u32 = 4 * 1024 * 1024;

/// Sockets of both address families, in the network namespace of this process (proc(5)).
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];
/// The kernel's limits on what a program may request.
const LIMITS: [(&str, &str); 2] =
    [("net.core.rmem_max", "/proc/sys/net/core/rmem_max"), ("net.core.wmem_max", "/proc/sys/net/core/wmem_max")];

/// Logs the limits of the kernel that are lower than what media sockets request. Small calls do well with them, so this is no warning: the
/// metric of dropped packets shows whether they matter. In containers they may be unknown.
pub(super) fn log_limits() {
    for (setting, path) in LIMITS {
        let limit = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        if let Some(limit) = limit.filter(|limit: &u32| *limit < BUFFER) {
            tracing::info!(
                setting,
                limit,
                wanted = BUFFER,
                "the kernel limits the buffers of media sockets: many receivers at once may lose packets; raise the setting on the node"
            );
        }
    }
}

/// Counts the packets that the open sockets on ports of the block have dropped, also those of sockets that have closed since.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Drops of the open sockets, by inode.
    seen: HashMap<u64, u64>,
}

impl Drops {
    /// Packets dropped since the last call; 0 without `/proc`.
    pub(crate) fn count(&mut self, block: &PortBlock) -> u64 {
        let tables: Vec<_> = TABLES.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        self.add(&tables.concat(), block)
    }

    fn add(&mut self, tables: &str, block: &PortBlock) -> u64 {
        let sockets = tables.lines().filter_map(Socket::parse).filter(|socket| block.contains(socket.port));
        let open: HashMap<_, _> = sockets.map(|socket| (socket.inode, socket.drops)).collect();
        let before = |inode| self.seen.get(inode).copied().unwrap_or_default();
        let new = open.iter().map(|(inode, drops)| drops.saturating_sub(before(inode))).sum();
        self.seen = open;
        new
    }
}

/// A line of those tables.
struct Socket {
    port: u16,
    inode: u64,
    drops: u64,
}

impl Socket {
    /// Column 2 is `ADDRESS:PORT` in hexadecimal digits, column 10 the inode, column 13 the drops. The heading has none of them.
    fn parse(line: &str) -> Option<Self> {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (_, port) = columns.get(1)?.rsplit_once(':')?;
        Some(Self {
            port: u16::from_str_radix(port, 16).ok()?,
            inode: columns.get(9)?.parse().ok()?,
            drops: columns.get(12)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  310: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31337 2 0000000000000000 12
  311: 0100007F:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31338 2 0000000000000000 30
  312: 0100007F:9C42 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31339 2 0000000000000000 500
  313: 00000000000000000000000000000000:9C41 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 31340 2 0 4
nonsense
";

    #[test]
    fn each_drop_of_a_socket_in_the_block_counts_once() {
        let block = PortBlock::new(40_000, 40_001).unwrap();
        let mut drops = Drops::default();
        assert_eq!(drops.add(TABLE, &block), 46);
        assert_eq!(drops.add(TABLE, &block), 0);
        assert_eq!(drops.add(&TABLE.replace("31338 2 0000000000000000 30", "31338 2 0000000000000000 35"), &block), 5);
        assert_eq!(drops.add("", &block), 0, "closed");
        assert_eq!(drops.add(&TABLE.replace("31338", "41338"), &block), 46, "a new socket on the port");
        assert_eq!(Drops::default().add(TABLE, &PortBlock::new(40_003, 40_010).unwrap()), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_that_nobody_reads_drops_packets() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        let block = PortBlock::new(address.port(), address.port()).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut drops = Drops::default();
        for _ in 0..10_000 {
            sender.send_to(&[0; 1200], address).unwrap();
            if drops.count(&block) > 0 {
                return;
            }
        }
        panic!("no packet was dropped");
    }
}

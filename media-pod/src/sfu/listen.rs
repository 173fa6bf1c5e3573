//! The sockets of workers: by UDP their own on the ports of the block, by TCP the guard's there and their own on the loopback interface.
//!
//! It makes no worker and knows none.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use mediasoup::prelude::{ListenInfo, Protocol, WebRtcServerListenInfos, WebRtcServerOptions};
use mediasoup::types::data_structures::SocketFlags;

use super::block::PortBlock;
use super::reach::{Listener, Reach};
use super::tcp::guard::{TcpDoor, TcpGuard, loopback};
use super::tcp::limits::TcpLimits;
use super::workers::WorkersError;
use crate::metrics::Metrics;

/// What the kernel keeps of a worker's bytes for the guard before the worker keeps them itself.
const TCP_SEND_BUFFER: u32 = 256 * 1024;
/// Attempts to find a port outside the block.
const ATTEMPTS: usize = 10;

/// A socket of this listener, its port left open.
pub(crate) fn listen_info(listener: &Listener, protocol: Protocol) -> ListenInfo {
    ListenInfo {
        protocol,
        ip: listener.ip,
        announced_address: listener.announced().map(str::to_owned),
        expose_internal_ip: false,
        port: None,
        port_range: None,
        // IPv4 has a socket of its own on the same port.
        flags: Some(SocketFlags { ipv6_only: listener.ip.is_ipv6(), udp_reuse_port: false }),
        send_buffer_size: None,
        recv_buffer_size: None,
    }
}

/// `behind` are the addresses of the TCP listeners, which are announced as if they were the guard's.
pub(super) fn server_options(reach: &Reach, port: u16, behind: &[SocketAddr]) -> WebRtcServerOptions {
    let both = |(listener, behind): (&Listener, &SocketAddr)| {
        let udp = ListenInfo { port: Some(port), ..listen_info(listener, Protocol::Udp) };
        let tcp = listen_info(listener, Protocol::Tcp);
        let (ip, port) = (behind.ip(), Some(behind.port()));
        [udp, ListenInfo { ip, port, send_buffer_size: Some(TCP_SEND_BUFFER), ..tcp }]
    };
    let mut all = reach.listeners.iter().zip(behind).flat_map(both);
    let first = all.next().expect("there is always a listener");
    WebRtcServerOptions::new(all.fold(WebRtcServerListenInfos::new(first), WebRtcServerListenInfos::insert))
}

/// A free address of the loopback interface for each listener. Its port may be taken before the worker listens there.
pub(super) fn loopback_addresses(reach: &Reach, block: &PortBlock) -> Result<Vec<SocketAddr>, WorkersError> {
    let free = |listener: &Listener| free_port(loopback(listener.ip), block);
    let found: std::io::Result<Vec<_>> = reach.listeners.iter().map(free).collect();
    found.map_err(|source| WorkersError::Loopback { source })
}

/// The TCP side of each port.
pub(super) fn doors(
    reach: &Reach,
    ports: RangeInclusive<u16>,
    limits: TcpLimits,
    metrics: &Metrics,
) -> Result<Vec<TcpDoor>, WorkersError> {
    let guard = TcpGuard::new(limits, metrics.clone());
    let ips: Vec<IpAddr> = reach.listeners.iter().map(|listener| listener.ip).collect();
    let open = |port| {
        let taken = |source| WorkersError::ListenTcp { ips: listen_ips(reach), port, source };
        TcpDoor::open(&guard, &ips, port).map_err(taken)
    };
    ports.map(open).collect()
}

pub(super) fn listen_ips(reach: &Reach) -> String {
    let ips: Vec<_> = reach.listeners.iter().map(|listener| listener.ip.to_string()).collect();
    ips.join(" and ")
}

/// A port that the system gives and that is not one of the pod's own, which may not be in use yet.
fn free_port(ip: IpAddr, block: &PortBlock) -> std::io::Result<SocketAddr> {
    for _ in 0..ATTEMPTS {
        // Bound as it will be by the worker, and closed at the end of this round.
        let address = std::net::TcpListener::bind((ip, 0))?.local_addr()?;
        if !block.contains(address.port()) {
            return Ok(address);
        }
    }
    Err(std::io::Error::other("the system gives only ports of the block for media"))
}

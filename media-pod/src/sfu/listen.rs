//! The sockets of workers: for UDP their own on the ports of the block; for TCP the guard's there, and their own on the loopback interface.
//!
//! It creates no worker.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use mediasoup::prelude::{ListenInfo, Protocol, WebRtcServerListenInfos, WebRtcServerOptions};
use mediasoup::types::data_structures::SocketFlags;

use super::error::WorkersError;
use super::tcp::guard::{TcpGuard, TcpPort, loopback};
use super::tcp::limits::TcpLimits;
use super::udp;
use crate::metrics::Metrics;
use crate::network::endpoints::{Endpoints, Listener};
use crate::network::port_block::PortBlock;

/// Kernel buffer for a worker's bytes to the guard; beyond it the worker queues them itself.
const TCP_SEND_BUFFER: u32 = 256 * 1024;
/// Attempts to find a port outside the block.
const ATTEMPTS: usize = 10;

/// A socket of this listener, without a port.
pub(crate) fn listen_info(listener: &Listener, protocol: Protocol) -> ListenInfo {
    let buffer = (protocol == Protocol::Udp).then_some(udp::BUFFER);
    ListenInfo {
        protocol,
        ip: listener.ip,
        announced_address: listener.announced().map(str::to_owned),
        expose_internal_ip: false,
        port: None,
        port_range: None,
        // IPv4 has a separate socket on the same port.
        flags: Some(SocketFlags { ipv6_only: listener.ip.is_ipv6(), udp_reuse_port: false }),
        send_buffer_size: buffer,
        recv_buffer_size: buffer,
    }
}

/// A socket for a pipe, on one of these ports.
pub(super) fn pipe_listen_info(ip: IpAddr, ports: RangeInclusive<u16>) -> ListenInfo {
    ListenInfo {
        protocol: Protocol::Udp,
        ip,
        announced_address: None,
        expose_internal_ip: false,
        port: None,
        port_range: Some(ports),
        flags: Some(SocketFlags { ipv6_only: ip.is_ipv6(), udp_reuse_port: false }),
        send_buffer_size: Some(udp::BUFFER),
        recv_buffer_size: Some(udp::BUFFER),
    }
}

/// `behind` are the addresses of the worker's TCP listeners; the guard's are announced in their place.
pub(super) fn server_options(endpoints: &Endpoints, port: u16, behind: &[SocketAddr]) -> WebRtcServerOptions {
    let both = |(listener, behind): (&Listener, &SocketAddr)| {
        let udp = ListenInfo { port: Some(port), ..listen_info(listener, Protocol::Udp) };
        let tcp = listen_info(listener, Protocol::Tcp);
        let (ip, port) = (behind.ip(), Some(behind.port()));
        [udp, ListenInfo { ip, port, send_buffer_size: Some(TCP_SEND_BUFFER), ..tcp }]
    };
    let mut all = endpoints.listeners.iter().zip(behind).flat_map(both);
    let first = all.next().expect("there is always a listener");
    WebRtcServerOptions::new(all.fold(WebRtcServerListenInfos::new(first), WebRtcServerListenInfos::insert))
}

/// A free address of the loopback interface for each listener. Another process may take the port before the worker listens on it.
pub(super) fn loopback_addresses(endpoints: &Endpoints, block: &PortBlock) -> Result<Vec<SocketAddr>, WorkersError> {
    let free = |listener: &Listener| free_port(loopback(listener.ip), block);
    let found: std::io::Result<Vec<_>> = endpoints.listeners.iter().map(free).collect();
    found.map_err(|source| WorkersError::Loopback { source })
}

/// Opens the TCP side of each port.
pub(super) fn tcp_ports(
    endpoints: &Endpoints,
    ports: RangeInclusive<u16>,
    limits: TcpLimits,
    metrics: &Metrics,
) -> Result<Vec<TcpPort>, WorkersError> {
    let guard = TcpGuard::new(limits, metrics.clone());
    let ips: Vec<IpAddr> = endpoints.listeners.iter().map(|listener| listener.ip).collect();
    let open = |port| {
        let taken = |source| WorkersError::ListenTcp { ips: listen_ips(endpoints), port, source };
        TcpPort::open(&guard, &ips, port).map_err(taken)
    };
    ports.map(open).collect()
}

pub(super) fn listen_ips(endpoints: &Endpoints) -> String {
    let ips: Vec<_> = endpoints.listeners.iter().map(|listener| listener.ip.to_string()).collect();
    ips.join(" and ")
}

/// A free port outside the pod's block, whose ports may not be in use yet.
fn free_port(ip: IpAddr, block: &PortBlock) -> std::io::Result<SocketAddr> {
    for _ in 0..ATTEMPTS {
        // Bound as the worker will do, and closed at the end of this iteration.
        let address = std::net::TcpListener::bind((ip, 0))?.local_addr()?;
        if !block.contains(address.port()) {
            return Ok(address);
        }
    }
    Err(std::io::Error::other("the system assigns only ports of the block for media"))
}

//! Plain transports of the worker, on loopback: sockets and header extensions.

use std::net::Ipv4Addr;

use mediasoup::prelude::*;
use serde_json::Value;

/// A UDP socket on loopback, with buffers of this size in bytes if the kernel's default is not enough.
pub(crate) fn listen(buffer: Option<u32>) -> ListenInfo {
    ListenInfo {
        protocol: Protocol::Udp,
        ip: Ipv4Addr::LOCALHOST.into(),
        announced_address: None,
        expose_internal_ip: false,
        port: None,
        port_range: None,
        flags: None,
        send_buffer_size: buffer,
        recv_buffer_size: buffer,
    }
}

/// The id of the header extension with transport-wide sequence numbers in these RTP parameters.
pub(crate) fn transport_cc_id(parameters: &Value) -> Option<u8> {
    let is_wanted = |extension: &&Value| {
        extension["uri"].as_str().is_some_and(|uri| uri.ends_with("transport-wide-cc-extensions-01"))
    };
    let found = parameters["headerExtensions"].as_array()?.iter().find(is_wanted)?;
    u8::try_from(found["id"].as_u64()?).ok()
}

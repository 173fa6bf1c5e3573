//! Ports, addresses and ICE servers of a pool: how media reaches its pods, and where they may send it.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A range of ports, including both ends.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RtcPorts {
    /// First port, 1024 to 65535.
    #[schemars(range(min = 1024, max = 65_535))]
    pub min: u16,
    /// Last port, 1024 to 65535. Must not be smaller than `min`.
    #[schemars(range(min = 1024, max = 65_535))]
    pub max: u16,
}

/// How media reaches the pods of a pool from browsers.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// The pod's port block is opened on its node, with the same numbers.
    #[default]
    HostPort,
    /// The pod uses the network of its node.
    HostNetwork,
    /// A Service per pod opens node ports that Kubernetes allocates.
    NodePort,
    /// A Service per pod gets its own address from the cloud provider.
    LoadBalancer,
    /// Browsers reach the address of the pod directly.
    #[serde(rename = "PodIP")]
    PodIp,
}

/// Address that is announced to browsers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.policy != 'Fixed' || (has(self.addresses) && self.addresses.size() > 0)")
        .message("announcedAddress.addresses is required when policy is Fixed: list the addresses to announce"),
    validation = Rule::new("self.policy == 'Fixed' || !has(self.addresses) || self.addresses.size() == 0")
        .message("announcedAddress.addresses may only be set when policy is Fixed: set policy to Fixed or remove addresses")
)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedAddress {
    /// Source of the address. NodeAddress: the ExternalIP of the node, or its InternalIP if it has none (with exposure PodIP, the address
    /// of the pod). Fixed: the listed `addresses`, for example of a load balancer or a one-to-one NAT in front of the nodes. Defaults to
    /// NodeAddress.
    #[serde(default)]
    pub policy: AddressPolicy,

    /// Addresses to announce with policy Fixed, IPv4 or IPv6, at most 4. All pods of the pool announce the same addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = Rule::new("self.all(address, isIP(address))").message("announcedAddress.addresses must be IPv4 or IPv6 addresses, such as 203.0.113.7; host names are not supported"))]
    #[x_kube(validation = Rule::new("self.all(address, !address.matches('^(0|127|22[4-9]|23[0-9])[.]|^255[.]255[.]255[.]255$|^[0:]+:[01]?$|^[fF][fF][0-9a-fA-F]{2}:'))").message("announcedAddress.addresses must be addresses that browsers can reach: not unspecified, loopback, multicast or broadcast addresses"))]
    pub addresses: Vec<String>,
}

/// Source of the announced address.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// The external address of the node, or its internal one if it has none.
    #[default]
    NodeAddress,
    /// The addresses in the spec of the pool.
    Fixed,
}

/// STUN or TURN servers for browsers, as in the RTCIceServer of WebRTC.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// URLs such as `stun:stun.example.com:3478` or `turns:turn.example.com:5349?transport=tcp`, 1 to 8.
    #[schemars(length(min = 1, max = 8), inner(length(min = 6, max = 512)))]
    #[x_kube(validation = Rule::new("self.all(url, url.matches('^(stun|stuns|turn|turns):[^ ]+$'))").message("iceServers.urls must start with stun:, stuns:, turn: or turns:"))]
    pub urls: Vec<String>,
    /// Name of a Secret with credentials, in the namespace that Convene is installed in. Required for TURN servers: without the Secret
    /// their URLs are omitted. It has either `username` and `password`, or `secret` (shared with the TURN server, which coturn calls
    /// use-auth-secret) and optionally `lifetimeSeconds` (defaults to 43200). The router needs permission to read the Secret: the chart
    /// grants it for the default pool, and for other pools through the value `router.turnSecrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub credentials_secret: Option<String>,
}

/// Where media pods may send plain RTP to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PlainRtp {
    /// Networks in CIDR notation, such as `10.20.0.0/16` or `2001:db8:7::/48`, that plain RTP may be sent to in addition to public
    /// addresses. At most 32. Addresses that are not public (private, link-local, loopback, multicast) are refused unless they are listed
    /// here: a client that chooses the destination must not reach into the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 4, max = 49)))]
    #[x_kube(validation = Rule::new("self.all(network, isCIDR(network))").message("plainRtp.destinations must be networks in CIDR notation, such as 10.20.0.0/16 or 2001:db8:7::/48"))]
    pub destinations: Vec<String>,
}

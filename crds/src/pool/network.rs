//! Ports, addresses and servers of a pool: how media gets to its pods, and where they may send it.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A range of ports, both ends included.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RtcPorts {
    /// First port, 1024 to 65535.
    #[schemars(range(min = 1024, max = 65_535))]
    pub min: u16,
    /// Last port, 1024 to 65535; not smaller than `min`.
    #[schemars(range(min = 1024, max = 65_535))]
    pub max: u16,
}

/// How media gets from browsers to the pods of a pool.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// The pod's block is opened on its node under the same numbers.
    #[default]
    HostPort,
    /// The pod shares its node's network.
    HostNetwork,
    /// A Service for each pod opens ports on the nodes that Kubernetes chooses.
    NodePort,
    /// A Service for each pod gets an address from the cloud.
    LoadBalancer,
    /// Browsers reach the pod's own address.
    #[serde(rename = "PodIP")]
    PodIp,
}

/// Which address is told to browsers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.policy != 'Fixed' || (has(self.addresses) && self.addresses.size() > 0)")
        .message("policy Fixed needs the addresses to announce: list them in announcedAddress.addresses"),
    validation = Rule::new("self.policy == 'Fixed' || !has(self.addresses) || self.addresses.size() == 0")
        .message("addresses are announced only under policy Fixed: set announcedAddress.policy to Fixed, or remove the addresses")
)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedAddress {
    /// Where the address comes from. NodeAddress: the node's ExternalIP, or its InternalIP where it has none (with exposure PodIP: the pod's
    /// own address). Fixed: always `addresses`, for example of a load balancer or a one-to-one NAT in front of the nodes.
    #[serde(default)]
    pub policy: AddressPolicy,

    /// The addresses to announce under policy Fixed, IPv4 or IPv6, at most 4. Every pod of the pool announces the same ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = Rule::new("self.all(address, isIP(address))").message("every one of announcedAddress.addresses must be an IPv4 or IPv6 address, such as 203.0.113.7; host names are not possible"))]
    #[x_kube(validation = Rule::new("self.all(address, !address.matches('^(0|127|22[4-9]|23[0-9])[.]|^255[.]255[.]255[.]255$|^[0:]+:[01]?$|^[fF][fF][0-9a-fA-F]{2}:'))").message("announcedAddress.addresses must be addresses of one host that browsers can reach: not 0.0.0.0, a loopback or a multicast address"))]
    pub addresses: Vec<String>,
}

/// Where the announced address comes from.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// The node's external address, else its internal one.
    #[default]
    NodeAddress,
    /// What the pool's spec says.
    Fixed,
}

/// STUN or TURN servers that browsers are told, as in WebRTC's RTCIceServer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// Addresses such as `stun:stun.example.com:3478` or `turns:turn.example.com:5349?transport=tcp`, 1 to 8.
    #[schemars(length(min = 1, max = 8), inner(length(min = 6, max = 512)))]
    #[x_kube(validation = Rule::new("self.all(url, url.matches('^(stun|stuns|turn|turns):[^ ]+$'))").message("every one of iceServers.urls must begin with stun:, stuns:, turn: or turns:"))]
    pub urls: Vec<String>,
    /// Name of a Secret with the credentials, in the namespace Convene is installed in. Needed by TURN servers: without it, or while the Secret
    /// is not there, their addresses are left out. It holds either `username` and `password`, or `secret` (shared with the TURN server, which
    /// coturn calls use-auth-secret) and perhaps `lifetimeSeconds` (43200 unless given). The router must be told of it: the chart does so for
    /// the default pool, and its value `router.turnSecrets` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub credentials_secret: Option<String>,
}

/// Where pods may send plain RTP to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PlainRtp {
    /// Networks in CIDR notation, such as `10.20.0.0/16` or `2001:db8:7::/48`, that plain RTP may be sent to in addition to public addresses.
    /// At most 32. Everything that is not public (private, link-local, loopback, multicast addresses) is refused unless it is listed
    /// here: a client that chooses the destination must not reach into the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 4, max = 49)))]
    #[x_kube(validation = Rule::new("self.all(network, isCIDR(network))").message("every one of plainRtp.destinations must be a network in CIDR notation, such as 10.20.0.0/16 or 2001:db8:7::/48"))]
    pub destinations: Vec<String>,
}

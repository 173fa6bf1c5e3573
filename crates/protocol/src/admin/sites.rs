//! One room over several pods: which other pods serve a room, and how they are reached.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Where other pods link to a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkPoint {
    /// TCP port of the link, at the pod's own address.
    pub port: u16,
    /// SHA-256 of the pod's certificate (DER) for links, 64 hexadecimal digits. It differs after each start of the pod.
    pub fingerprint: String,
}

/// Body of `PUT /admin/v1/rooms/{namespace}/{name}/sites`: all other pods that serve the room. Pods that are not in it are no longer used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSites {
    /// Uid of the Meeting.
    pub uid: String,
    /// Participants that the room's own pod should serve at most.
    pub capacity: u32,
    /// The other pods.
    pub sites: Vec<SiteTarget>,
}

/// A pod that serves a room of another one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteTarget {
    /// Uid of the Pod.
    pub pod: String,
    /// Address of the pod.
    pub address: IpAddr,
    /// TCP port of its link.
    pub port: u16,
    /// SHA-256 of its certificate ([`LinkPoint::fingerprint`]).
    pub fingerprint: String,
    /// Participants that it should serve at most.
    pub capacity: u32,
    /// Opens the link, once ([`LinkGrant`](crate::admission::LinkGrant)). Not used if the pods are linked.
    pub ticket: String,
}

impl fmt::Debug for SiteTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, address, port, capacity, .. } = self;
        let mut debug = formatter.debug_struct("SiteTarget");
        debug.field("pod", pod).field("address", address).field("port", port).field("capacity", capacity);
        debug.finish_non_exhaustive()
    }
}

/// Another pod that serves a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteReport {
    /// Uid of the Pod.
    pub pod: String,
    /// The state of its link.
    pub state: SiteState,
    /// Clients with transports at it.
    pub participants: u32,
}

/// The state of the link to another pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SiteState {
    /// It is being opened.
    Linking,
    /// The pod serves participants.
    Linked,
    /// It was lost or could not be opened. It is opened again with the next ticket.
    Lost,
}

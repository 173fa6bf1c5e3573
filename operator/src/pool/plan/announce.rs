//! Decides which addresses and ports each pod announces, and which Services this requires.
//!
//! Pure. A pod gets its addresses once all of them are known; until then it is not ready.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::sync::Arc;

use convene_crds::Exposure;

use super::types::{Announcement, ObservedPods};
use crate::model::{media_pod::MediaPod, reason::Reason, valid_pool::ValidPool};
use convene_crds::reason;

/// Live pods without their Service.
pub(super) fn plan_services(pool: &ValidPool, observed: &ObservedPods) -> Vec<Arc<MediaPod>> {
    if !pool.template.has_services() {
        return Vec::new();
    }
    let lacks =
        |pod: &&Arc<MediaPod>| pod.is_live() && pod.rtc_ports.is_some() && !observed.services.contains_key(&pod.name);
    observed.pods.iter().filter(lacks).cloned().collect()
}

/// Announcements to pods, or the reason why one cannot be made.
pub(super) fn plan_announcements(pool: &ValidPool, observed: &ObservedPods) -> (Vec<Announcement>, Option<Reason>) {
    let mut announce = Vec::new();
    let mut trouble = None;
    for pod in observed.pods.iter().filter(|pod| pod.is_live() && pod.addresses.is_empty()) {
        match compute_announcement(pool, observed, pod) {
            Known::Later => {}
            Known::Never(why) => trouble = Some(why),
            Known::Now(addresses, ports) => {
                announce.push(Announcement { name: pod.name.clone(), uid: pod.uid.clone(), addresses, ports });
            }
        }
    }
    (announce, trouble)
}

enum Known {
    Now(Vec<String>, String),
    Later,
    Never(Reason),
}

fn compute_announcement(pool: &ValidPool, observed: &ObservedPods, pod: &MediaPod) -> Known {
    if pod.node.is_none() {
        return Known::Later;
    }
    let fixed = &pool.template.fixed_addresses;
    match pool.template.exposure {
        Exposure::HostPort | Exposure::HostNetwork | Exposure::PodIp if !fixed.is_empty() => {
            Known::Now(fixed.clone(), String::new())
        }
        Exposure::PodIp if pod.ips.is_empty() => Known::Later,
        Exposure::PodIp => Known::Now(pod.ips.clone(), String::new()),
        Exposure::HostPort | Exposure::HostNetwork => on_node(observed, pod, String::new()),
        Exposure::NodePort => match observed.services.get(&pod.name) {
            Some(Some(endpoints)) if fixed.is_empty() => on_node(observed, pod, endpoints.ports.clone()),
            Some(Some(endpoints)) => Known::Now(fixed.clone(), endpoints.ports.clone()),
            _ => Known::Later,
        },
        Exposure::LoadBalancer => match observed.services.get(&pod.name) {
            Some(Some(_)) if !fixed.is_empty() => Known::Now(fixed.clone(), String::new()),
            Some(Some(endpoints)) => Known::Now(endpoints.addresses.clone(), String::new()),
            Some(None) => Known::Never(compute_no_balancer(pod)),
            None => Known::Later,
        },
    }
}

fn on_node(observed: &ObservedPods, pod: &MediaPod, ports: String) -> Known {
    match pod.node.as_deref().and_then(|node| observed.nodes.get(node)) {
        None => Known::Later,
        Some(node) if node.addresses.is_empty() => Known::Never(compute_nameless(pod)),
        Some(node) => Known::Now(node.addresses.clone(), ports),
    }
}

fn compute_nameless(pod: &MediaPod) -> Reason {
    let node = pod.node.as_deref().unwrap_or_default();
    Reason::new(
        reason::NO_NODE_ADDRESS,
        format!(
            "node {node:?} of media pod {:?} has neither ExternalIP nor InternalIP: set announcedAddress.policy to Fixed",
            pod.name
        ),
    )
}

fn compute_no_balancer(pod: &MediaPod) -> Reason {
    Reason::new(
        reason::NO_LOAD_BALANCER_ADDRESS,
        format!(
            "Service {:?} has no load balancer with an IP address yet: check that the cluster supports load balancers with UDP and TCP on one port, and that they get IP addresses rather than hostnames",
            pod.name
        ),
    )
}

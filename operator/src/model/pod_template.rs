//! The common part of all media pods of a pool: everything but the name and the ports.
//!
//! Plain values. Nothing here reads a `MediaPool` or builds a pod.

use std::collections::BTreeMap;

use convene_crds::{ContainerResources, Exposure, ImagePullPolicy};
use k8s_openapi::api::core::v1::Toleration;
use serde::Serialize;

use super::ports::PortRange;

/// Everything that defines a pod except its name and its ports. Its hash is the pod's revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PodTemplate {
    /// Container image.
    pub(crate) image: String,
    /// When the image is pulled.
    pub(crate) image_pull_policy: Option<ImagePullPolicy>,
    /// CPU and memory.
    pub(crate) resources: Option<ContainerResources>,
    /// Labels of suitable nodes.
    pub(crate) node_selector: BTreeMap<String, String>,
    /// Tolerated taints.
    pub(crate) tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority_class_name: Option<String>,
    /// Secrets with credentials of the image registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) image_pull_secrets: Vec<String>,
    /// Node label to spread over.
    pub(crate) topology_key: String,
    /// Media workers.
    pub(crate) workers: u16,
    /// Ports for media: those of the workers, then the plain ones.
    pub(crate) media_ports: u16,
    /// How clients reach the media ports.
    pub(crate) exposure: Exposure,
    /// Addresses known before the pod exists, if fixed.
    pub(crate) fixed_addresses: Vec<String>,
    /// Networks that plain RTP may be sent to in addition to public addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) plain_destinations: Vec<String>,
    /// Ports for metrics with host networking, if metrics are served.
    #[serde(skip)]
    pub(crate) metrics_ports: Option<PortRange>,
    /// UDP ports for streams to other media pods; 0 if meetings are not spread over several.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) pipe_ports: u16,
    /// `ConfigMap` with the public admission keys.
    pub(crate) admission_keys: String,
}

impl PodTemplate {
    /// Ports that a pod takes from the pool's range.
    pub(crate) fn block_size(&self) -> u32 {
        u32::from(self.media_ports) + u32::from(self.exposure == Exposure::HostNetwork)
    }

    /// Whether the pods use ports of their nodes under the same numbers.
    pub(crate) fn uses_node_ports(&self) -> bool {
        matches!(self.exposure, Exposure::HostPort | Exposure::HostNetwork)
    }

    /// Whether each pod has a Service that exposes its ports.
    pub(crate) fn has_services(&self) -> bool {
        matches!(self.exposure, Exposure::NodePort | Exposure::LoadBalancer)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u16) -> bool {
    *count == 0
}

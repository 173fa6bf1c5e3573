//! What every media pod of a pool is made of, apart from its name and its ports.
//!
//! Pure values. Nothing here reads a `MediaPool` or builds a pod.

use std::collections::BTreeMap;

use convene_crds::{ContainerResources, Exposure, ImagePullPolicy};
use k8s_openapi::api::core::v1::Toleration;
use serde::Serialize;

use super::ports::PortRange;

/// Everything that a pod is made of, apart from its name and its ports. Its hash is the pod's revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PodTemplate {
    /// Container image.
    pub(crate) image: String,
    /// When the image is fetched.
    pub(crate) image_pull_policy: Option<ImagePullPolicy>,
    /// CPU and memory.
    pub(crate) resources: Option<ContainerResources>,
    /// Labels of suitable nodes.
    pub(crate) node_selector: BTreeMap<String, String>,
    /// Taints to put up with.
    pub(crate) tolerations: Vec<Toleration>,
    /// Priority class.
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
    /// How media gets to the pod.
    pub(crate) exposure: Exposure,
    /// Addresses known before the pod is, if fixed.
    pub(crate) fixed_addresses: Vec<String>,
    /// Networks that plain RTP may be sent to in addition to public addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) plain_destinations: Vec<String>,
    /// Where metrics are served in the node's network, if they are.
    #[serde(skip)]
    pub(crate) metrics_ports: Option<PortRange>,
    /// `ConfigMap` with the public admission keys.
    pub(crate) admission_keys: String,
}

impl PodTemplate {
    /// Ports that a pod takes from the pool's range.
    pub(crate) fn block_size(&self) -> u32 {
        u32::from(self.media_ports) + u32::from(self.exposure == Exposure::HostNetwork)
    }

    /// Whether the pods take ports of their nodes under the same numbers.
    pub(crate) fn uses_node_ports(&self) -> bool {
        matches!(self.exposure, Exposure::HostPort | Exposure::HostNetwork)
    }

    /// Whether each pod has a Service that opens its ports.
    pub(crate) fn has_services(&self) -> bool {
        matches!(self.exposure, Exposure::NodePort | Exposure::LoadBalancer)
    }
}

//! Image policy and resources of the container in a media pod.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// When the image is pulled: Always, IfNotPresent or Never, as in a Pod. Defaults to Always for the tag `latest`, otherwise to
/// IfNotPresent.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Each time a container starts.
    Always,
    /// When the node does not have the image.
    IfNotPresent,
    /// Never: the image must be on the node already.
    Never,
}

impl ImagePullPolicy {
    /// The value in `imagePullPolicy` of a container.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// CPU and memory of a container.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ContainerResources {
    /// Maximum resources that the container may use, for example `{cpu: "2", memory: 1Gi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, IntOrString>,
    /// Resources that the scheduler reserves for the container, for example `{cpu: 500m, memory: 256Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, IntOrString>,
}

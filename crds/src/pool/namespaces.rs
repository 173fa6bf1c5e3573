//! Which namespaces a pool serves, and how much of it each of them may use.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A selection of namespaces.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("self.from == 'Selector' ? has(self.selector) : !has(self.selector)")
        .message("selector is required when from is Selector, and must not be set otherwise")
)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Which namespaces are selected. All: every namespace. Same: the namespace that Convene is installed in. Selector: namespaces that
    /// match `selector`. Defaults to All.
    #[serde(default)]
    pub from: NamespacesFrom,
    /// Label selector for namespaces, as in a NetworkPolicy. Required when `from` is Selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// How namespaces are selected.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespacesFrom {
    /// All namespaces.
    #[default]
    All,
    /// The namespace that Convene is installed in.
    Same,
    /// Namespaces that match a label selector.
    Selector,
}

/// Limits on the share of a pool that one namespace may use.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("!has(self.meetings) || self.dedicated <= self.meetings")
        .message("namespaceLimits.dedicated is larger than namespaceLimits.meetings: Dedicated meetings count towards both; raise meetings")
)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLimits {
    /// Maximum number of meetings of one namespace that are assigned to the pool's pods at the same time, 1 to 10000000. Defaults to half
    /// of the pool's capacity, which is `max` times `capacity.meetings`. Scheduled and ended meetings have no place and do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub meetings: Option<u32>,
    /// Maximum number of Dedicated meetings among them, 0 to 1000. Defaults to 1. With 0, no namespace may have Dedicated meetings.
    #[serde(default = "default_dedicated")]
    #[schemars(range(min = 0, max = 1000))]
    pub dedicated: u32,
}

impl Default for NamespaceLimits {
    fn default() -> Self {
        Self { meetings: None, dedicated: default_dedicated() }
    }
}

const fn default_dedicated() -> u32 {
    1
}

//! Which namespaces a pool serves, and how much of it each of them may hold.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which namespaces something is for.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("self.from == 'Selector' ? has(self.selector) : !has(self.selector)")
        .message("selector belongs to from: Selector, and only to that: set from to Selector, or remove the selector")
)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// All: meetings of every namespace. Same: those of the namespace Convene is installed in. Selector: those of namespaces with certain
    /// labels.
    #[serde(default)]
    pub from: NamespacesFrom,
    /// Labels that a namespace must have, as in a NetworkPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Which namespaces something is for.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespacesFrom {
    /// Every one.
    #[default]
    All,
    /// The one Convene is installed in.
    Same,
    /// Those with certain labels.
    Selector,
}

/// How much of a pool one namespace may hold.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("!has(self.meetings) || self.dedicated <= self.meetings")
        .message("namespaceLimits.dedicated is larger than namespaceLimits.meetings: Dedicated meetings count as meetings too, so raise meetings")
)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLimits {
    /// Meetings of one namespace that may have a place on the pool's pods at the same time, 1 to 10000000. Without it: half of what the pool
    /// can hold, that is of `max` times `capacity.meetings`. A meeting that is scheduled for later or over has no place and does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub meetings: Option<u32>,
    /// Meetings among them that may have a pod to themselves (placement Dedicated), 0 to 1000. 0: none in any namespace.
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

//! Second step for a `MediaPool`: converts the object into a type that represents only pools that can be served.
//!
//! Pure. After this step `MediaPoolSpec` is no longer read.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{AddressPolicy, AllowedNamespaces, Capacity, Drain, Exposure, MediaPool, MediaPoolSpec, PlainRtp};
use ipnet::IpNet;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;

use super::{
    ledger::Usage, media_pod::MediaPod, pod_spec::compute_revision, pod_template::PodTemplate, ports::PortRange,
    reason::Reason, removal::Removal,
};
use convene_crds::reason;

/// Settings of media pods that do not depend on the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDefaults {
    /// Image for pools that name none.
    pub image: String,
    /// `ConfigMap` with the public admission keys.
    pub admission_keys: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValidPool {
    /// Name of the pool.
    pub name: String,
    /// Namespace of the pool and of its pods.
    pub namespace: String,
    /// Owner reference for the pods.
    pub owner: Option<OwnerReference>,
    /// The template of its pods.
    pub template: PodTemplate,
    /// Hash of the template.
    pub revision: String,
    /// Range that blocks are taken from.
    pub ports: PortRange,
    /// Capacity of one pod.
    pub capacity: Capacity,
    /// Ready pods to keep without meetings.
    pub warm: u32,
    /// Maximum of pods.
    pub max: u32,
    /// Pods above `max` while others are being replaced or drained.
    pub max_surge: u32,
    /// How participants are moved off a draining pod.
    pub drain: Drain,
    /// Namespaces whose meetings it serves.
    pub allowed_namespaces: AllowedNamespaces,
    /// Namespaces that may have Dedicated meetings.
    pub dedicated_namespaces: AllowedNamespaces,
    /// Limits of usage by one namespace.
    pub namespace_limits: Usage,
    /// Whether announced addresses are probed.
    pub probes_media: bool,
    /// Start of its deletion, if it is being deleted.
    pub deleted_at: Option<Timestamp>,
    /// Time of creation: of two pools that use the same ports, the younger one reports it.
    pub created: Option<Timestamp>,
}

impl ValidPool {
    /// Its removal, if it is being deleted.
    pub(crate) fn compute_removal(&self) -> Option<Removal> {
        self.deleted_at.map(|since| Removal::new(since, self.drain.deadline_seconds))
    }

    /// Whether a pod is up to date: created from the current template, with ports of the current range.
    pub(crate) fn is_current(&self, pod: &MediaPod) -> bool {
        let range = self.ports;
        let is_inside = pod.block.is_some_and(|block| range.first() <= block.first() && block.last() <= range.last());
        pod.revision == self.revision && is_inside
    }
}

/// Checks `pool`. The API server has checked the same rules, but an older CRD may have been less strict.
pub(crate) fn validate_pool(pool: &MediaPool, defaults: &PodDefaults) -> Result<ValidPool, Reason> {
    let spec = &pool.spec;
    let ports = PortRange::new(spec.rtc_ports.min, spec.rtc_ports.max)
        .map_err(|error| Reason::new(reason::INVALID_SPEC, format!("spec.rtcPorts: {error}")))?;
    let template = compute_template(pool, defaults)?;
    if template.block_size() == 0 || ports.count() < template.block_size() {
        return Err(compute_too_narrow(ports, template.block_size()));
    }
    Ok(ValidPool {
        name: pool.name_any(),
        namespace: pool.namespace().unwrap_or_default(),
        owner: pool.controller_owner_ref(&()),
        revision: compute_revision(&template),
        template,
        ports,
        capacity: spec.capacity,
        warm: spec.warm.min(spec.max),
        max: spec.max,
        max_surge: spec.rollout.max_surge,
        drain: spec.drain,
        allowed_namespaces: spec.allowed_namespaces.clone(),
        dedicated_namespaces: spec.dedicated_namespaces.clone(),
        namespace_limits: compute_namespace_limits(spec),
        probes_media: spec.probe_media,
        deleted_at: pool.metadata.deletion_timestamp.as_ref().map(|time| time.0),
        created: pool.metadata.creation_timestamp.as_ref().map(|time| time.0),
    })
}

/// The default for meetings is half of the pool's places, and at least one.
fn compute_namespace_limits(spec: &MediaPoolSpec) -> Usage {
    let half = spec.max.saturating_mul(spec.capacity.meetings).div_ceil(2).max(1);
    let limits = spec.namespace_limits;
    Usage { meetings: limits.meetings.unwrap_or(half), dedicated: limits.dedicated }
}

fn compute_template(pool: &MediaPool, defaults: &PodDefaults) -> Result<PodTemplate, Reason> {
    let spec = &pool.spec;
    let image = spec.image.clone().unwrap_or_else(|| defaults.image.clone());
    let is_fixed = spec.announced_address.policy == AddressPolicy::Fixed;
    if is_fixed && spec.announced_address.addresses.is_empty() {
        return Err(Reason::new(reason::INVALID_SPEC, "spec.announcedAddress: policy Fixed requires addresses"));
    }
    check_node_selector(&spec.node_selector)?;
    Ok(PodTemplate {
        image,
        image_pull_policy: spec.image_pull_policy,
        resources: spec.resources.clone(),
        node_selector: spec.node_selector.clone(),
        tolerations: spec.tolerations.clone(),
        priority_class_name: spec.priority_class_name.clone(),
        image_pull_secrets: spec.image_pull_secrets.clone(),
        topology_key: spec.topology_key.clone(),
        workers: spec.workers_per_pod,
        media_ports: spec.workers_per_pod.saturating_add(spec.plain_ports),
        exposure: spec.exposure,
        plain_destinations: compute_plain_destinations(&spec.plain_rtp)?,
        metrics_ports: compute_metrics_ports(spec)?,
        pipe_ports: if spec.exposure == Exposure::HostNetwork { 0 } else { spec.pipe_ports },
        fixed_addresses: if is_fixed { spec.announced_address.addresses.clone() } else { Vec::new() },
        admission_keys: defaults.admission_keys.clone(),
    })
}

/// The API server would reject the pods, but not the pool.
fn check_node_selector(selector: &BTreeMap<String, String>) -> Result<(), Reason> {
    let is_good = |(key, value): &(&String, &String)| is_label_key(key) && (value.is_empty() || is_label_name(value));
    match selector.iter().find(|entry| !is_good(entry)) {
        None => Ok(()),
        Some((key, value)) => {
            let message = format!("spec.nodeSelector: {key:?}: {value:?} is not a valid node label");
            Err(Reason::new(reason::INVALID_SPEC, message))
        }
    }
}

/// `name` or `prefix/name`, as in Kubernetes.
fn is_label_key(key: &str) -> bool {
    let is_prefix = |prefix: &str| {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
        !prefix.is_empty() && prefix.len() <= 253 && prefix.chars().all(is_plain)
    };
    match key.split_once('/') {
        Some((prefix, name)) => is_prefix(prefix) && is_label_name(name),
        None => is_label_name(key),
    }
}

fn is_label_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_end = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    name.len() <= 63 && name.chars().all(is_plain) && is_end(name.chars().next()) && is_end(name.chars().last())
}

fn compute_plain_destinations(plain_rtp: &PlainRtp) -> Result<Vec<String>, Reason> {
    let networks = &plain_rtp.destinations;
    if let Some(other) = networks.iter().find(|network| network.parse::<IpNet>().is_err()) {
        let message = format!("spec.plainRtp.destinations: {other:?} is not a network in CIDR notation");
        return Err(Reason::new(reason::INVALID_SPEC, message));
    }
    Ok(networks.clone())
}

fn compute_metrics_ports(spec: &MediaPoolSpec) -> Result<Option<PortRange>, Reason> {
    let Some(ports) = spec.metrics_ports.filter(|_| spec.exposure == Exposure::HostNetwork) else { return Ok(None) };
    let ports = PortRange::new(ports.min, ports.max);
    ports.map(Some).map_err(|error| Reason::new(reason::INVALID_SPEC, format!("spec.metricsPorts: {error}")))
}

fn compute_too_narrow(ports: PortRange, wanted: u32) -> Reason {
    let count = ports.count();
    Reason::new(
        reason::INVALID_SPEC,
        format!(
            "spec.rtcPorts {ports} has {count} ports, but one pod takes {wanted}: widen the range, or lower workersPerPod or plainPorts"
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{defaults, pool_object};

    #[test]
    fn a_node_selector_has_labels_that_a_node_can_have() {
        let refusal = |key: &str, value: &str| {
            let outcome = validate_pool(&pool_object(json!({"nodeSelector": {key: value}})), &defaults());
            outcome.err().map(|reason| (reason.code, reason.message))
        };
        for (key, value) in [("convene.dev/media", "true"), ("rack", ""), ("a_b.C", "9-x")] {
            assert_eq!(refusal(key, value), None, "{key}: {value}");
        }
        let long = "x".repeat(64);
        for (key, value) in
            [("", "x"), ("a/b/c", "x"), ("/x", "x"), ("Upper.dev/x", "x"), ("x", "a b"), ("x", "-"), ("x", &long)]
        {
            let (reason, message) = refusal(key, value).unwrap_or_else(|| panic!("{key}: {value}"));
            assert!(reason == "InvalidSpec" && message.contains("spec.nodeSelector"), "{message}");
        }
    }
}

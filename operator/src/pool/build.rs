//! Builds the `Pod` object of a planned pod.
//!
//! Pure: the same plan gives the same object, byte for byte.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use convene_crds::names::{
    ANNOTATION_ANNOUNCED_ADDRESSES, ANNOTATION_RTC_PORTS, LABEL_APP_NAME, LABEL_MANAGED_BY, LABEL_POD, LABEL_POOL,
    LABEL_REVISION, MANAGED_BY, MEDIA_POD_APP_NAME,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ObjectMeta;

use super::plan::NewPod;
use crate::model::{
    pod_spec::{build_spec, compute_rtc_ports},
    ports::PortRange,
    valid_pool::ValidPool,
};

/// The object of a planned pod.
pub(crate) fn build_pod(pool: &ValidPool, pod: &NewPod) -> Pod {
    let rtc_ports = compute_rtc_ports(&pool.template, pod.block);
    Pod {
        metadata: ObjectMeta {
            name: Some(pod.name.clone()),
            namespace: Some(pool.namespace.clone()),
            labels: Some(build_labels(pool, &pod.name)),
            annotations: Some(build_annotations(pool, rtc_ports)),
            owner_references: Some(pool.owner.iter().cloned().collect()),
            ..ObjectMeta::default()
        },
        spec: Some(build_spec(&pool.template, &pool.name, pod.block)),
        status: None,
    }
}

fn build_labels(pool: &ValidPool, pod: &str) -> BTreeMap<String, String> {
    let labels = [
        (LABEL_APP_NAME, MEDIA_POD_APP_NAME),
        (LABEL_MANAGED_BY, MANAGED_BY),
        (LABEL_POOL, pool.name.as_str()),
        (LABEL_POD, pod),
        (LABEL_REVISION, pool.revision.as_str()),
    ];
    labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn build_annotations(pool: &ValidPool, rtc_ports: PortRange) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([(ANNOTATION_RTC_PORTS.to_owned(), rtc_ports.to_string())]);
    // With a Service the ports are not known yet, and addresses without ports would be taken as complete.
    if !pool.template.fixed_addresses.is_empty() && !pool.template.has_services() {
        annotations.insert(ANNOTATION_ANNOUNCED_ADDRESSES.to_owned(), pool.template.fixed_addresses.join(","));
    }
    annotations
}

#[cfg(test)]
mod tests;

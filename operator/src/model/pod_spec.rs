//! The spec of a media pod, and the revision that follows from it.
//!
//! Pure: the same template and block give the same spec, byte for byte. The pod meets the Pod Security level `restricted` except for what its
//! exposure needs: host ports, or the node's network.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use super::{pod_template::PodTemplate, ports::PortRange};
use convene_crds::{
    ContainerResources, Exposure,
    names::{
        ADMISSION_KEYS_DIR, ADMISSION_KEYS_FILE, ANNOTATION_ANNOUNCED_ADDRESSES, ANNOTATION_ANNOUNCED_PORTS,
        ANNOUNCED_ADDRESSES_FILE, ANNOUNCED_PORTS_FILE, HTTP_PORT_NAME, LABEL_APP_NAME, LABEL_POOL, LINK_PORT_NAME,
        MEDIA_CONTAINER, MEDIA_HTTP_PORT, MEDIA_LINK_PORT, MEDIA_METRICS_PORT, MEDIA_POD_APP_NAME, METRICS_PORT_NAME,
        POD_INFO_DIR,
    },
};
use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, ContainerPort, DownwardAPIVolumeFile, DownwardAPIVolumeSource,
        EnvVar, EnvVarSource, HTTPGetAction, KeyToPath, LocalObjectReference, ObjectFieldSelector, PodSecurityContext,
        PodSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext, Toleration, TopologySpreadConstraint,
        Volume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

const USER: i64 = 65532;
/// First UDP port for streams between media pods.
const FIRST_PIPE_PORT: u16 = 20_000;
/// The same for pods whose media ports overlap those. A block has at most 128 ports, so it cannot overlap both ranges.
const LATER_PIPE_PORT: u16 = 22_000;
/// The pod takes 20 s to disconnect all participants; then 10 s remain.
const TERMINATION_GRACE_SECONDS: i64 = 30;
/// Seconds until a pod on a lost node is given up; the Kubernetes default of 300 would leave its participants waiting.
const LOST_NODE_SECONDS: i64 = 30;

/// The revision of a template: it changes if and only if the resulting pod would differ.
pub(crate) fn compute_revision(template: &PodTemplate) -> String {
    let first = 1024_u16;
    let last = first.saturating_add(u16::try_from(template.block_size().saturating_sub(1)).unwrap_or(u16::MAX));
    let spec = PortRange::new(first, last).map(|block| build_spec(template, "", block));
    let text = serde_json::to_string(&(spec.ok(), &template.fixed_addresses, template.exposure))
        .expect("a pod spec consists of plain JSON values");
    format!("{:010x}", compute_fnv(text.as_bytes()) & 0xff_ffff_ffff)
}

/// FNV-1a: the same on every machine and in every version, which the hashers of the standard library do not guarantee.
fn compute_fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(crate) fn compute_rtc_ports(template: &PodTemplate, block: PortRange) -> PortRange {
    let last = block.first().saturating_add(template.media_ports.saturating_sub(1));
    PortRange::new(block.first(), last).unwrap_or(block)
}

/// With host networking every pod needs its own port for signaling: the one after its media ports.
fn compute_http_port(template: &PodTemplate, block: PortRange) -> u16 {
    if template.exposure == Exposure::HostNetwork { block.last() } else { compute_own_port(MEDIA_HTTP_PORT, block) }
}

/// With host networking the metrics port is outside of the block, because firewalls open the block, and differs between blocks. `None`: the
/// pod serves no metrics.
pub(crate) fn compute_metrics_port(template: &PodTemplate, block: PortRange) -> Option<u16> {
    if template.exposure != Exposure::HostNetwork {
        return Some(compute_own_port(MEDIA_METRICS_PORT, block));
    }
    let ports = template.metrics_ports?;
    // Blocks of the same size that do not overlap have different numbers, wherever they begin.
    let number = u32::from(block.first()) / block.count();
    u16::try_from(u32::from(ports.first()) + number % ports.count()).ok()
}

/// UDP ports for streams to other media pods, if the pod has any. They are ports of its own network, so they need no ports of the node.
fn compute_pipe_ports(template: &PodTemplate, block: PortRange) -> Option<PortRange> {
    let more = template.pipe_ports.checked_sub(1)?;
    let range = |first: u16| PortRange::new(first, first.saturating_add(more)).ok();
    range(FIRST_PIPE_PORT).filter(|ports| !ports.overlaps(block)).or_else(|| range(LATER_PIPE_PORT))
}

/// `preferred`, unless it is one of the pod's media ports.
fn compute_own_port(preferred: u16, block: PortRange) -> u16 {
    if block.contains(preferred) { block.last().saturating_add(1) } else { preferred }
}

pub(crate) fn build_spec(template: &PodTemplate, pool: &str, block: PortRange) -> PodSpec {
    let pull_secrets = template.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    PodSpec {
        priority_class_name: template.priority_class_name.clone(),
        image_pull_secrets: (!template.image_pull_secrets.is_empty()).then(|| pull_secrets.collect()),
        topology_spread_constraints: Some(vec![build_spread(template, pool)]),
        containers: vec![build_container(template, block)],
        volumes: Some(vec![build_admission_keys_volume(template), build_pod_info_volume()]),
        node_selector: (!template.node_selector.is_empty()).then(|| template.node_selector.clone()),
        tolerations: Some(build_tolerations(template)),
        host_network: (template.exposure == Exposure::HostNetwork).then_some(true),
        // A container that ends restarts in place: same ports, same meetings, the fastest recovery.
        restart_policy: Some("Always".to_owned()),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

/// So that a lost node takes down few of the pool's pods. Only a preference: an uneven pool is better than a missing pod.
fn build_spread(template: &PodTemplate, pool: &str) -> TopologySpreadConstraint {
    let labels = [(LABEL_APP_NAME, MEDIA_POD_APP_NAME), (LABEL_POOL, pool)];
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: template.topology_key.clone(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector {
            match_labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            match_expressions: None,
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn build_tolerations(template: &PodTemplate) -> Vec<Toleration> {
    let lost = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(|key| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(LOST_NODE_SECONDS),
        value: None,
    });
    template.tolerations.iter().cloned().chain(lost).collect()
}

fn build_container(template: &PodTemplate, block: PortRange) -> Container {
    Container {
        name: MEDIA_CONTAINER.to_owned(),
        image: Some(template.image.clone()),
        image_pull_policy: template.image_pull_policy.map(|policy| policy.as_str().to_owned()),
        env: Some(build_environment(template, block)),
        ports: Some(build_ports(template, block)),
        resources: template.resources.as_ref().map(build_resources),
        startup_probe: Some(build_probe("/healthz", 1, 60)),
        liveness_probe: Some(build_probe("/healthz", 10, 3)),
        readiness_probe: Some(build_probe("/readyz", 1, 2)),
        volume_mounts: Some(vec![
            build_mount("admission-keys", ADMISSION_KEYS_DIR),
            build_mount("pod-info", POD_INFO_DIR),
        ]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        // The last line of the log says why the pod ended; this brings it into the conditions of the pool and its meetings.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn build_environment(template: &PodTemplate, block: PortRange) -> Vec<EnvVar> {
    let metrics =
        compute_metrics_port(template, block).map(|port| ("CONVENE_METRICS_LISTEN", format!("0.0.0.0:{port}")));
    let destinations = template.plain_destinations.join(",");
    let destinations = (!destinations.is_empty()).then_some(("CONVENE_PLAIN_DESTINATIONS", destinations));
    let variables = [
        ("CONVENE_LISTEN", format!("0.0.0.0:{}", compute_http_port(template, block))),
        ("CONVENE_RTC_PORTS", compute_rtc_ports(template, block).to_string()),
        ("CONVENE_WORKERS", template.workers.to_string()),
        ("CONVENE_ANNOUNCED_ADDRESS_FILE", format!("{POD_INFO_DIR}/{ANNOUNCED_ADDRESSES_FILE}")),
        ("CONVENE_ANNOUNCED_PORTS_FILE", format!("{POD_INFO_DIR}/{ANNOUNCED_PORTS_FILE}")),
        ("CONVENE_ADMISSION_KEYS", format!("{ADMISSION_KEYS_DIR}/{ADMISSION_KEYS_FILE}")),
        ("CONVENE_SHUTDOWN_GRACE", "20s".to_owned()),
        ("CONVENE_LOG_FORMAT", "json".to_owned()),
    ];
    let links = compute_pipe_ports(template, block).map(|ports| {
        let link = compute_own_port(MEDIA_LINK_PORT, block);
        [("CONVENE_LINK_PORT", link.to_string()), ("CONVENE_PIPE_PORTS", ports.to_string())]
    });
    let address = links.as_ref().map(|_| build_field("CONVENE_POD_IP", "status.podIP"));
    let variables = variables.into_iter().chain(metrics).chain(destinations).chain(links.into_iter().flatten());
    let variables =
        variables.map(|(name, value)| EnvVar { name: name.to_owned(), value: Some(value), value_from: None });
    // Tokens for moving a meeting are bound to one pod, so the pod must know which one it is.
    variables.chain([build_field("CONVENE_POD_UID", "metadata.uid")]).chain(address).collect()
}

fn build_field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: None, field_path: path.to_owned() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

fn build_ports(template: &PodTemplate, block: PortRange) -> Vec<ContainerPort> {
    let http = compute_http_port(template, block);
    let is_of_node = template.exposure == Exposure::HostNetwork;
    let mut ports = vec![build_port(HTTP_PORT_NAME.to_owned(), http, "TCP", is_of_node)];
    let metrics = compute_metrics_port(template, block);
    ports.extend(metrics.map(|port| build_port(METRICS_PORT_NAME.to_owned(), port, "TCP", is_of_node)));
    let link = (template.pipe_ports > 0).then(|| compute_own_port(MEDIA_LINK_PORT, block));
    ports.extend(link.map(|port| build_port(LINK_PORT_NAME.to_owned(), port, "TCP", false)));
    let is_open_on_node = template.uses_node_ports();
    for port in compute_rtc_ports(template, block).ports() {
        ports.push(build_port(format!("rtc-{port}-udp"), port, "UDP", is_open_on_node));
        ports.push(build_port(format!("rtc-{port}-tcp"), port, "TCP", is_open_on_node));
    }
    ports
}

fn build_port(name: String, port: u16, protocol: &str, is_open_on_node: bool) -> ContainerPort {
    ContainerPort {
        name: Some(name),
        container_port: i32::from(port),
        host_port: is_open_on_node.then(|| i32::from(port)),
        protocol: Some(protocol.to_owned()),
        host_ip: None,
    }
}

fn build_resources(resources: &ContainerResources) -> ResourceRequirements {
    let quantities = |amounts: &BTreeMap<String, IntOrString>| {
        let amounts: BTreeMap<_, _> =
            amounts.iter().map(|(name, amount)| (name.clone(), Quantity(compute_quantity(amount)))).collect();
        (!amounts.is_empty()).then_some(amounts)
    };
    ResourceRequirements {
        limits: quantities(&resources.limits),
        requests: quantities(&resources.requests),
        claims: None,
    }
}

fn compute_quantity(amount: &IntOrString) -> String {
    match amount {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn build_probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(HTTP_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

fn build_mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), read_only: Some(true), ..VolumeMount::default() }
}

/// Naming the key makes the pod wait until it exists, instead of starting without it.
fn build_admission_keys_volume(template: &PodTemplate) -> Volume {
    Volume {
        name: "admission-keys".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: template.admission_keys.clone(),
            items: Some(vec![KeyToPath {
                key: ADMISSION_KEYS_FILE.to_owned(),
                path: ADMISSION_KEYS_FILE.to_owned(),
                mode: None,
            }]),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn build_pod_info_volume() -> Volume {
    let file = |path: &str, annotation: &str| DownwardAPIVolumeFile {
        path: path.to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: format!("metadata.annotations['{annotation}']"),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    Volume {
        name: "pod-info".to_owned(),
        downward_api: Some(DownwardAPIVolumeSource {
            items: Some(vec![
                file(ANNOUNCED_ADDRESSES_FILE, ANNOTATION_ANNOUNCED_ADDRESSES),
                file(ANNOUNCED_PORTS_FILE, ANNOTATION_ANNOUNCED_PORTS),
            ]),
            ..DownwardAPIVolumeSource::default()
        }),
        ..Volume::default()
    }
}

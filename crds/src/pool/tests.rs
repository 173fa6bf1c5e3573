#![allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]

use serde_json::{Value, json};

use super::*;

fn pool(patch: Value) -> MediaPool {
    let mut spec = json!({"rtcPorts": {"min": 40000, "max": 40099}});
    spec.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    MediaPool::new("default", serde_json::from_value(spec).unwrap())
}

fn refusal(patch: Value) -> String {
    pool(patch).validate_cel().unwrap_err().to_string()
}

#[test]
fn the_ports_alone_make_a_complete_pool() {
    let spec = pool(json!({})).spec;
    assert_eq!((spec.workers_per_pod, spec.plain_ports, spec.warm, spec.max), (1, 0, 1, 10));
    assert_eq!(spec.exposure, Exposure::HostPort);
    assert_eq!(spec.capacity, Capacity { participants: 200, meetings: 1000 });
    assert_eq!(spec.announced_address.policy, AddressPolicy::NodeAddress);
    pool(json!({})).validate_cel().unwrap();
}

#[test]
fn an_inverted_port_range_is_refused() {
    assert!(refusal(json!({"rtcPorts": {"min": 40010, "max": 40000}})).contains("swap them"));
}

#[test]
fn a_port_range_without_room_for_one_pod_is_refused() {
    let three_ports = json!({"min": 40000, "max": 40002});
    let message = refusal(json!({"rtcPorts": three_ports, "workersPerPod": 2, "plainPorts": 2}));
    assert!(message.contains("no room for a single pod"), "{message}");
    pool(json!({"rtcPorts": three_ports, "workersPerPod": 2, "plainPorts": 1})).validate_cel().unwrap();
}

#[test]
fn more_spare_pods_than_pods_are_refused() {
    assert!(refusal(json!({"warm": 3, "max": 2})).contains("raise max"));
}

#[test]
fn fixed_needs_addresses_and_addresses_need_fixed() {
    assert!(refusal(json!({"announcedAddress": {"policy": "Fixed"}})).contains("needs the addresses"));
    assert!(refusal(json!({"announcedAddress": {"addresses": ["203.0.113.7"]}})).contains("only under policy Fixed"));
    let fixed = json!({"announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7", "2001:db8::7"]}});
    pool(fixed).validate_cel().unwrap();
}

#[test]
fn a_host_name_is_no_announced_address() {
    let message = refusal(json!({"announcedAddress": {"policy": "Fixed", "addresses": ["media.example.com"]}}));
    assert!(message.contains("host names are not possible"), "{message}");
}

#[test]
fn the_node_network_needs_one_port_more() {
    let message = refusal(json!({"rtcPorts": {"min": 40000, "max": 40000}, "exposure": "HostNetwork"}));
    assert!(message.contains("one port more"), "{message}");
}

#[test]
fn a_name_that_no_pod_could_carry_is_refused() {
    let mut long = pool(json!({}));
    long.metadata.name = Some("p".repeat(41));
    assert!(long.validate_cel().unwrap_err().to_string().contains("at most 40"));
}

#[test]
fn whatever_is_left_out_has_its_default() {
    let spec = pool(json!({})).spec;
    assert_eq!(spec.drain, Drain { deadline_seconds: 300, pace: 2 });
    assert_eq!(spec.rollout, Rollout { max_surge: 1 });
    assert_eq!(spec.topology_key, "kubernetes.io/hostname");
    assert_eq!(spec.allowed_namespaces, AllowedNamespaces { from: NamespacesFrom::All, selector: None });
    assert!(spec.probe_media && spec.ice_servers.is_empty() && spec.image_pull_secrets.is_empty());
    assert_eq!(spec.priority_class_name, None);
    let halves = pool(json!({"drain": {"pace": 9}, "allowedNamespaces": {}})).spec;
    assert_eq!((halves.drain.deadline_seconds, halves.drain.pace), (300, 9));
    assert_eq!(halves.allowed_namespaces.from, NamespacesFrom::All);
}

#[test]
fn a_selector_goes_with_from_selector_and_with_nothing_else() {
    let allowed = |allowed: Value| pool(json!({"allowedNamespaces": allowed}));
    let selector = json!({"matchLabels": {"meetings": "yes"}});
    allowed(json!({"from": "Selector", "selector": selector})).validate_cel().unwrap();
    allowed(json!({"from": "Same"})).validate_cel().unwrap();
    for wrong in [
        json!({"from": "Selector"}),
        json!({"from": "All", "selector": selector}),
        json!({"from": "Same", "selector": selector}),
        json!({"selector": selector}),
    ] {
        let message = allowed(wrong.clone()).validate_cel().unwrap_err().to_string();
        assert!(message.contains("selector belongs to from: Selector"), "{wrong}: {message}");
    }
}

#[test]
fn ice_servers_have_addresses_of_their_kind() {
    let with = |url: &str| json!({"iceServers": [{"urls": ["stun:stun.example.com:3478", url]}]});
    for good in ["stuns:stun.example.com", "turn:turn.example.com:3478", "turns:turn.example.com:5349?transport=tcp"] {
        pool(with(good)).validate_cel().unwrap();
    }
    for bad in ["https://turn.example.com", "turn.example.com", "turn:a b", "xturn:a.example.com", "turn:"] {
        let message = refusal(with(bad));
        assert!(message.contains("must begin with stun:"), "{bad}: {message}");
    }
}

#[test]
fn kubectl_scale_sets_the_spare_pods() {
    let definition = serde_json::to_value(<MediaPool as kube::CustomResourceExt>::crd()).unwrap();
    let version = definition.pointer("/spec/versions/0").unwrap();
    let scale = json!({
        "specReplicasPath": ".spec.warm",
        "statusReplicasPath": ".status.pods.warm",
        "labelSelectorPath": ".status.selector",
    });
    assert_eq!(version["subresources"], json!({"scale": scale, "status": {}}));
}

#[test]
fn kubectl_get_shows_pods_and_room_and_on_request_the_reason() {
    let definition = serde_json::to_value(<MediaPool as kube::CustomResourceExt>::crd()).unwrap();
    let columns = definition.pointer("/spec/versions/0/additionalPrinterColumns").unwrap().as_array().unwrap();
    let named = |wide: bool| -> Vec<&str> {
        let shown = columns.iter().filter(|column| column["priority"].as_i64().is_some_and(|at| at > 0) == wide);
        shown.filter_map(|column| column["name"].as_str()).collect()
    };
    assert_eq!(named(false), ["Ready", "Spare", "Pods", "Max", "Meetings", "Free ports", "Age"]);
    assert_eq!(named(true), ["Exposure", "Reason"]);
}

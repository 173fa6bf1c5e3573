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
    assert!(message.contains("too small for a single pod"), "{message}");
    pool(json!({"rtcPorts": three_ports, "workersPerPod": 2, "plainPorts": 1})).validate_cel().unwrap();
}

#[test]
fn more_spare_pods_than_pods_are_refused() {
    assert!(refusal(json!({"warm": 3, "max": 2})).contains("raise max"));
}

#[test]
fn fixed_needs_addresses_and_addresses_need_fixed() {
    assert!(refusal(json!({"announcedAddress": {"policy": "Fixed"}})).contains("is required when policy is Fixed"));
    assert!(
        refusal(json!({"announcedAddress": {"addresses": ["203.0.113.7"]}}))
            .contains("only be set when policy is Fixed")
    );
    let fixed = json!({"announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7", "2001:db8::7"]}});
    pool(fixed).validate_cel().unwrap();
}

#[test]
fn a_host_name_is_no_announced_address() {
    let message = refusal(json!({"announcedAddress": {"policy": "Fixed", "addresses": ["media.example.com"]}}));
    assert!(message.contains("host names are not supported"), "{message}");
}

#[test]
fn an_address_that_no_browser_reaches_is_not_announced() {
    let fixed = |address: &str| json!({"announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7", address]}});
    for address in
        ["0.0.0.0", "127.0.0.1", "224.0.0.1", "239.1.2.3", "255.255.255.255", "::", "::1", "0:0::1", "ff02::1"]
    {
        let message = refusal(fixed(address));
        assert!(message.contains("browsers can reach"), "{address}: {message}");
    }
    for address in ["10.0.0.1", "100.127.0.1", "192.0.2.255", "2001:db8::1", "fd00::1"] {
        pool(fixed(address)).validate_cel().unwrap_or_else(|error| panic!("{address}: {error}"));
    }
}

#[test]
fn names_of_images_and_labels_are_well_formed() {
    for (patch, word) in [
        (json!({"image": "media pod:1"}), "image must be"),
        (json!({"image": "-x"}), "image must be"),
        (json!({"topologyKey": "zone/"}), "topologyKey must be"),
        (json!({"topologyKey": "my zone"}), "topologyKey must be"),
    ] {
        let message = refusal(patch.clone());
        assert!(message.contains(word), "{patch}: {message}");
    }
    for patch in [
        json!({"image": "localhost:5000/convene-media-pod:0.1"}),
        json!({"image": "ghcr.io/convene/media-pod@sha256:0123456789abcdef"}),
        json!({"topologyKey": "topology.kubernetes.io/zone"}),
        json!({"topologyKey": "rack"}),
    ] {
        pool(patch.clone()).validate_cel().unwrap_or_else(|error| panic!("{patch}: {error}"));
    }
}

#[test]
fn the_node_network_needs_one_port_more() {
    let message = refusal(json!({"rtcPorts": {"min": 40000, "max": 40000}, "exposure": "HostNetwork"}));
    assert!(message.contains("one more port"), "{message}");
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
    assert_eq!(spec.drain, Drain { deadline_seconds: 300, pace: 20, handover_seconds: 10 });
    assert_eq!(spec.rollout, Rollout { max_surge: 1 });
    assert_eq!(spec.topology_key, "kubernetes.io/hostname");
    assert_eq!(spec.allowed_namespaces, AllowedNamespaces { from: NamespacesFrom::All, selector: None });
    assert_eq!(spec.dedicated_namespaces, spec.allowed_namespaces);
    assert_eq!(spec.namespace_limits, NamespaceLimits { meetings: None, dedicated: 1 });
    assert_eq!((spec.plain_rtp, spec.metrics_ports), (PlainRtp::default(), None));
    assert!(spec.probe_media && spec.ice_servers.is_empty() && spec.image_pull_secrets.is_empty());
    assert_eq!(spec.priority_class_name, None);
    let halves = pool(json!({"drain": {"pace": 9}, "allowedNamespaces": {}})).spec;
    assert_eq!((halves.drain.deadline_seconds, halves.drain.pace), (300, 9));
    assert_eq!(halves.allowed_namespaces.from, NamespacesFrom::All);
}

#[test]
fn a_selector_goes_with_from_selector_and_with_nothing_else() {
    for field in ["allowedNamespaces", "dedicatedNamespaces"] {
        check_selector_rule(|namespaces| pool(json!({field: namespaces})));
    }
}

fn check_selector_rule(allowed: impl Fn(Value) -> MediaPool) {
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
        assert!(message.contains("selector is required when from is Selector"), "{wrong}: {message}");
    }
}

#[test]
fn a_namespace_may_not_have_more_dedicated_meetings_than_meetings() {
    let limits = |limits: Value| json!({"namespaceLimits": limits});
    for good in [
        json!({}),
        json!({"dedicated": 0}),
        json!({"dedicated": 7}),
        json!({"meetings": 1}),
        json!({"meetings": 7, "dedicated": 7}),
    ] {
        pool(limits(good)).validate_cel().unwrap();
    }
    let message = refusal(limits(json!({"meetings": 2, "dedicated": 3})));
    assert!(message.contains("raise meetings"), "{message}");
}

#[test]
fn destinations_of_plain_rtp_are_networks() {
    let with = |network: &str| json!({"plainRtp": {"destinations": ["10.20.0.0/16", network]}});
    for good in ["192.0.2.7/32", "2001:db8:7::/48", "fd00::/8"] {
        pool(with(good)).validate_cel().unwrap();
    }
    for bad in ["10.20.0.0", "10.20.0.0/33", "media.example.com", "10.20.0.0/16,10.30.0.0/16", "::/129"] {
        let message = refusal(with(bad));
        assert!(message.contains("CIDR notation"), "{bad}: {message}");
    }
}

#[test]
fn metrics_in_the_nodes_network_have_a_port_for_each_block_and_none_of_the_media_ports() {
    let with = |min: u16, max: u16, exposure: &str| json!({"exposure": exposure, "workersPerPod": 4, "metricsPorts": {"min": min, "max": max}});
    pool(with(30000, 30019, "HostNetwork")).validate_cel().unwrap();
    let cases = [
        (with(30000, 30018, "HostNetwork"), "metricsPorts is too small"),
        (with(39990, 40009, "HostNetwork"), "must not overlap"),
        (with(40099, 40199, "HostNetwork"), "must not overlap"),
        (with(30019, 30000, "HostNetwork"), "swap them"),
        (with(30000, 30019, "HostPort"), "only be set with exposure HostNetwork"),
    ];
    for (patch, sentence) in cases {
        let message = refusal(patch.clone());
        assert!(message.contains(sentence), "{patch}: {message}");
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
        assert!(message.contains("must start with stun:"), "{bad}: {message}");
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

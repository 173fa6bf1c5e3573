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

use serde_json::{Value, json};

use super::*;
use crate::fixtures::pool;

fn built(spec: Value) -> Value {
    let pool = pool(spec);
    let block = PortRange::new(41000, 41000 + u16::try_from(pool.template.block_size()).unwrap() - 1).unwrap();
    serde_json::to_value(build_pod(&pool, &NewPod { name: "media-lagoon-41000".into(), block })).unwrap()
}

fn environment(pod: &Value) -> BTreeMap<&str, &str> {
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    variables.iter().map(|variable| (variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap())).collect()
}

#[test]
fn a_pod_has_everything_it_needs_and_nothing_more() {
    let pod =
        built(json!({"workersPerPod": 1, "plainPorts": 1, "resources": {"requests": {"cpu": 1, "memory": "128Mi"}}}));
    let mut golden: Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    golden["metadata"]["labels"]["convene.dev/revision"] = pod["metadata"]["labels"]["convene.dev/revision"].clone();
    assert_eq!(pod, golden, "{}", serde_json::to_string_pretty(&pod).unwrap());
}

#[test]
fn in_the_nodes_network_signaling_has_a_port_of_the_block() {
    let pod = built(json!({"workersPerPod": 2, "exposure": "HostNetwork"}));
    assert_eq!(pod["spec"]["hostNetwork"], true);
    assert_eq!(environment(&pod)["CONVENE_LISTEN"], "0.0.0.0:41002");
    assert_eq!(environment(&pod)["CONVENE_RTC_PORTS"], "41000-41001");
    assert_eq!(pod["spec"]["containers"][0]["ports"][0]["containerPort"], 41002);
}

#[test]
fn without_node_ports_no_port_of_the_node_is_taken() {
    let pod = built(json!({"workersPerPod": 2, "exposure": "PodIP"}));
    let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
    assert_eq!(ports.len(), 5);
    assert!(ports.iter().all(|port| port.get("hostPort").is_none()), "{ports:?}");
}

#[test]
fn fixed_addresses_are_known_from_the_start() {
    let addresses = json!({"policy": "Fixed", "addresses": ["203.0.113.7", "2001:db8::7"]});
    let pod = built(json!({"announcedAddress": addresses}));
    assert_eq!(pod["metadata"]["annotations"]["convene.dev/announced-addresses"], "203.0.113.7,2001:db8::7");
}

#[test]
fn the_revision_changes_with_the_pods_and_only_with_them() {
    let base = pool(json!({})).revision;
    assert_eq!(base.len(), 10);
    for same in [
        json!({"warm": 3}),
        json!({"max": 4}),
        json!({"rtcPorts": {"min": 50000, "max": 50099}}),
        json!({"capacity": {"meetings": 3}}),
    ] {
        assert_eq!(pool(same.clone()).revision, base, "{same}");
    }
    let others = [
        json!({"image": "registry.test/media:2"}),
        json!({"workersPerPod": 2}),
        json!({"plainPorts": 1}),
        json!({"exposure": "PodIP"}),
        json!({"exposure": "HostNetwork"}),
        json!({"exposure": "NodePort"}),
        json!({"exposure": "LoadBalancer"}),
        json!({"priorityClassName": "calls"}),
        json!({"topologyKey": "topology.kubernetes.io/zone"}),
        json!({"nodeSelector": {"deck": "upper"}}),
        json!({"resources": {"limits": {"cpu": "1"}}}),
        json!({"announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7"]}}),
    ];
    for other in others {
        assert_ne!(pool(other.clone()).revision, base, "{other}");
    }
}

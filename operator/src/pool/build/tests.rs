use serde_json::{Value, json};

use super::*;
use crate::{fixtures::pool, model::pod_spec::compute_metrics_port};

fn built(spec: Value) -> Value {
    let pool = pool(spec);
    let block = PortRange::new(41000, 41000 + u16::try_from(pool.template.block_size()).unwrap() - 1).unwrap();
    serde_json::to_value(build_pod(&pool, &NewPod { name: "media-lagoon-41000".into(), block })).unwrap()
}

fn environment(pod: &Value) -> BTreeMap<&str, &str> {
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    variables.iter().filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?))).collect()
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
    assert_eq!(ports.len(), 6);
    assert!(ports.iter().all(|port| port.get("hostPort").is_none()), "{ports:?}");
}

#[test]
fn metrics_have_a_port_that_no_other_part_of_the_pod_has() {
    let of = |pod: &Value, name: &str| -> Vec<u64> {
        let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap().iter();
        ports.filter(|port| port["name"] == name).map(|port| port["containerPort"].as_u64().unwrap()).collect()
    };
    for (first, http, metrics) in [(41000, 8080, 9090), (8070, 8086, 9090), (9080, 8080, 9096), (8080, 8096, 9090)] {
        let pool = pool(json!({"workersPerPod": 16, "rtcPorts": {"min": 1024, "max": 65000}}));
        let block = PortRange::new(first, first + 15).unwrap();
        let pod = serde_json::to_value(build_pod(&pool, &NewPod { name: "media-lagoon-1".into(), block })).unwrap();
        assert_eq!((of(&pod, "http"), of(&pod, "metrics")), (vec![http], vec![metrics]), "{first}");
        assert_eq!(environment(&pod)["CONVENE_METRICS_LISTEN"], format!("0.0.0.0:{metrics}"));
        let numbers: Vec<_> = pod["spec"]["containers"][0]["ports"].as_array().unwrap().iter().collect();
        let tcp = numbers.iter().filter(|port| port["protocol"] == "TCP").map(|port| port["containerPort"].as_u64());
        let different: std::collections::BTreeSet<_> = tcp.collect();
        assert_eq!(different.len(), 18, "{first}");
    }
}

#[test]
fn in_the_nodes_network_metrics_are_off_or_have_a_port_of_their_own_for_each_block() {
    let off = built(json!({"exposure": "HostNetwork"}));
    assert!(!environment(&off).contains_key("CONVENE_METRICS_LISTEN"));
    let ports = json!({"min": 30000, "max": 30010});
    for first in [41000, 41001, 41003] {
        let rtc = json!({"min": first, "max": first + 39});
        let pool = pool(json!({"exposure": "HostNetwork", "workersPerPod": 3, "rtcPorts": rtc, "metricsPorts": ports}));
        let blocks = (0..10).map(|number| PortRange::new(first + number * 4, first + number * 4 + 3).unwrap());
        let found: std::collections::BTreeSet<_> =
            blocks.map(|block| compute_metrics_port(&pool.template, block)).collect();
        assert_eq!(found.len(), 10, "{first}");
        assert!(found.iter().all(|port| port.is_some_and(|port| (30000..=30010).contains(&port))), "{found:?}");
    }
    let on = built(json!({"exposure": "HostNetwork", "metricsPorts": ports}));
    let port = &on["spec"]["containers"][0]["ports"][1];
    assert_eq!((&port["name"], &port["hostPort"]), (&json!("metrics"), &port["containerPort"]));
    assert_eq!(environment(&on)["CONVENE_METRICS_LISTEN"], format!("0.0.0.0:{}", port["containerPort"]));
}

#[test]
fn plain_rtp_goes_to_the_networks_that_the_pool_names() {
    assert!(!environment(&built(json!({}))).contains_key("CONVENE_PLAIN_DESTINATIONS"));
    let pod = built(json!({"plainRtp": {"destinations": ["10.20.0.0/16", "2001:db8:7::/48"]}}));
    assert_eq!(environment(&pod)["CONVENE_PLAIN_DESTINATIONS"], "10.20.0.0/16,2001:db8:7::/48");
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
        json!({"namespaceLimits": {"meetings": 3, "dedicated": 0}}),
        json!({"dedicatedNamespaces": {"from": "Same"}}),
        json!({"plainRtp": {"destinations": []}}),
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
        json!({"plainRtp": {"destinations": ["10.20.0.0/16"]}}),
        json!({"resources": {"limits": {"cpu": "1"}}}),
        json!({"announcedAddress": {"policy": "Fixed", "addresses": ["203.0.113.7"]}}),
    ];
    for other in others {
        assert_ne!(pool(other.clone()).revision, base, "{other}");
    }
}

#[test]
fn with_ports_for_streams_a_pod_serves_meetings_of_other_pods() {
    let without = built(json!({}));
    assert!(!environment(&without).keys().any(|name| name.contains("LINK") || name.contains("PIPE")));
    let pod = built(json!({"pipePorts": 8}));
    let found = environment(&pod);
    assert_eq!((found["CONVENE_LINK_PORT"], found["CONVENE_PIPE_PORTS"]), ("9443", "20000-20007"));
    let container = &pod["spec"]["containers"][0];
    let is_address = |variable: &&Value| variable["name"] == "CONVENE_POD_IP";
    let address = container["env"].as_array().unwrap().iter().find(is_address).unwrap();
    assert_eq!(address["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP");
    let link = container["ports"].as_array().unwrap().iter().find(|port| port["name"] == "link").unwrap();
    assert_eq!((&link["containerPort"], link.get("hostPort")), (&json!(9443), None));
    let pool = pool(json!({"pipePorts": 8, "rtcPorts": {"min": 1024, "max": 65000}}));
    let block = PortRange::new(19_999, 19_999).unwrap();
    let beside = |first: u16| PortRange::new(first, first).unwrap();
    let ports_beside = |block: PortRange| {
        let pod = serde_json::to_value(build_pod(&pool, &NewPod { name: "m".into(), block })).unwrap();
        environment(&pod)["CONVENE_PIPE_PORTS"].to_owned()
    };
    assert_eq!(
        [block, beside(20_007), beside(20_008)].map(ports_beside),
        ["20000-20007", "22000-22007", "20000-20007"]
    );
}

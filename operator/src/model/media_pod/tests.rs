use serde_json::{Value, json};

use super::*;
use crate::fixtures::pod_object;

fn state(patch: Value) -> PodState {
    MediaPod::from_pod(&pod_object(patch)).state
}

fn container(state: &Value, restarts: i32, last: &Value) -> Value {
    let status = json!({
        "name": "media-pod", "image": "registry.test/media:9", "imageID": "", "ready": false, "restartCount": restarts,
        "state": state, "lastState": last,
    });
    json!({"status": {"conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [status]}})
}

#[test]
fn a_ready_pod_says_where_it_is() {
    let pod = MediaPod::from_pod(&pod_object(json!({})));
    assert_eq!(pod.state, PodState::Ready);
    let assigned = pod.to_assigned();
    assert_eq!((assigned.name.as_str(), assigned.uid.as_str()), ("media-lagoon-41000", "pod-uid"));
    assert_eq!((assigned.ip.as_deref(), assigned.port), (Some("10.9.8.7"), Some(8080)));
    assert_eq!(assigned.addresses, ["203.0.113.7", "2001:db8::7"]);
    assert_eq!(assigned.rtc_ports.as_deref(), Some("41000-41003"));
}

#[test]
fn in_the_nodes_network_the_signaling_port_belongs_to_the_block() {
    let spec = json!({"hostNetwork": true, "containers": [{"name": "media-pod", "ports": [{"name": "http", "containerPort": 41004}]}]});
    let pod = MediaPod::from_pod(&pod_object(json!({"spec": spec})));
    assert_eq!(pod.block.unwrap().to_string(), "41000-41004");
    assert_eq!((pod.http_port, pod.uses_node_ports), (41004, true));
}

#[test]
fn a_pod_that_goes_away_is_no_use_however_ready_it_is() {
    let deleted = |conditions: Value| {
        MediaPod::from_pod(&pod_object(json!({
            "metadata": {"deletionTimestamp": "2030-01-01T00:00:00Z"}, "status": {"conditions": conditions},
        })))
    };
    for (ready, can_hand_over) in [("True", true), ("False", false)] {
        let pod = deleted(json!([{"type": "Ready", "status": ready}]));
        assert_eq!((&pod.state, pod.is_open()), (&PodState::Terminating, false));
        assert_eq!(pod.can_hand_over(), can_hand_over, "its rooms go with its process");
    }
}

#[test]
fn an_ended_pod_is_dead_with_its_cause() {
    let PodState::Dead(reason) = state(json!({"status": {"phase": "Failed", "reason": "NodePorts"}})) else { panic!() };
    assert_eq!(reason.code, "PodFailed");
    assert!(reason.message.contains("NodePorts"), "{}", reason.message);
}

#[test]
fn a_waiting_pod_says_what_for() {
    let unscheduled = |message: &str| {
        let conditions =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]);
        json!({"spec": {"nodeName": null}, "status": {"conditions": conditions}})
    };
    let pull = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}});
    let not_ready = json!([{"type": "Ready", "status": "False"}]);
    let cases = [
        (
            unscheduled("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."),
            "PortsTaken",
            "free ports",
        ),
        (unscheduled("0/2 nodes are available: 2 Insufficient cpu."), "Unschedulable", "Insufficient cpu"),
        (container(&pull, 0, &json!({})), "ImagePullFailed", "registry.test/media:9"),
        (json!({"status": {"conditions": not_ready}, "spec": {"nodeName": null}}), "PodNotReady", "waiting for a node"),
        (
            json!({"status": {"conditions": not_ready}, "metadata": {"annotations": {"convene.dev/announced-addresses": ""}}}),
            "PodNotReady",
            "address to announce",
        ),
        (container(&json!({"running": {}}), 0, &json!({})), "PodNotReady", "readiness probe"),
        (
            container(&json!({"waiting": {"reason": "ContainerCreating"}}), 0, &json!({})),
            "PodNotReady",
            "ContainerCreating",
        ),
    ];
    for (patch, reason, words) in cases {
        let PodState::Starting(found) = state(patch.clone()) else { panic!("{patch}") };
        assert_eq!(found.code, reason, "{patch}");
        assert!(found.message.contains(words) && found.message.contains("media-lagoon-41000"), "{}", found.message);
    }
}

#[test]
fn a_crashing_pod_is_given_up_after_some_restarts() {
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let last = json!({"terminated": {"exitCode": 2, "message": "starting\nerror: the port 41000 is taken\n"}});
    let PodState::Crashing(reason) = state(container(&waiting, MAX_RESTARTS - 1, &last)) else { panic!() };
    assert!(reason.message.contains("exit code 2, error: the port 41000 is taken"), "{}", reason.message);
    assert!(matches!(state(container(&waiting, MAX_RESTARTS, &last)), PodState::Dead(_)));
}

#[test]
fn a_pod_whose_process_has_just_ended_is_crashing_however_often_it_did() {
    let ended = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    for restarts in [0, 1, MAX_RESTARTS] {
        let PodState::Crashing(reason) = state(container(&ended, restarts, &json!({}))) else { panic!("{restarts}") };
        assert_eq!(reason.code, "PodCrashing");
        assert!(reason.message.contains("restarting: exit code 137, OOMKilled"), "{}", reason.message);
    }
}

#[test]
fn a_missing_image_has_the_same_message_while_failing_and_backing_off() {
    let failing = json!({"waiting": {"reason": "ErrImagePull", "message": "no such host"}});
    let pausing = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\": ErrImagePull: no such host"}});
    let none = json!({});
    assert_eq!(state(container(&failing, 0, &none)), state(container(&pausing, 0, &none)));
}

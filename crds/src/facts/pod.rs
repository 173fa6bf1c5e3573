//! Signaling port, announced addresses and readiness of a media pod.

use k8s_openapi::api::core::v1::{Pod, PodCondition};

use crate::names::{ANNOTATION_ANNOUNCED_ADDRESSES, HTTP_PORT_NAME, MEDIA_HTTP_PORT, TRUE};

/// The port for signaling and the admin API. It is the declared container port, because pods in the network of their node do not use the
/// default.
pub fn signaling_port(pod: &Pod) -> u16 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let http = ports.find(|port| port.name.as_deref() == Some(HTTP_PORT_NAME));
    http.and_then(|port| u16::try_from(port.container_port).ok()).unwrap_or(MEDIA_HTTP_PORT)
}

/// The announced addresses, in order of preference; empty until the operator has written them.
pub fn announced_addresses(pod: &Pod) -> impl Iterator<Item = &str> {
    let annotation = pod.metadata.annotations.as_ref().and_then(|all| all.get(ANNOTATION_ANNOUNCED_ADDRESSES));
    let addresses = annotation.map(String::as_str).unwrap_or_default().split(',');
    addresses.map(str::trim).filter(|address| !address.is_empty())
}

/// The condition with this type in the status of the pod.
pub fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == type_)
}

/// Whether the pod is ready.
pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == TRUE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: serde_json::Value) -> Pod {
        serde_json::from_value(value).expect("a Pod")
    }

    #[test]
    fn the_declared_port_wins_over_the_usual_one() {
        let with =
            |ports: serde_json::Value| pod(json!({"spec": {"containers": [{"name": "media-pod", "ports": ports}]}}));
        assert_eq!(signaling_port(&with(json!([{"name": "http", "containerPort": 40003}]))), 40003);
        assert_eq!(signaling_port(&with(json!([{"name": "rtc-40000", "containerPort": 40000}]))), MEDIA_HTTP_PORT);
        assert_eq!(signaling_port(&Pod::default()), MEDIA_HTTP_PORT);
    }

    #[test]
    fn announced_addresses_are_a_list_without_gaps() {
        let with = |text: &str| pod(json!({"metadata": {"annotations": {ANNOTATION_ANNOUNCED_ADDRESSES: text}}}));
        assert_eq!(announced_addresses(&with("10.0.0.1, ,host")).collect::<Vec<_>>(), ["10.0.0.1", "host"]);
        assert_eq!(announced_addresses(&Pod::default()).next(), None);
    }

    #[test]
    fn ready_is_what_the_condition_says() {
        let with = |status: &str| pod(json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}));
        assert_eq!(["True", "False", "Unknown"].map(|status| is_ready(&with(status))), [true, false, false]);
        assert!(!is_ready(&Pod::default()));
    }
}

//! The Service of a media pod (exposures `NodePort` and `LoadBalancer`): how it is built, and which endpoints it provides.
//!
//! Pure. Each pod has its own Service: media has to reach exactly this pod, and UDP and TCP get separate ports.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use convene_crds::{
    Exposure,
    names::{LABEL_APP_NAME, LABEL_MANAGED_BY, LABEL_POD, LABEL_POOL, MANAGED_BY, MEDIA_POD_APP_NAME},
};
use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::{apis::meta::v1::OwnerReference, util::intstr::IntOrString},
};
use kube::api::ObjectMeta;

use crate::model::{media_pod::MediaPod, valid_pool::ValidPool};

/// The addresses and ports at which a pod's Service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceEndpoints {
    /// Addresses of the load balancer; empty for ports of nodes.
    pub(crate) addresses: Vec<String>,
    /// `PORT/PROTOCOL=ANNOUNCED`, comma-separated; empty where the numbers are the same.
    pub(crate) ports: String,
}

/// The Service of `pod`, which owns it. `None` if the pod has no ports, which only a manual edit can cause.
pub(crate) fn build_service(pool: &ValidPool, pod: &MediaPod) -> Option<Service> {
    let labels = [
        (LABEL_APP_NAME, MEDIA_POD_APP_NAME),
        (LABEL_MANAGED_BY, MANAGED_BY),
        (LABEL_POOL, pool.name.as_str()),
        (LABEL_POD, pod.name.as_str()),
    ];
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    Some(Service {
        metadata: ObjectMeta {
            name: Some(pod.name.clone()),
            namespace: Some(pool.namespace.clone()),
            labels: Some(labels.map(text).into()),
            owner_references: Some(vec![build_owner(pod)]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some(type_of(pool.template.exposure).to_owned()),
            selector: Some([(LABEL_APP_NAME, MEDIA_POD_APP_NAME), (LABEL_POD, pod.name.as_str())].map(text).into()),
            // Avoids a second hop and keeps the client's address.
            external_traffic_policy: Some("Local".to_owned()),
            // Media reaches a starting pod too: readiness is about participants, and the probe must get there.
            publish_not_ready_addresses: Some(true),
            ports: Some(build_ports(pod)?),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

const fn type_of(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::LoadBalancer => "LoadBalancer",
        Exposure::NodePort | Exposure::HostPort | Exposure::HostNetwork | Exposure::PodIp => "NodePort",
    }
}

fn build_owner(pod: &MediaPod) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn build_ports(pod: &MediaPod) -> Option<Vec<ServicePort>> {
    let both = pod.rtc_ports?.ports().flat_map(|port| [(port, "UDP"), (port, "TCP")]);
    let build = |(port, protocol): (u16, &str)| ServicePort {
        name: Some(format!("rtc-{port}-{}", protocol.to_lowercase())),
        port: i32::from(port),
        target_port: Some(IntOrString::Int(i32::from(port))),
        protocol: Some(protocol.to_owned()),
        ..ServicePort::default()
    };
    Some(both.map(build).collect())
}

/// The endpoints of `service`; `None` until Kubernetes and the cloud provider have assigned them.
pub(crate) fn read_service(service: &Service) -> Option<ServiceEndpoints> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("LoadBalancer") {
        let balancer = service.status.as_ref()?.load_balancer.as_ref()?;
        let addresses: Vec<_> = balancer.ingress.iter().flatten().filter_map(|ingress| ingress.ip.clone()).collect();
        return (!addresses.is_empty()).then_some(ServiceEndpoints { addresses, ports: String::new() });
    }
    let mapped = spec.ports.iter().flatten().map(|port| {
        let announced = port.node_port.filter(|port| *port > 0)?;
        let protocol = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
        Some(((port.port, protocol.clone()), format!("{}/{protocol}={announced}", port.port)))
    });
    let mapped: BTreeMap<_, _> = mapped.collect::<Option<_>>()?;
    (!mapped.is_empty())
        .then(|| ServiceEndpoints { addresses: Vec::new(), ports: mapped.into_values().collect::<Vec<_>>().join(",") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{media_pod, pool},
        model::media_pod::PodState,
    };

    #[test]
    fn a_service_opens_every_media_port_of_one_pod_by_udp_and_tcp() {
        let pool = pool(json!({"exposure": "NodePort"}));
        let pod = media_pod(&pool, 0, PodState::Ready);
        let service = serde_json::to_value(build_service(&pool, &pod).unwrap()).unwrap();
        assert_eq!(service["spec"]["type"], "NodePort");
        assert_eq!(service["spec"]["externalTrafficPolicy"], "Local");
        assert_eq!(service["spec"]["selector"]["convene.dev/pod"], "media-lagoon-41000");
        assert_eq!(service["metadata"]["ownerReferences"][0]["uid"], "media-lagoon-41000-uid");
        assert_eq!(service["spec"]["ports"].as_array().unwrap().len(), 8);
        assert_eq!(service["spec"]["ports"][1]["name"], "rtc-41000-tcp");
    }

    fn service(object: serde_json::Value) -> Service {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn ports_of_nodes_are_announced_once_all_are_assigned() {
        let port = |protocol: &str, node_port: serde_json::Value| json!({"name": "p", "port": 41000, "protocol": protocol, "nodePort": node_port});
        let with =
            |udp, tcp| service(json!({"spec": {"type": "NodePort", "ports": [port("UDP", udp), port("TCP", tcp)]}}));
        let endpoints = read_service(&with(json!(31001), json!(31002))).unwrap();
        assert_eq!(endpoints.ports, "41000/tcp=31002,41000/udp=31001");
        assert_eq!(read_service(&with(json!(31001), json!(null))), None);
        assert_eq!(read_service(&service(json!({"spec": {"type": "NodePort"}}))), None);
    }

    #[test]
    fn a_load_balancer_is_announced_by_its_addresses() {
        let with = |ingress: serde_json::Value| {
            service(json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}}}))
        };
        let endpoints = read_service(&with(json!([{"ip": "203.0.113.9"}, {"ip": "2001:db8::9"}]))).unwrap();
        assert_eq!((endpoints.addresses.len(), endpoints.ports.as_str()), (2, ""));
        assert_eq!(read_service(&with(json!([]))), None);
        assert_eq!(read_service(&with(json!([{"hostname": "lb.example.com"}]))), None);
    }
}

//! Pools and pods for tests; their names differ from anything in the product.

#![allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]

use convene_crds::{MediaPool, Meeting};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::model::{
    media_pod::{MediaPod, PodState},
    ports::PortRange,
    reason::Reason,
    valid_pool::{PodDefaults, ValidPool, validate_pool},
};

pub(crate) fn defaults() -> PodDefaults {
    PodDefaults { image: "registry.test/media:1".into(), admission_keys: "lagoon-keys".into() }
}

pub(crate) fn pool_object(spec: Value) -> MediaPool {
    let mut full = json!({"rtcPorts": {"min": 41000, "max": 41039}});
    full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let metadata = json!({"name": "lagoon", "namespace": "harbor", "uid": "pool-uid", "generation": 3});
    let api_version = "convene.dev/v1alpha1";
    serde_json::from_value(json!({"apiVersion": api_version, "kind": "MediaPool", "metadata": metadata, "spec": full}))
        .unwrap()
}

pub(crate) fn pool(spec: Value) -> ValidPool {
    validate_pool(&pool_object(spec), &defaults()).unwrap()
}

pub(crate) fn meeting_object(spec: Value, status: Value) -> Meeting {
    let metadata = json!({"name": "regatta", "namespace": "crew", "uid": "meeting-uid", "generation": 2});
    let api_version = "convene.dev/v1alpha1";
    serde_json::from_value(
        json!({"apiVersion": api_version, "kind": "Meeting", "metadata": metadata, "spec": spec, "status": status}),
    )
    .unwrap()
}

/// A pod of the pool `lagoon` as the controllers see it; its UID is its name with `-uid`.
pub(crate) fn media_pod(pool: &ValidPool, number: u16, state: PodState) -> MediaPod {
    let first = pool.ports.first() + number * 4;
    let block = PortRange::new(first, first + 3).unwrap();
    MediaPod {
        name: format!("media-lagoon-{first}"),
        uid: format!("media-lagoon-{first}-uid"),
        pool: pool.name.clone(),
        is_labelled: true,
        revision: pool.revision.clone(),
        node: Some("pier-1".into()),
        ip: Some("10.9.8.7".into()),
        ips: vec!["10.9.8.7".into()],
        http_port: 8080,
        addresses: vec!["203.0.113.7".into()],
        rtc_ports: Some(block),
        block: Some(block),
        uses_node_ports: true,
        is_serving: state == PodState::Ready,
        state,
        created: jiff::Timestamp::from_second(i64::from(number)).ok(),
        announced_ports: None,
        draining: None,
        is_evictable: false,
        reached: None,
    }
}

pub(crate) fn starting() -> PodState {
    PodState::Starting(Reason::new(convene_crds::reason::POD_NOT_READY, "its container is being created"))
}

/// A `Pod` object with this patch, otherwise ready.
pub(crate) fn pod_object(patch: Value) -> Pod {
    let mut object = json!({
        "metadata": {
            "name": "media-lagoon-41000", "namespace": "harbor", "uid": "pod-uid",
            "labels": {"convene.dev/pool": "lagoon", "convene.dev/revision": "r1"},
            "annotations": {"convene.dev/rtc-ports": "41000-41003", "convene.dev/announced-addresses": "203.0.113.7, 2001:db8::7"},
        },
        "spec": {"nodeName": "pier-1", "containers": [{"name": "media-pod", "ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {
            "phase": "Running", "podIP": "10.9.8.7", "podIPs": [{"ip": "10.9.8.7"}],
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        },
    });
    merge(&mut object, patch);
    serde_json::from_value(object).unwrap()
}

fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

/// An API server that follows a script: each request must be the next one in it, and gets its response.
pub(crate) struct ScriptedServer {
    expected: std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<(String, u16, Value)>>>,
}

impl ScriptedServer {
    /// A client whose requests must be `"METHOD /path"` in this order.
    pub(crate) fn start(script: Vec<(&str, u16, Value)>) -> (Self, kube::Client) {
        let script = script.into_iter().map(|(request, status, answer)| (request.to_owned(), status, answer)).collect();
        let expected = std::sync::Arc::new(std::sync::Mutex::new(script));
        let server = Self { expected: std::sync::Arc::clone(&expected) };
        let service = tower::service_fn(move |request: axum::http::Request<kube::client::Body>| {
            let requested = format!("{} {}", request.method(), request.uri().path());
            let next = expected.lock().unwrap().pop_front();
            let (wanted, status, answer) = next.unwrap_or_else(|| panic!("{requested} was not expected"));
            assert_eq!(requested, wanted);
            let body = kube::client::Body::from(serde_json::to_vec(&answer).unwrap());
            let response = axum::http::Response::builder().status(status).body(body);
            std::future::ready(response)
        });
        (server, kube::Client::new(service, "harbor"))
    }

    /// Asserts that nothing of the script is left.
    pub(crate) fn assert_finished(&self) {
        let left = self.expected.lock().unwrap();
        assert!(left.is_empty(), "not requested: {left:?}");
    }
}

/// An error response of the API server.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

/// A link without pods; it signs with its own key.
fn link() -> crate::pods::link::PodLink {
    let pair = convene_admission_keys::build_key_pair([7; 32]).unwrap();
    let signer = convene_protocol::admission::Signer::from_pem(&pair.private_pem, &pair.kid).unwrap();
    crate::pods::link::PodLink::new(signer)
}

/// A context whose caches use `client`.
pub(crate) fn context(client: &kube::Client) -> crate::context::Context {
    context_and_posts(client).0
}

/// The same, with the queue of events.
pub(crate) fn context_and_posts(client: &kube::Client) -> (crate::context::Context, crate::cluster::events::Posts) {
    let (cache, _ends) = crate::cluster::cache::ClusterCache::new(client.clone(), "harbor".into(), defaults());
    let metrics = crate::metrics::OperatorMetrics::register(&prometheus::Registry::new());
    let (events, posts) = crate::cluster::events::channel(&metrics.events);
    let built = crate::context::Context {
        cache,
        config: crate::config::Config {
            namespace: "harbor".into(),
            public_url: "https://meet.test".into(),
            defaults: defaults(),
            admission_key_secret: "lagoon-key".into(),
            listen: ([127, 0, 0, 1], 0).into(),
            lease: None,
            key_rotation: None,
            intervals: crate::config::Intervals::default(),
        },
        events,
        attempts: crate::model::backoff::Attempts::default(),
        link: link(),
        metrics,
        quarantine: std::sync::Mutex::default(),
        recalled: std::sync::Once::new(),
        count_writes: crate::context::Debounce::new(std::time::Duration::from_secs(3)),
        slots: crate::pods::slots::PodSlots::default(),
        zero: tokio::time::Instant::now(),
        intervals: crate::config::Intervals::default(),
    };
    (built, posts)
}

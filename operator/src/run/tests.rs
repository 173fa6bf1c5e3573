use std::sync::atomic::{AtomicUsize, Ordering};

use base64::{Engine, prelude::BASE64_STANDARD};
use convene_crds::names::{ADMISSION_KEY_ID, ADMISSION_KEYS_FILE, ADMISSION_PRIVATE_KEY};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::context;
use convene_admission_keys::{build_jwks, build_key_pair};

/// A client that serves keys and nothing else; it counts the unanswered requests.
fn client_without_lists() -> (Client, Arc<AtomicUsize>) {
    let unanswered = Arc::new(AtomicUsize::default());
    let count = Arc::clone(&unanswered);
    let service = tower::service_fn(move |request: axum::http::Request<Body>| {
        let answer = keys_at(request.uri().path());
        let count = Arc::clone(&count);
        async move {
            let Some(answer) = answer else {
                count.fetch_add(1, Ordering::Relaxed);
                return std::future::pending().await;
            };
            axum::http::Response::builder().status(200).body(Body::from(serde_json::to_vec(&answer).unwrap()))
        }
    });
    (Client::new(service, "harbor"), unanswered)
}

fn keys_at(path: &str) -> Option<Value> {
    let pair = build_key_pair([7; 32]).unwrap();
    let encode = |text: &str| BASE64_STANDARD.encode(text);
    // The contents of a Secret that requires no action: otherwise it would be written repeatedly, because nothing is stored here.
    let record = json!({"current": {"kid": pair.kid, "since": "2020-01-01T00:00:00Z"}}).to_string();
    match path {
        "/api/v1/namespaces/harbor/secrets/lagoon-key" => Some(json!({"metadata": {"name": "lagoon-key"}, "data": {
            (ADMISSION_PRIVATE_KEY): encode(&pair.private_pem), (ADMISSION_KEY_ID): encode(&pair.kid), "rotation.json": encode(&record),
        }})),
        "/api/v1/namespaces/harbor/configmaps/lagoon-keys" => Some(
            json!({"metadata": {"name": "lagoon-keys"}, "data": {(ADMISSION_KEYS_FILE): build_jwks(&pair).unwrap()}}),
        ),
        _ => None,
    }
}

#[tokio::test]
async fn an_operator_that_has_no_lists_yet_stops_at_once() {
    let (client, unanswered) = client_without_lists();
    let config = context(&client).config;
    let metrics = OperatorMetrics::register(&Registry::new());
    // Meetings, pools and pods were requested: both controllers run.
    let stop = async move {
        while unanswered.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
    };
    let acting = run_controllers(client, config, Lookout::new(), metrics, Arc::default(), stop.boxed().shared());
    tokio::time::timeout(Duration::from_mins(1), acting).await.expect("stops").unwrap();
}

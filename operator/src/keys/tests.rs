//! The whole life cycle of the keys against an in-memory API server that may fail at any write, and the exact requests in the simple cases.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::http::{Method, Request, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use convene_admission_keys::{KeyPair, build_jwks, read_key_set};
use convene_protocol::admission::KeySet;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::*;
use crate::fixtures::{ScriptedServer, status};

const SECRET: &str = "/api/v1/namespaces/harbor/secrets/lagoon-key";
const CONFIG_MAP: &str = "/api/v1/namespaces/harbor/configmaps/lagoon-keys";
const PERIOD: Duration = Duration::from_mins(30);
/// Minutes in which a key is generated, ages, and is rotated and forgotten, with spare time for crashes.
const WHOLE_LIFE: i64 = 58;

/// The write at which the operator crashes, and whether the API server has applied it.
#[derive(Clone, Copy, Debug)]
struct Crash {
    writes_before: usize,
    is_taken: bool,
}

/// Secret and `ConfigMap`, and what must hold for them at any time. Minutes are real: the operator's clock may differ.
#[derive(Default)]
struct Cluster {
    secret: BTreeMap<String, String>,
    config_map: BTreeMap<String, String>,
    versions: [u64; 2],
    minute: i64,
    crash: Option<Crash>,
    writes: usize,
    /// When each key was added to the `ConfigMap`.
    known: BTreeMap<String, i64>,
    /// When each key stopped signing.
    ended: BTreeMap<String, i64>,
}

impl Cluster {
    fn object(&self, is_secret: bool) -> Value {
        let version = self.versions[usize::from(is_secret)].to_string();
        let data = if is_secret { &self.secret } else { &self.config_map };
        json!({"metadata": {"name": "x", "namespace": "harbor", "resourceVersion": version}, "data": data})
    }

    fn answer(&mut self, method: &Method, is_secret: bool, patch: &Value) -> (u16, Value) {
        if method == Method::GET {
            return (200, self.object(is_secret));
        }
        assert_eq!(method, Method::PATCH);
        let version =
            patch["metadata"]["resourceVersion"].as_str().expect("every write carries the version that was read");
        if version != self.versions[usize::from(is_secret)].to_string() {
            return (409, status(409, "Conflict", "changed meanwhile"));
        }
        let crash = self.crash.take_if(|crash| crash.writes_before == self.writes);
        if crash.is_none_or(|crash| crash.is_taken) {
            self.take(is_secret, patch);
        }
        self.writes += 1;
        if crash.is_some() { (500, status(500, "InternalError", "gone")) } else { (200, self.object(is_secret)) }
    }

    fn take(&mut self, is_secret: bool, patch: &Value) {
        let before = self.text("kid");
        let data = if is_secret { &mut self.secret } else { &mut self.config_map };
        for (key, value) in patch["data"].as_object().unwrap() {
            match value.as_str() {
                Some(text) => data.insert(key.clone(), text.to_owned()),
                None => data.remove(key),
            };
        }
        self.versions[usize::from(is_secret)] += 1;
        if is_secret { self.check_secret(before) } else { self.check_config_map() }
    }

    /// A key that signs must have been published long enough.
    fn check_secret(&mut self, before: Option<String>) {
        let kid = self.text("kid").expect("the current key is never lost");
        assert!(self.text("private.pem").unwrap().contains("PRIVATE KEY"));
        if let Some(before) = before.filter(|before| *before != kid) {
            let known = self.known.get(&kid).copied().expect("a key is published before it signs");
            assert!(self.minute - known >= 5, "known for {} minutes", self.minute - known);
            self.ended.insert(before, self.minute);
        }
    }

    /// No valid token may become invalid.
    fn check_config_map(&mut self) {
        let now = self.published();
        for kid in self.known.keys().filter(|kid| !now.contains(kid)) {
            assert_ne!(Some(kid), self.text("kid").as_ref(), "the current key stays published");
            if let Some(ended) = self.ended.get(kid) {
                assert!(self.minute - ended >= 15, "trusted for {} minutes more", self.minute - ended);
            }
        }
        self.known =
            now.into_iter().map(|kid| (kid.clone(), self.known.get(&kid).copied().unwrap_or(self.minute))).collect();
    }

    fn text(&self, key: &str) -> Option<String> {
        let bytes = BASE64_STANDARD.decode(self.secret.get(key)?).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    fn published(&self) -> Vec<String> {
        let Some(jwks) = self.config_map.get(ADMISSION_KEYS_FILE) else { return Vec::new() };
        let set: Value = serde_json::from_str(jwks).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}

/// The operator on this cluster, with a clock that may be wrong.
struct Run {
    cluster: Arc<Mutex<Cluster>>,
    client: Client,
    clock_error: i64,
    seeds: u8,
}

impl Run {
    fn start(crash: Option<Crash>) -> Self {
        let cluster = Arc::new(Mutex::new(Cluster { crash, ..Cluster::default() }));
        let shared = Arc::clone(&cluster);
        let service = tower::service_fn(move |request: Request<Body>| {
            let cluster = Arc::clone(&shared);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let patch: Value = serde_json::from_slice(&body).unwrap_or_default();
                assert!([SECRET, CONFIG_MAP].contains(&parts.uri.path()), "{}", parts.uri);
                let answer = cluster.lock().unwrap().answer(&parts.method, parts.uri.path() == SECRET, &patch);
                Response::builder().status(answer.0).body(Body::from(serde_json::to_vec(&answer.1).unwrap()))
            }
        });
        Self { cluster, client: Client::new(service, "harbor"), clock_error: 0, seeds: 0 }
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap()
    }

    /// Checks the keys as often as requested. An error is a crash: the operator is back a minute later.
    async fn pass_minutes(&mut self, minutes: i64) -> usize {
        let end = self.cluster().minute + minutes;
        let mut crashes = 0;
        loop {
            let minute = self.cluster().minute;
            if minute >= end {
                return crashes;
            }
            let now = Timestamp::from_second(1_800_000_000 + (minute + self.clock_error) * 60).unwrap();
            let seeds = &mut self.seeds;
            let seed = || {
                *seeds += 1;
                [*seeds; 32]
            };
            let pause = if let Ok(keys) = home(&self.client).ensure(Some(PERIOD), now, seed).await {
                self.assert_is_current(&keys);
                i64::try_from(keys.check_again.as_secs().div_ceil(60)).unwrap()
            } else {
                crashes += 1;
                1
            };
            self.cluster().minute = end.min(minute + pause);
        }
    }

    fn assert_is_current(&self, keys: &Keys) {
        let (cluster, signer) = (self.cluster(), format!("{:?}", keys.signer));
        let kid = cluster.text("kid").unwrap();
        assert!(cluster.published().contains(&kid));
        assert!(signer.contains(&kid) && !signer.contains("PRIVATE"), "{signer}");
        assert!((Duration::from_secs(1)..=Duration::from_mins(5)).contains(&keys.check_again));
    }
}

fn home(client: &Client) -> KeyHome<'static> {
    KeyHome {
        secrets: Api::namespaced(client.clone(), "harbor"),
        config_maps: Api::namespaced(client.clone(), "harbor"),
        secret: "lagoon-key",
        config_map: "lagoon-keys",
    }
}

#[tokio::test]
async fn a_key_lives_and_is_replaced_in_eight_writes() {
    let mut run = Run::start(None);
    run.pass_minutes(1).await;
    let first = run.cluster().text("kid");
    run.pass_minutes(WHOLE_LIFE).await;
    let cluster = run.cluster();
    assert_eq!(cluster.writes, 8);
    assert_ne!(cluster.text("kid"), first);
    assert_eq!(cluster.published(), [cluster.text("kid").unwrap()]);
    assert_eq!(cluster.text("next.pem"), None);
}

#[tokio::test]
async fn a_crash_at_any_write_is_made_good() {
    for writes_before in 0..8 {
        for is_taken in [false, true] {
            let crash = Crash { writes_before, is_taken };
            let mut run = Run::start(Some(crash));
            assert_eq!(run.pass_minutes(WHOLE_LIFE).await, 1, "{crash:?}");
            let cluster = run.cluster();
            assert_eq!(cluster.ended.len(), 1, "{crash:?}: replaced once");
            assert_eq!(cluster.published(), [cluster.text("kid").unwrap()], "{crash:?}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_at_any_minute_locks_nothing_and_hurries_nothing() {
    // Before and after every step of the life cycle.
    for minute in [0, 1, 29, 31, 34, 36, 49, 51] {
        let mut run = Run::start(None);
        run.pass_minutes(minute).await;
        let replaced = run.cluster().ended.len();
        run.clock_error = -365 * 24 * 60;
        run.pass_minutes(WHOLE_LIFE).await;
        assert!(run.cluster().ended.len() > replaced, "set back at minute {minute}");
    }
}

#[tokio::test]
async fn two_operators_at_once_agree_on_one_key() {
    let run = Run::start(None);
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let one = home(&run.client);
    let (first, second) = tokio::join!(one.ensure(None, now, || [1; 32]), one.ensure(None, now, || [2; 32]));
    run.assert_is_current(&first.unwrap());
    run.assert_is_current(&second.unwrap());
    assert_eq!(run.cluster().published().len(), 1);
}

#[tokio::test]
async fn an_emptied_secret_has_a_new_key_at_once_and_nothing_of_before_is_trusted() {
    let mut run = Run::start(None);
    run.pass_minutes(32).await; // a rotation is under way
    let before = run.cluster().published();
    assert_eq!(before.len(), 2);
    {
        let mut cluster = run.cluster();
        for key in ["private.pem", "kid"] {
            cluster.secret.remove(key);
        }
        cluster.versions[1] += 1;
        cluster.known.clear();
    }
    run.pass_minutes(1).await;
    let cluster = run.cluster();
    assert_eq!(cluster.published(), [cluster.text("kid").unwrap()]);
    assert!(!before.contains(&cluster.published()[0]));
}

fn secret_object(pair: Option<&KeyPair>) -> Value {
    let now = Timestamp::now();
    let patch = pair.map(|pair| Stored::start(pair.clone(), now).build_patch(None));
    let mut data = patch.map_or(json!({}), |patch| patch["data"].clone());
    data.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"metadata": {"name": "lagoon-key", "resourceVersion": "7"}, "data": data})
}

fn config_map_object(pair: Option<&KeyPair>) -> Value {
    let data = pair.map_or(json!({}), |pair| json!({"jwks.json": build_jwks(pair).unwrap()}));
    json!({"metadata": {"name": "lagoon-keys", "resourceVersion": "8"}, "data": data})
}

async fn ensure(script: Vec<(&str, u16, Value)>) -> Result<Keys, KeysError> {
    let (server, client) = ScriptedServer::start(script);
    let keys = ensure_keys(&client, "harbor", "lagoon-key", "lagoon-keys", Some(PERIOD)).await;
    server.assert_finished();
    keys
}

#[tokio::test]
async fn keys_that_are_in_place_are_read_and_nothing_is_written() {
    let pair = build_key_pair([7; 32]).unwrap();
    let (get_secret, get_config_map) = (format!("GET {SECRET}"), format!("GET {CONFIG_MAP}"));
    let script = vec![
        (get_secret.as_str(), 200, secret_object(Some(&pair))),
        (get_config_map.as_str(), 200, config_map_object(Some(&pair))),
    ];
    let keys = ensure(script).await.unwrap();
    assert_eq!(keys.check_again, Duration::from_mins(5));
    assert!(!format!("{keys:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn a_first_key_goes_to_the_secret_and_then_to_the_config_map_and_who_was_faster_wins() {
    let pair = build_key_pair([7; 32]).unwrap();
    let [get_secret, patch_secret] = ["GET", "PATCH"].map(|method| format!("{method} {SECRET}"));
    let [get_config_map, patch_config_map] = ["GET", "PATCH"].map(|method| format!("{method} {CONFIG_MAP}"));
    let conflict = || status(409, "Conflict", "changed meanwhile");
    let script = vec![
        (get_secret.as_str(), 200, secret_object(None)),
        (get_config_map.as_str(), 200, config_map_object(None)),
        (patch_secret.as_str(), 409, conflict()),
        (get_secret.as_str(), 200, secret_object(Some(&pair))),
        (get_config_map.as_str(), 200, config_map_object(None)),
        (patch_config_map.as_str(), 200, config_map_object(Some(&pair))),
        (get_secret.as_str(), 200, secret_object(Some(&pair))),
        (get_config_map.as_str(), 200, config_map_object(Some(&pair))),
    ];
    let keys = ensure(script).await.unwrap();
    let trusted = KeySet::from_jwks(&build_jwks(&pair).unwrap()).unwrap();
    assert_eq!(trusted.verify_admin(&keys.signer.admin(1).unwrap(), 1), Ok(()));
}

#[tokio::test]
async fn each_call_that_fails_has_its_reason() {
    let pair = build_key_pair([7; 32]).unwrap();
    let down = || status(500, "InternalError", "etcd is away");
    let [get_secret, patch_secret] = ["GET", "PATCH"].map(|method| format!("{method} {SECRET}"));
    let [get_config_map, patch_config_map] = ["GET", "PATCH"].map(|method| format!("{method} {CONFIG_MAP}"));
    let (no_key, key) =
        ((get_secret.as_str(), 200, secret_object(None)), (get_secret.as_str(), 200, secret_object(Some(&pair))));
    let empty = (get_config_map.as_str(), 200, config_map_object(None));
    let broken = json!({"metadata": {}, "data": {"kid": "eA=="}});
    let cases = [
        ("SecretNotRead", vec![(get_secret.as_str(), 500, down())]),
        ("SecretInvalid", vec![(get_secret.as_str(), 200, broken)]),
        ("ConfigMapNotRead", vec![key.clone(), (get_config_map.as_str(), 500, down())]),
        ("SecretNotWritten", vec![no_key, empty.clone(), (patch_secret.as_str(), 500, down())]),
        ("ConfigMapNotWritten", vec![key, empty, (patch_config_map.as_str(), 500, down())]),
    ];
    for (reason, script) in cases {
        assert_eq!(ensure(script).await.unwrap_err().reason(), reason);
    }
}

#[tokio::test]
async fn conflicts_without_end_are_given_up_until_the_next_time() {
    let [get_secret, patch_secret] = ["GET", "PATCH"].map(|method| format!("{method} {SECRET}"));
    let get_config_map = format!("GET {CONFIG_MAP}");
    let round = [
        (get_secret.as_str(), 200, secret_object(None)),
        (get_config_map.as_str(), 200, config_map_object(None)),
        (patch_secret.as_str(), 409, status(409, "Conflict", "changed meanwhile")),
    ];
    let script = round.iter().cycle().take(3 * MOST_STEPS).cloned().collect();
    assert_eq!(ensure(script).await.unwrap_err().reason(), "KeysContended");
}

#[test]
fn routers_trust_all_keys_of_a_rotation() {
    let [old, current, next] = [1, 2, 3].map(|seed| build_key_pair([seed; 32]).unwrap());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let stored =
        Stored::start(old.clone(), now).with_next(current.clone()).promote(now).unwrap().with_next(next.clone());
    let mut object = stored.build_patch(None);
    object["metadata"] = json!({"name": "lagoon-key"});
    let keys = read_key_set(&serde_json::from_value(object).unwrap()).unwrap();
    let stranger = build_key_pair([4; 32]).unwrap();
    for (pair, is_trusted) in [(old, true), (current, true), (next, true), (stranger, false)] {
        let token = Signer::from_pem(&pair.private_pem, &pair.kid).unwrap().admin(1_800_000_000).unwrap();
        assert_eq!(keys.verify_admin(&token, 1_800_000_000).is_ok(), is_trusted, "{}", pair.kid);
    }
    assert!(read_key_set(&Secret::default()).is_err(), "an empty Secret gives none");
}

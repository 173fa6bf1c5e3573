//! Fixtures of the tests: records, objects, keys and a web app.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use convene_crds::MeetingPhase;
use convene_crds::facts::MeetingFacts;
use convene_join_token::MeetingKey;
use convene_join_token::{JoinKey, JoinKeys};
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{KeySet, Signer};
use convene_service::http::origin::AllowedOrigins;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::edge::policy::{EdgeConfig, Timeouts};
use crate::index::record::{Assignment, MeetingRecord, PodRecord, WaitReason};
use crate::index::routing_index::RoutingIndex;
use crate::index::select::RouteDecision;
use crate::index::watch::Sink;
use crate::state::{App, SignalSettings};
use crate::web::WebFiles;

pub(crate) fn key(namespace: &str, name: &str) -> MeetingKey {
    MeetingKey::parse(namespace, name).unwrap()
}

pub(crate) fn meeting_record(namespace: &str, name: &str, pod: Option<(&str, &str)>) -> MeetingRecord {
    MeetingRecord {
        key: key(namespace, name),
        uid: format!("uid-{name}"),
        facts: meeting_facts(false),
        phase: if pod.is_some() { MeetingPhase::Ready } else { MeetingPhase::Pending },
        is_deleting: false,
        assignment: pod.map(|(pod, uid)| Assignment { pod: pod.into(), uid: uid.into(), instead_of: None }),
        waiting: WaitReason::new("Pending", "the meeting is being assigned to a media pod"),
        join_url: Some(format!("https://meet.example.org/m/{namespace}/{name}")),
        participants: Some(2),
        is_recorded: false,
        join_as: convene_crds::JoinAs::default(),
        policy: convene_crds::AccessPolicy::Open,
        moderators: Vec::new(),
        may_be_recorded: false,
        pool: "lagoon".into(),
        starts_at: None,
        demo_clients: false,
    }
}

pub(crate) fn meeting_facts(locked: bool) -> MeetingFacts {
    let settings = RoomSettings { title: "Stand-up".into(), max_participants: 10, empty_timeout_seconds: 300, locked };
    MeetingFacts { settings, chat: true, screen_share: true, ..MeetingFacts::default() }
}

pub(crate) fn pod_record(name: &str, uid: &str, address: &str) -> PodRecord {
    let address = Some(address.parse().unwrap());
    PodRecord { name: name.into(), uid: uid.into(), address, is_ready: true, is_terminating: false, announced: None }
}

pub(crate) fn meeting_json(namespace: &str, name: &str, uid: &str, pod: Option<(&str, &str)>) -> Value {
    let pod = pod.map(|(name, uid)| json!({"name": name, "uid": uid}));
    json!({
        "apiVersion": "convene.dev/v1alpha1", "kind": "Meeting",
        "metadata": {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": "1"},
        "spec": {"title": "Stand-up"},
        "status": {"phase": if pod.is_some() { "Ready" } else { "Pending" }, "pod": pod}
    })
}

pub(crate) fn pod_json(name: &str, uid: &str, ip: &str, port: u16, is_ready: bool) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "convene-system", "name": name, "uid": uid, "resourceVersion": "1"},
        "spec": {"containers": [{"name": "media-pod", "ports": [{"name": "http", "containerPort": port}]}]},
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" }}]}
    })
}

/// A signing key and its public key, derived from the id of the key.
pub(crate) struct AdmissionKey {
    pub(crate) pem: String,
    pub(crate) kid: String,
    pub(crate) jwks: String,
}

impl AdmissionKey {
    pub(crate) fn secret_data(&self) -> Value {
        json!({"private.pem": BASE64_STANDARD.encode(&self.pem), "kid": BASE64_STANDARD.encode(&self.kid)})
    }
}

pub(crate) fn admission_key(kid: &str) -> AdmissionKey {
    let mut seed = [7; 32];
    seed[..kid.len()].copy_from_slice(kid.as_bytes());
    let signing = SigningKey::from_bytes(&seed);
    let public = BASE64_URL_SAFE_NO_PAD.encode(signing.verifying_key().as_bytes());
    AdmissionKey {
        pem: signing.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(),
        kid: kid.to_owned(),
        jwks: json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public, "kid": kid}]}).to_string(),
    }
}

pub(crate) fn sink() -> Sink {
    Sink { table: Arc::default(), links: Arc::default(), readiness: Arc::default(), metrics: Arc::default() }
}

/// A temporary directory, removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("convene-router-{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) const INDEX_HTML: &str = "<!doctype html><title>the web app</title>";

pub(crate) fn web_folder() -> Folder {
    let folder = Folder::new();
    folder.write("index.html", INDEX_HTML);
    folder.write("favicon.svg", "<svg/>");
    folder.write("assets/app-0123abcd.js", &"console.log('the web app');\n".repeat(100));
    folder
}

/// An app with short timeouts, a key, and the directory of its web app.
pub(crate) struct Fixture {
    pub(crate) app: App,
    pub(crate) index: RoutingIndex,
    pub(crate) jwks: String,
    pub(crate) folder: Folder,
}

pub(crate) fn settings() -> SignalSettings {
    SignalSettings {
        hold_timeout: Duration::from_secs(30),
        retry_pause: Duration::from_millis(20),
        silence: Duration::from_secs(150),
        stop_spread: Duration::from_millis(20),
        max_held: 100,
        max_sockets: 100,
    }
}

/// Long enough for clients and a router that share a busy machine.
const AMPLE: Timeouts =
    Timeouts { first_request: Duration::from_mins(2), idle: Duration::from_mins(2), body: Duration::from_mins(2) };

/// Pages of <https://meet.example.org> may use the router; no rate limits.
pub(crate) fn edge() -> EdgeConfig {
    let origins = AllowedOrigins::parse(["https://meet.example.org"]).unwrap();
    EdgeConfig { origins, timeouts: AMPLE, ..EdgeConfig::default() }
}

impl Fixture {
    /// With the meeting `team-a/stand-up`, which has no pod yet.
    pub(crate) fn new(settings: SignalSettings) -> Self {
        Self::with_edge(settings, &edge())
    }

    pub(crate) fn with_edge(settings: SignalSettings, edge: &EdgeConfig) -> Self {
        keep_logging_awake();
        let (folder, key) = (web_folder(), admission_key("kid-1"));
        let app = App::new(WebFiles::load(folder.path()).unwrap(), settings, edge, CancellationToken::new());
        app.signer.set(Signer::from_pem(&key.pem, &key.kid).unwrap());
        let keys = JoinKeys::default().with("app", JoinKey::read(JOIN_SECRET).unwrap());
        app.join.keys.store(keys.into());
        app.signer.trust(KeySet::from_jwks(&key.jwks).unwrap());
        let mut index = RoutingIndex::default();
        index.reset_meetings([meeting_record("team-a", "stand-up", None)]);
        app.table.publish(index.clone());
        Self { app, index, jwks: key.jwks, folder }
    }

    /// Publishes a change of the index, as the watches do.
    pub(crate) fn publish(&self) {
        self.app.table.publish(self.index.clone());
        self.app.links.sweep(&self.app.table);
    }

    /// Assigns the meeting to this pod, as the watches would report it.
    pub(crate) fn assign(&mut self, name: &str, address: SocketAddr) {
        let uid = format!("uid-{name}");
        self.index.apply_pod(pod_record(name, &uid, &address.to_string()));
        self.index.apply_meeting(meeting_record("team-a", "stand-up", Some((name, &uid))));
        self.publish();
    }

    /// The same, because the pod that the meeting was on is lost.
    pub(crate) fn replace(&mut self, lost: &str, name: &str, address: SocketAddr) {
        let uid = format!("uid-{name}");
        self.index.apply_pod(pod_record(name, &uid, &address.to_string()));
        let mut record = meeting_record("team-a", "stand-up", Some((name, &uid)));
        record.assignment.as_mut().unwrap().instead_of = Some(format!("uid-{lost}"));
        self.index.apply_meeting(record);
        self.publish();
    }
}

/// Signing secret of the fixture application; its key is named `app`.
pub(crate) const JOIN_SECRET: &[u8] = b"a shared secret of the fixture application";

/// Claims for Ada in `team-a/stand-up`, valid for an hour, with changes; `null` removes a claim.
pub(crate) fn join_claims(changes: &Value) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let mut claims =
        json!({"aud": "convene", "sub": "ada", "meeting": "team-a/stand-up", "iat": now, "exp": now + 3600});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// A join token of the fixture application.
pub(crate) fn join_token(changes: &Value) -> String {
    signed(changes, "app", JOIN_SECRET)
}

/// A join token signed with any secret.
pub(crate) fn signed(changes: &Value, kid: &str, secret: &[u8]) -> String {
    let header = jsonwebtoken::Header { kid: Some(kid.to_owned()), ..jsonwebtoken::Header::default() };
    jsonwebtoken::encode(&header, &join_claims(changes), &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
}

impl Fixture {
    /// Changes the record of the meeting.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut MeetingRecord)) {
        let mut record = (**self.index.meeting(&key("team-a", "stand-up")).unwrap()).clone();
        change(&mut record);
        self.index.apply_meeting(record);
        self.app.table.publish(self.index.clone());
    }
}

/// tracing caches that a callsite has no subscriber when it is first reached, even if another thread installs one at that moment. So there
/// is always a global subscriber.
fn keep_logging_awake() {
    static AWAKE: std::sync::Once = std::sync::Once::new();
    AWAKE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("no other test sets one");
    });
}

/// Captures the log of this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The reason of a route, as far as tests compare it.
pub(super) fn reason_of(decision: RouteDecision) -> String {
    match decision {
        RouteDecision::Unknown => "MeetingNotFound".to_owned(),
        RouteDecision::Waiting(waiting) => waiting.reason,
        RouteDecision::Ended => "MeetingEnded".to_owned(),
        RouteDecision::Pod(_) => "AssignedPodReady".to_owned(),
    }
}

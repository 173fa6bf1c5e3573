//! A real API server with its etcd for one test, on loopback, with the binaries of the test cluster; both end with the test.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "for the terminal of a test run")]
#![allow(dead_code, reason = "no test uses all of it")]

pub(crate) mod media;
pub(crate) mod objects;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// Namespace of the operator.
pub(crate) const HOME: &str = "harbor";

/// Identities of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A cluster administrator.
    Tester,
    /// The operator's service account, as the chart names it. Its writes are in the audit log.
    Operator,
    /// The service account of the helm uninstall hook.
    Uninstall,
}

impl Login {
    const fn token(self) -> &'static str {
        match self {
            Self::Tester => "test",
            Self::Operator => "operate",
            Self::Uninstall => "uninstall",
        }
    }
}

/// A running API server.
pub(crate) struct ApiServer {
    pub(crate) client: Client,
    port: u16,
    children: Vec<Child>,
    directory: PathBuf,
}

impl ApiServer {
    /// Starts one.
    pub(crate) async fn start(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("convene-t2-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let etcd = start_etcd(&directory, etcd_port, peer_port);
        let apiserver = start_apiserver(&directory, etcd_port, port);
        let client = Client::try_from(config_of(port, Login::Tester).await).unwrap();
        let server = Self { client, port, children: vec![apiserver, etcd], directory };
        server.wait_until_ready().await;
        server
    }

    /// The client configuration of an identity.
    pub(crate) async fn config(&self, login: Login) -> Config {
        config_of(self.port, login).await
    }

    /// The same, for another process.
    pub(crate) fn write_kubeconfig(&self, login: Login) -> PathBuf {
        let path = self.directory.join(format!("{login:?}.kubeconfig"));
        std::fs::write(&path, build_kubeconfig(self.port, login).to_string()).unwrap();
        path
    }

    /// Writes of the operator's account so far, as `VERB RESOURCE`, one for each completed request.
    pub(crate) fn operator_writes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.join("audit.log")).unwrap_or_default();
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.map(|entry| describe_entry(&entry)).collect()
    }

    /// Stores logs of other processes next to its own.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    async fn wait_until_ready(&self) {
        wait_for("the API server", Duration::from_mins(1), async || {
            let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(self.client.clone());
            match namespaces.get("default").await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Killed, not terminated: an API server takes up to a minute to end while watches are open.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("logs are kept in {}", self.directory.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

fn start_etcd(directory: &Path, port: u16, peer_port: u16) -> Child {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let data = directory.join("etcd");
    let arguments = [
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
    ];
    start(directory, "etcd", &arguments)
}

fn start_apiserver(directory: &Path, etcd_port: u16, port: u16) -> Child {
    let key = directory.join("sa.key");
    let made =
        Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").stderr(Stdio::null()).status().unwrap();
    assert!(made.success(), "openssl could not make a key");
    let tokens = directory.join("tokens.csv");
    let operator = format!("system:serviceaccount:{HOME}:convene-operator");
    let groups = format!("system:serviceaccounts,system:serviceaccounts:{HOME}");
    let uninstall = format!("system:serviceaccount:{HOME}:convene-uninstall");
    let lines = format!(
        "test,tester,tester,\"system:masters\"\noperate,{operator},operator,\"{groups}\"\nuninstall,{uninstall},uninstall,\"{groups}\"\n"
    );
    std::fs::write(&tokens, lines).unwrap();
    let policy = directory.join("audit-policy.yaml");
    std::fs::write(&policy, build_audit_policy(&operator).to_string()).unwrap();
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", directory.join("certificates").display()),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", key.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", directory.join("audit.log").display()),
        "--audit-log-mode=batch".to_owned(),
        // There is no controller that creates service accounts.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ];
    start(directory, "kube-apiserver", &arguments)
}

fn start(directory: &Path, program: &str, arguments: &[String]) -> Child {
    let log = std::fs::File::create(directory.join(format!("{program}.log"))).unwrap();
    let path = binaries().join(program);
    let command =
        Command::new(&path).args(arguments).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn();
    command
        .unwrap_or_else(|error| panic!("could not start {}: {error}; build it with: make cluster-up", path.display()))
}

/// Only writes of the operator's account are logged.
fn build_audit_policy(operator: &str) -> Value {
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata", "users": [operator], "verbs": writes}, {"level": "None"}],
    })
}

fn describe_entry(entry: &Value) -> String {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let subresource = text("/objectRef/subresource");
    let slash = if subresource.is_empty() { "" } else { "/" };
    format!("{} {}{slash}{subresource}", text("/verb"), text("/objectRef/resource"))
}

/// Where the test cluster builds its binaries.
pub(crate) fn binaries() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("CONVENE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("convene")))
        .unwrap_or_else(|| variable("HOME").unwrap().join(".cache/convene"));
    cache.join("cluster/bin")
}

/// A port below those that the kernel gives to connections, so that none takes it before a program listens there.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + u16::try_from(std::process::id() % 150).unwrap() * 100;
    let candidates = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    candidates.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn build_kubeconfig(port: u16, login: Login) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true}}],
        "users": [{"name": "tester", "user": {"token": login.token()}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "tester"}}],
        "current-context": "test",
    })
}

async fn config_of(port: u16, login: Login) -> Config {
    let kubeconfig: Kubeconfig = serde_json::from_value(build_kubeconfig(port, login)).unwrap();
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}

/// Retries until the result is `Ok`; an `Err` says what is still missing.
pub(crate) async fn wait_for<T>(what: &str, limit: Duration, ask: impl AsyncFn() -> Result<T, String>) -> T {
    let begin = std::time::Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(missing) if begin.elapsed() > limit => panic!("{what} did not come within {limit:?}: {missing}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

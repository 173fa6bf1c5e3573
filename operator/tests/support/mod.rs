//! A real API server with its etcd for one test, on loopback, from the test cluster's binaries; both end with the test.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// A running API server.
pub(crate) struct ApiServer {
    pub(crate) client: Client,
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
        let client = connect(port).await;
        let server = Self { client, children: vec![apiserver, etcd], directory };
        server.wait_until_ready().await;
        server
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
            // Killed, not asked: an API server takes up to a minute to end while watches are open.
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
    std::fs::write(&tokens, "test,tester,tester,\"system:masters\"\n").unwrap();
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
        // Nobody makes service accounts here.
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

/// Where the test cluster puts what it builds.
fn binaries() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("CONVENE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("convene")))
        .unwrap_or_else(|| variable("HOME").unwrap().join(".cache/convene"));
    cache.join("cluster/bin")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn connect(port: u16) -> Client {
    let kubeconfig: Value = json!({
        "clusters": [{"name": "test", "cluster": {"server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true}}],
        "users": [{"name": "tester", "user": {"token": "test"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "tester"}}],
        "current-context": "test",
    });
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Asks again and again until the answer is `Ok`; an `Err` says what is still missing.
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

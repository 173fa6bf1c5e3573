//! How long an assignment takes from the API server to every router: two router programs against a real API server.
//!
//! As a test it checks that each router learns of each assignment; `make measure-router` runs it with more assignments to measure the times.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic fails the test, and what it finds is for people")]

#[path = "../../operator/tests/api_server/support/mod.rs"]
mod support;

use std::{
    fs::File,
    net::SocketAddr,
    process::{Child, Command},
    time::{Duration, Instant},
};

use convene_admission_keys::build_key_pair;
use convene_crds::{Meeting, names};
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use support::{
    ApiServer, HOME, Login, free_port,
    objects::{CREW, create, install_definitions, make_namespaces, meeting},
    wait_for,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const ROUTERS: usize = 2;
const LONGEST: Duration = Duration::from_secs(20);

/// A router in a separate process.
struct Router {
    child: Child,
    address: SocketAddr,
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Router {
    async fn start(server: &ApiServer) -> Self {
        let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
        let web = server.directory().join("web");
        std::fs::create_dir_all(&web).unwrap();
        std::fs::write(web.join("index.html"), "<!doctype html>").unwrap();
        let log = File::options().create(true).append(true).open(server.directory().join("router.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_convene-router"))
            .args(["--namespace", HOME, "--listen", &address.to_string(), "--metrics-listen", "127.0.0.1:0"])
            .args(["--request-rate", "0", "--web-dir"])
            .arg(&web)
            .env("KUBECONFIG", server.write_kubeconfig(Login::Tester))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let router = Self { child, address };
        wait_for("the router", LONGEST, async || router.ask("/readyz").await.map(|_| ())).await;
        router
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, path: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let answer = ask(&mut stream, path).await;
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(answer) }
    }

    /// Time when this router first reports the meeting as ready.
    async fn knows(&self, name: &str) -> Instant {
        let (mut stream, path) = (self.connect().await, format!("/api/v1/meetings/{CREW}/{name}"));
        let began = Instant::now();
        loop {
            let answer = ask(&mut stream, &path).await;
            if answer.contains("\"ready\":true") {
                return Instant::now();
            }
            assert!(began.elapsed() < LONGEST, "{name} is not known: {answer}");
            // Polling without a pause would starve the processes it waits for.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// One request on a persistent connection. Responses are short enough for one read.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: router\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 8192];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Routers are not ready without a signing key.
async fn make_admission_key(client: &Client) {
    let pair = build_key_pair([7; 32]).unwrap();
    let data = json!({(names::ADMISSION_PRIVATE_KEY): pair.private_pem, (names::ADMISSION_KEY_ID): pair.kid});
    let secret = json!({"metadata": {"name": "convene-admission-key"}, "stringData": data});
    create(&Api::<Secret>::namespaced(client.clone(), HOME), secret).await;
}

/// A media pod that looks ready to a router.
async fn make_pod(client: &Client) -> Pod {
    let api: Api<Pod> = Api::namespaced(client.clone(), HOME);
    let ports = json!([{"name": "http", "containerPort": 8080}]);
    let (label, value) = names::MEDIA_POD_SELECTOR.split_once('=').unwrap();
    let pod = json!({
        "metadata": {"name": "media-0", "labels": {label: value}},
        "spec": {"containers": [{"name": "media-pod", "image": "registry.test/media:1", "ports": ports}], "automountServiceAccountToken": false}
    });
    create(&api, pod).await;
    let status = json!({"status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}});
    api.patch_status("media-0", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap()
}

/// Assigns a meeting like the operator, and returns the time from the response of the API server until each router knew.
async fn assign(client: &Client, routers: &[Router], name: &str, status: &Value) -> Vec<Duration> {
    let api: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    create(&api, meeting(name, json!({"pool": "lagoon"}))).await;
    let written = async {
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        Instant::now()
    };
    let (written, known) = tokio::join!(written, join_all(routers.iter().map(|router| router.knows(name))));
    known.into_iter().map(|known| known.saturating_duration_since(written)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs etcd and kube-apiserver: make test, or make measure-router for the times"]
async fn an_assignment_reaches_every_router() {
    let count = std::env::var("CONVENE_MEASURE_ASSIGNMENTS").map_or(10, |text| text.parse().unwrap());
    let server = ApiServer::start("propagation").await;
    install_definitions(&server.client).await;
    make_namespaces(&server.client).await;
    make_admission_key(&server.client).await;
    let pod = make_pod(&server.client).await;
    let mut routers = Vec::new();
    for _ in 0..ROUTERS {
        routers.push(Router::start(&server).await);
    }
    let status = json!({"status": {"phase": "Ready", "pod": {
        "name": pod.name_any(), "uid": pod.uid().unwrap(), "ip": "127.0.0.1", "port": 8080
    }}});
    let mut last = Vec::new();
    for number in 0..count {
        let took = assign(&server.client, &routers, &format!("meeting-{number}"), &status).await;
        last.push(took.into_iter().max().unwrap());
    }
    last.sort();
    let within = |percent: usize| last[(last.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "assignment, from the API server's answer until the last of {ROUTERS} routers knows it, {count} times: half within {:.1} ms, \
         99 % within {:.1} ms, all within {:.1} ms",
        within(50),
        within(99),
        within(100)
    );
}

//! One meeting on several pods: signed tickets, real links, real workers, and media that crosses from pod to pod.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use convene_media_pod::http::link::link_router;
use convene_media_pod::http::state::{AppState, HandlerOptions};
use convene_media_pod::lent::Lent;
use convene_protocol::admin::{LinkPoint, RoomSettings, RoomSites, SiteTarget};
use convene_protocol::admission::{Admission, KeySet, LinkGrant, MeetingGrant, ParticipantGrant, Signer};
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{self, Server, Settings};
use convene_service::http::tls::Certificate;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod, TIMEOUT};

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

/// A pod with a listener for links.
struct LinkedPod {
    pod: Pod,
    uid: &'static str,
    point: LinkPoint,
    network: watch::Sender<Network>,
}

/// What is between two pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Up,
    /// Connections are reset.
    Down,
    /// Nothing arrives, and no end is notified.
    Silent,
    /// What is sent waits until the network is up again.
    Paused,
}

/// Passes bytes on while the network is not paused, until either side closes.
async fn pass(
    mut from: ReadHalf<&mut TcpStream>,
    mut to: WriteHalf<&mut TcpStream>,
    mut network: watch::Receiver<Network>,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else { return };
        let _ = network.wait_for(|network| *network != Network::Paused).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Forwards one connection until it ends or the network fails.
async fn forward_one(mut from: TcpStream, to: SocketAddr, mut network: watch::Receiver<Network>) {
    let mut to = TcpStream::connect(to).await.unwrap();
    let ((from_read, from_write), (to_read, to_write)) = (tokio::io::split(&mut from), tokio::io::split(&mut to));
    tokio::select! {
        () = pass(from_read, to_write, network.clone()) => {}
        () = pass(to_read, from_write, network.clone()) => {}
        _ = network.wait_for(|network| matches!(network, Network::Down | Network::Silent)) => {}
    }
    let _ = network.wait_for(|network| *network != Network::Silent).await;
}

/// Forwards connections to a listener as long as the network is up. Returns its port.
fn forward(to: SocketAddr, network: &watch::Receiver<Network>) -> u16 {
    let listener = listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (port, network) = (listener.local_addr().unwrap().port(), network.clone());
    tokio::spawn(async move {
        while let Ok((from, _)) = listener.accept().await {
            tokio::spawn(forward_one(from, to, network.clone()));
        }
    });
    port
}

impl LinkedPod {
    async fn start(uid: &'static str) -> Self {
        let state = Pod::start_for_links(KeySet::from_jwks(JWKS).unwrap()).await;
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["pod".to_owned()]).unwrap().self_signed(&key).unwrap();
        let digest = Sha256::digest(certificate.der());
        let fingerprint = digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let listener = listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (network, current) = watch::channel(Network::Up);
        let point = LinkPoint { port: forward(listener.local_addr().unwrap(), &current), fingerprint };
        let options = HandlerOptions { pod_uid: Some(uid.to_owned()), ..state.options.clone() };
        let state = AppState { options, lent: Some(Lent::new(point.clone())), ..state };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let certificate = Certificate::fixed(vec![certificate.der().clone()], key).unwrap();
        let links = Server::new(Arc::new(ConnectionLimiter::in_total(100)), Settings::default());
        links.serve_tls(listener, &certificate, link_router(state.clone()));
        Self { pod: Pod::with_state(state), uid, point, network }
    }

    fn target(&self, home: &Self, capacity: u32) -> SiteTarget {
        SiteTarget {
            pod: self.uid.into(),
            address: Ipv4Addr::LOCALHOST.into(),
            port: self.point.port,
            fingerprint: self.point.fingerprint.clone(),
            capacity,
            ticket: ticket(home.uid, self, 1),
        }
    }

    /// Status of the request that sets the other pods of the room on this one.
    async fn set_sites(&self, capacity: u32, sites: Vec<SiteTarget>) -> u16 {
        let body = serde_json::to_string(&RoomSites { uid: "uid-1".into(), capacity, sites }).unwrap();
        let token = signer().handover(self.uid, "uid-1", now()).unwrap();
        let path = "/admin/v1/rooms/team/stage/sites?uid=uid-1&move=sites";
        self.pod.http_with("PUT", path, &format!("Authorization: Bearer {token}\r\n"), &body).await.0
    }

    /// The other pods of the room, by uid: the states of their links, and their participants.
    async fn sites(&self) -> Vec<(String, String, u64)> {
        let token = signer().admin(now()).unwrap();
        let (_, list) = self.pod.http("GET", "/admin/v1/rooms", &format!("Authorization: Bearer {token}\r\n")).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let site = |site: &Value| (text(&site["pod"]), text(&site["state"]), site["participants"].as_u64().unwrap());
        list["rooms"][0]["sites"].as_array().into_iter().flatten().map(site).collect()
    }

    async fn until_sites(&self, expected: &[(&str, &str, u64)]) {
        let expected: Vec<_> =
            expected.iter().map(|(pod, state, people)| (pod.to_string(), state.to_string(), *people)).collect();
        let start = Instant::now();
        loop {
            let sites = self.sites().await;
            if sites == expected {
                return;
            }
            assert!(start.elapsed() < TIMEOUT, "{expected:?} did not come: {sites:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Connects with an admission, as the router would.
    async fn enter(&self, peer: &str) -> Client {
        let participant = ParticipantGrant { guest: Some(peer.to_owned()), ..ParticipantGrant::default() };
        let admission = Admission { meeting: meeting(), participant, jti: unique() };
        let token = signer().admission(&admission, now()).unwrap();
        Client::try_open(&self.pod, &format!("/signal/team/stage?peerId={peer}"), Some(&token)).await.unwrap()
    }
}

fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("site-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn signer() -> Signer {
    Signer::from_pem(PEM, "test").unwrap()
}

fn ticket(home: &str, site: &LinkedPod, epoch: u64) -> String {
    signer().link(&grant(home, site, epoch), now()).unwrap()
}

fn grant(home: &str, site: &LinkedPod, epoch: u64) -> LinkGrant {
    let (home, fingerprint) = (home.into(), site.point.fingerprint.clone());
    LinkGrant { room: "uid-1".into(), epoch, home, site: site.uid.into(), fingerprint, jti: unique() }
}

fn meeting() -> MeetingGrant {
    let (title, max_participants, empty_timeout_seconds) = ("Stage".into(), 10, 300);
    MeetingGrant {
        namespace: "team".into(),
        name: "stage".into(),
        uid: "uid-1".into(),
        settings: RoomSettings { title, max_participants, empty_timeout_seconds, ..RoomSettings::default() },
        ..MeetingGrant::default()
    }
}

/// A transport that receives, and the pod whose port it announces.
async fn listen(client: &mut Client, name: &str) -> (Peer, u64) {
    let transport = client.transport("consumer").await;
    let peer = Peer::start(&transport, Role::Receive);
    connect(client, &transport, &peer).await;
    client.join(name).await;
    (peer, transport["iceCandidates"][0]["port"].as_u64().unwrap())
}

fn worker_port(stats: &Value) -> u64 {
    stats["workerList"][0]["port"].as_u64().unwrap()
}

/// A home with Ada, who sends, and another pod with Bob, who receives.
struct TwoPods {
    home: LinkedPod,
    site: LinkedPod,
    ada: Client,
    /// Ada's microphone.
    producer: String,
    /// With which Ada receives.
    ear: Peer,
    bob: Client,
    listener: Peer,
    _sender: Peer,
}

impl TwoPods {
    async fn start() -> Self {
        let (home, site) = (LinkedPod::start("pod-home").await, LinkedPod::start("pod-site").await);
        let mut ada = home.enter("ada").await;
        let (ear, _) = listen(&mut ada, "Ada").await;
        let (sender, producer) = send_audio(&mut ada).await;
        assert_eq!(home.set_sites(1, vec![site.target(&home, 5)]).await, 204);
        home.until_sites(&[("pod-site", "linked", 0)]).await;
        let mut bob = home.enter("bob").await;
        let (listener, port) = listen(&mut bob, "Bob").await;
        assert_eq!(port, worker_port(&site.pod.stats().await), "Bob sends his media to the other pod");
        home.until_sites(&[("pod-site", "linked", 1)]).await;
        receive(&mut bob, &listener).await;
        Self { home, site, ada, producer, ear, bob, listener, _sender: sender }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_of_two_pods_hear_each_other() {
    let TwoPods { home, site, mut ada, producer, ear, mut bob, listener, _sender } = TwoPods::start().await;
    arrived(&listener, 3);

    // And back: Ada receives what Bob sends at the other pod.
    let (_mouth, _) = send_audio(&mut bob).await;
    receive(&mut ada, &ear).await;
    arrived(&ear, 3);

    // Mute is seen and heard everywhere.
    ada.ask("pauseProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerPaused").await;
    ada.ask("resumeProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerResumed").await;
    while listener.received.try_recv().is_ok() {}
    arrived(&listener, 3);

    // When all have left, nothing is left at either pod.
    ada.leave().await;
    bob.leave().await;
    for pod in [&home.pod, &site.pod] {
        pod.until("metrics", |text| !has_objects(text), "an empty pod").await;
    }
}

/// Whether any object of the media plane is open.
fn has_objects(metrics: &str) -> bool {
    let objects = metrics.lines().filter(|line| line.starts_with("convene_media_objects{"));
    objects.into_iter().any(|line| !line.ends_with(" 0"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_pod_takes_only_its_own_participants_with_it() {
    for failure in [Network::Down, Network::Silent] {
        let TwoPods { home, site, mut ada, mut bob, listener, _sender, .. } = TwoPods::start().await;
        arrived(&listener, 3);
        let since = Instant::now();
        site.network.send_replace(failure);
        assert_eq!(bob.closed().await, (1012, "a media pod of the meeting was lost: please reconnect".into()));
        assert!(since.elapsed() < Duration::from_secs(10), "{failure:?}: noticed after {:?}", since.elapsed());
        home.until_sites(&[("pod-site", "lost", 0)]).await;
        let mut bob = home.enter("bob").await;
        let (listener, port) = listen(&mut bob, "Bob").await;
        assert_eq!(port, worker_port(&home.pod.stats().await));
        receive(&mut bob, &listener).await;
        arrived(&listener, 3);
        ada.ask("sendChatMessage", json!({ "text": "still here" })).await.unwrap();

        // The pod drops what it has for a home that it does not hear, and serves the room again with the next ticket.
        if failure == Network::Down {
            site.pod.until("metrics", |text| !has_objects(text), "an empty pod").await;
        }
        site.network.send_replace(Network::Up);
        assert_eq!(home.set_sites(1, vec![site.target(&home, 5)]).await, 204);
        home.until_sites(&[("pod-site", "linked", 0)]).await;
    }
}

/// Media needs no link, and what is requested meanwhile is done afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_for_two_seconds_costs_no_one_anything() {
    let TwoPods { home, site, mut ada, producer, mut bob, listener, _sender, .. } = TwoPods::start().await;
    arrived(&listener, 3);
    site.network.send_replace(Network::Paused);
    let cut = Instant::now();
    let listened = async {
        while cut.elapsed() < Duration::from_secs(2) {
            let sound = listener.received.recv_timeout(Duration::from_secs(1));
            assert!(sound.is_ok(), "no sound arrives {:?} after the cut", cut.elapsed());
            tokio::task::yield_now().await;
        }
        site.network.send_replace(Network::Up);
    };
    let created = async {
        bob.transport("producer").await;
        cut.elapsed()
    };
    let ((), created) = tokio::join!(listened, created);
    assert!(created >= Duration::from_secs(2), "the link was not cut: a transport was created in {created:?}");
    ada.ask("pauseProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerPaused").await;
    ada.ask("resumeProducer", json!({ "producerId": producer })).await.unwrap();
    bob.hear("consumerResumed").await;
    arrived(&listener, 3);
    home.until_sites(&[("pod-site", "linked", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_no_longer_needed_is_left() {
    let TwoPods { home, site, ada: _ada, mut bob, _sender, .. } = TwoPods::start().await;
    assert_eq!(home.set_sites(5, Vec::new()).await, 204);
    assert_eq!(bob.closed().await.0, 1012);
    home.until_sites(&[]).await;
    site.pod.until("metrics", |text| !has_objects(text), "an empty pod").await;
}

/// Accepts a data channel with this label and opens it.
async fn accept_channel(client: &mut Client, peer: &Peer, label: &str) -> Value {
    let of = |message: &Value| message["method"] == "newDataConsumer" && message["data"]["label"] == label;
    let offer = client.until(of).await;
    let stream = offer["data"]["sctpStreamParameters"]["streamId"].as_u64().unwrap();
    peer.open(u16::try_from(stream).unwrap());
    client.accept(&offer).await;
    peer.until_open();
    offer
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_data_channels_and_of_the_bot_reach_the_other_pod() {
    let TwoPods { home: _home, site: _site, mut ada, ear, mut bob, listener, _sender, .. } = TwoPods::start().await;
    accept_channel(&mut ada, &ear, "bot").await;
    accept_channel(&mut bob, &listener, "bot").await;
    let transport = bob.transport("producer").await;
    let speaker = Peer::start(&transport, Role::Receive);
    connect(&mut bob, &transport, &speaker).await;
    for (stream, channel) in [(0, "chat"), (1, "bot")] {
        let data = json!({
            "transportId": transport["transportId"], "label": channel, "protocol": "", "appData": { "channel": channel },
            "sctpStreamParameters": { "streamId": stream, "ordered": true },
        });
        bob.ask("produceData", data).await.unwrap();
        speaker.open(stream);
    }
    let offer = accept_channel(&mut ada, &ear, "chat").await;
    assert_eq!(offer["data"]["appData"], json!({ "peerId": "bob", "channel": "chat" }));
    let heard = |peer: &Peer| peer.heard.recv_timeout(Duration::from_secs(15)).expect("a message arrives");
    speaker.say(0, "across");
    assert_eq!(heard(&ear), "across");
    speaker.say(1, "who is there?");
    assert_eq!([heard(&ear), heard(&listener)], ["Bob told me: \"who is there?\""; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_open_one_link_at_one_pod_for_the_latest_home() {
    let (home, site) = (LinkedPod::start("pod-home").await, LinkedPod::start("pod-site").await);
    let mut ada = home.enter("ada").await;
    ada.join("Ada").await;
    let target = |ticket: String| SiteTarget { ticket, ..site.target(&home, 5) };
    let good = ticket("pod-home", &site, 7);
    let foreign = Signer::from_pem(PEM, "other").unwrap();
    let signed = |grant: LinkGrant| signer().link(&grant, now()).unwrap();
    let other_pod = LinkGrant { site: "pod-other".into(), ..grant("pod-home", &site, 7) };
    let other_process = LinkGrant { fingerprint: "f".repeat(64), ..grant("pod-home", &site, 7) };
    let refused = [
        ("none", target(String::new())),
        ("for another pod", target(signed(other_pod))),
        ("for an earlier process", target(signed(other_process))),
        ("an admin token", target(signer().admin(now()).unwrap())),
        ("expired", target(signer().link(&grant("pod-home", &site, 7), now() - 1000).unwrap())),
        ("of an unknown key", target(foreign.link(&grant("pod-home", &site, 7), now()).unwrap())),
        ("another certificate", SiteTarget { fingerprint: "0".repeat(64), ..target(ticket("pod-home", &site, 7)) }),
        ("another port", SiteTarget { port: 1, ..target(ticket("pod-home", &site, 7)) }),
    ];
    for (name, target) in refused {
        assert_eq!(home.set_sites(5, vec![target]).await, 204, "{name}");
        home.until_sites(&[("pod-site", "lost", 0)]).await;
    }
    assert_eq!(home.set_sites(5, vec![target(good.clone())]).await, 204);
    home.until_sites(&[("pod-site", "linked", 0)]).await;
    for (name, ticket) in [("used", good), ("of an earlier home", ticket("pod-home", &site, 6))] {
        assert_eq!(home.set_sites(5, Vec::new()).await, 204, "{name}");
        home.until_sites(&[]).await;
        assert_eq!(home.set_sites(5, vec![target(ticket)]).await, 204, "{name}");
        home.until_sites(&[("pod-site", "lost", 0)]).await;
    }
    let metrics = site.pod.get("/metrics").await.1;
    for reason in [
        "TokenMalformed",
        "TokenElsewhere",
        "TokenInvalid",
        "TokenExpired",
        "TokenKeyUnknown",
        "TicketUsed",
        "OtherProcess",
        "StaleEpoch",
    ] {
        let is_counted =
            metrics.lines().any(|line| line.starts_with("convene_media_links_total") && line.contains(reason));
        assert!(is_counted, "{reason} is not counted: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_ports_for_pipes_opens_no_links_and_nonsense_is_refused() {
    let state = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await.state;
    let options = HandlerOptions { pod_uid: Some("pod-old".into()), ..state.options.clone() };
    let pod = Pod::with_state(AppState { options, ..state });
    let path = "/admin/v1/rooms/team/stage/sites?uid=uid-1&move=sites";
    let bearer = |token: String| format!("Authorization: Bearer {token}\r\n");
    let own = || bearer(signer().handover("pod-old", "uid-1", now()).unwrap());
    let empty = r#"{"uid":"uid-1","capacity":1,"sites":[]}"#;
    assert_eq!(pod.http_with("PUT", path, &own(), empty).await.0, 404);
    assert_eq!(pod.http_with("PUT", path, &own(), "[]").await.0, 400);
    assert_eq!(pod.http_with("PUT", path, &own(), r#"{"uid":"uid-2","capacity":1,"sites":[]}"#).await.0, 400);
    let other = bearer(signer().handover("pod-new", "uid-1", now()).unwrap());
    assert_eq!(pod.http_with("PUT", path, &other, empty).await.0, 401);
}

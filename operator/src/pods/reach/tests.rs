//! Probes of a fake pod, over real sockets on loopback.

use std::{net::SocketAddr, time::Duration};

use axum::{Json, Router, http::StatusCode, routing::post};
use convene_protocol::{
    admin::{PROBE_PATH, ProbeCandidate, ProbeTarget, ProbeTargets},
    admission::Signer,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    ask::TimeLimits,
    judge::Reach,
    probe::{probe, probe_within},
    stun::{build_answer, read_request},
};
use crate::{
    fixtures::{media_pod, pool},
    model::media_pod::{MediaPod, PodState},
    pods::link::PodLink,
};
use convene_admission_keys::build_key_pair;
use convene_crds::reason::{MEDIA_REACHABLE, MEDIA_UNREACHABLE, PROBE_FAILED, UDP_BLOCKED};

const PASSWORD: &str = "a-password-of-the-transport";

/// How the endpoint at an announced address handles a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Good,
    Silent,
    /// There is no candidate for it.
    Absent,
    Garbage,
    OtherTransaction,
    OtherPassword,
    /// From a port other than the requested one.
    Elsewhere,
    /// Only the third request is answered.
    Third,
    /// By TCP: an answer to something else comes first, and all of it byte by byte.
    Piecemeal,
    /// By TCP: the connection is closed without a response.
    Closing,
    /// By TCP: announces a length greater than that of any answer.
    Oversize,
}

impl Manner {
    fn answer(self, request: &[u8], number: usize) -> Option<Vec<u8>> {
        let (id, username) =
            read_request(request, PASSWORD).expect("requests are signed with the password of the transport");
        assert_eq!(username, "fragment:probe");
        match self {
            Self::Good | Self::Elsewhere | Self::Piecemeal => Some(build_answer(id, PASSWORD)),
            Self::Third => (number >= 3).then(|| build_answer(id, PASSWORD)),
            Self::Garbage => Some(b"\x01\x01 nonsense".to_vec()),
            Self::OtherTransaction => Some(build_answer([0; 12], PASSWORD)),
            Self::OtherPassword => Some(build_answer(id, "another")),
            Self::Silent | Self::Absent | Self::Closing | Self::Oversize => None,
        }
    }
}

async fn respond_by_udp(socket: UdpSocket, manner: Manner) {
    let elsewhere = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let mut bytes = [0; 1500];
    for number in 1.. {
        let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
        if let Some(answer) = manner.answer(&bytes[..length], number) {
            let socket = if manner == Manner::Elsewhere { &elsewhere } else { &socket };
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn respond_by_tcp(listener: TcpListener, manner: Manner) {
    let mut open = Vec::new();
    loop {
        let mut connection = listener.accept().await.unwrap().0;
        let mut bytes = vec![0; usize::from(connection.read_u16().await.unwrap())];
        connection.read_exact(&mut bytes).await.unwrap();
        let answer = manner.answer(&bytes, 1);
        match manner {
            Manner::Closing => drop(connection),
            Manner::Oversize => {
                let _ = connection.write_all(&[0xff; 4]).await;
                open.push(connection);
            }
            _ => {
                speak(&mut connection, manner, answer).await;
                open.push(connection);
            }
        }
    }
}

async fn speak(connection: &mut TcpStream, manner: Manner, answer: Option<Vec<u8>>) {
    let Some(answer) = answer else { return };
    let frame = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    if manner == Manner::Piecemeal {
        connection.write_all(&frame(&build_answer([0; 12], PASSWORD))).await.unwrap();
        for byte in frame(&answer) {
            connection.write_all(&[byte]).await.unwrap();
            connection.flush().await.unwrap();
        }
    } else {
        let _ = connection.write_all(&frame(&answer)).await;
    }
}

/// A pod whose workers handle requests as configured; everything ends with it.
pub(super) struct FakePod {
    pub(super) http: SocketAddr,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl FakePod {
    /// Each worker has one behavior for UDP and one for TCP; all candidates have this address.
    pub(super) async fn start(workers: &[(Manner, Manner)], address: &str) -> Self {
        let mut tasks = Vec::new();
        let mut targets = Vec::new();
        for (by_udp, by_tcp) in workers {
            let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let mut ports =
                vec![("udp", socket.local_addr().unwrap().port()), ("tcp", listener.local_addr().unwrap().port())];
            let is_absent = |protocol| Manner::Absent == if protocol == "udp" { *by_udp } else { *by_tcp };
            ports.retain(|(protocol, _)| !is_absent(*protocol));
            tasks.push(AbortOnDropHandle::new(tokio::spawn(respond_by_udp(socket, *by_udp))));
            tasks.push(AbortOnDropHandle::new(tokio::spawn(respond_by_tcp(listener, *by_tcp))));
            targets.push(build_target(address, &ports));
        }
        let app = Router::new().route(PROBE_PATH, post(async || Json(ProbeTargets { seconds: 10, targets })));
        Self::serve(app, tasks).await
    }

    async fn serve(app: Router, mut tasks: Vec<AbortOnDropHandle<()>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let http = listener.local_addr().unwrap();
        tasks.push(AbortOnDropHandle::new(tokio::spawn(async { axum::serve(listener, app).await.unwrap() })));
        Self { http, _tasks: tasks }
    }

    fn pod(&self) -> MediaPod {
        let pod = media_pod(&pool(json!({})), 0, PodState::Ready);
        let ip = Some(self.http.ip().to_string());
        MediaPod { ip, http_port: self.http.port(), addresses: vec!["127.0.0.1".into()], ..pod }
    }
}

fn build_target(address: &str, ports: &[(&str, u16)]) -> ProbeTarget {
    let candidates = ports.iter().map(|(protocol, port)| ProbeCandidate {
        address: address.into(),
        port: *port,
        protocol: (*protocol).into(),
    });
    ProbeTarget { username_fragment: "fragment".into(), password: PASSWORD.into(), candidates: candidates.collect() }
}

pub(super) fn link() -> PodLink {
    let pair = build_key_pair([7; 32]).unwrap();
    PodLink::new(Signer::from_pem(&pair.private_pem, &pair.kid).unwrap())
}

/// Long if an answer is expected, short if not.
fn limits(udp_is_good: bool, tcp_is_good: bool) -> TimeLimits {
    let (short, long) = (Duration::from_millis(20), Duration::from_secs(20));
    TimeLimits {
        retransmit: [short, short, if udp_is_good { long } else { short }],
        connect: long,
        answer: if tcp_is_good { long } else { short },
    }
}

async fn probe_workers(workers: &[(Manner, Manner)], limits: TimeLimits) -> Reach {
    let fake = FakePod::start(workers, "127.0.0.1").await;
    probe_within(&link(), &fake.pod(), limits).await
}

#[tokio::test]
async fn a_pod_that_answers_is_reachable_even_if_packets_are_lost_or_come_in_pieces() {
    for worker in [(Manner::Good, Manner::Good), (Manner::Third, Manner::Piecemeal)] {
        let reach = probe_workers(&[worker, worker], limits(true, true)).await;
        assert_eq!(reach.reason(), MEDIA_REACHABLE, "{worker:?}: {reach:?}");
        let message = reach.message();
        assert!(
            message.contains("by UDP") && message.contains("by TCP") && !message.contains("no answer"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn nothing_but_the_pods_own_answer_counts_by_udp() {
    use Manner::{Elsewhere, Garbage, OtherPassword, OtherTransaction, Silent};
    for manner in [Silent, Garbage, OtherTransaction, OtherPassword, Elsewhere] {
        let reach = probe_workers(&[(manner, Manner::Good)], limits(false, true)).await;
        assert_eq!(reach.reason(), UDP_BLOCKED, "{manner:?}: {reach:?}");
    }
}

#[tokio::test]
async fn nothing_but_the_pods_own_answer_counts_by_tcp() {
    use Manner::{Closing, Garbage, OtherPassword, OtherTransaction, Oversize, Silent};
    for manner in [Silent, Garbage, OtherTransaction, OtherPassword, Closing, Oversize] {
        let reach = probe_workers(&[(Manner::Silent, manner)], limits(false, false)).await;
        assert_eq!(reach.reason(), MEDIA_UNREACHABLE, "{manner:?}: {reach:?}");
        assert!(reach.message().contains("open these ports"), "{}", reach.message());
    }
}

#[tokio::test]
async fn one_worker_of_two_that_does_not_answer_is_reported() {
    let workers = [(Manner::Good, Manner::Good), (Manner::Absent, Manner::Closing)];
    let reach = probe_workers(&workers, limits(true, true)).await;
    assert!(matches!(reach, Reach::Partly(_)), "{reach:?}");
}

#[tokio::test]
async fn closed_ports_are_distinguished_from_silent_ones() {
    let closed = [std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(), {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }];
    let targets = vec![build_target("127.0.0.1", &[("udp", closed[0]), ("tcp", closed[1])])];
    let app = Router::new().route(PROBE_PATH, post(async || Json(ProbeTargets { seconds: 10, targets })));
    let fake = FakePod::serve(app, Vec::new()).await;
    let reach = probe_within(&link(), &fake.pod(), limits(false, false)).await;
    assert!(reach.message().contains("by TCP (refused)"), "{}", reach.message());
    assert_eq!(reach.reason(), MEDIA_UNREACHABLE);
}

#[tokio::test]
async fn a_pod_cannot_have_the_operator_ask_addresses_that_it_does_not_announce() {
    for address in ["127.0.0.2", "localhost", ""] {
        let fake = FakePod::start(&[(Manner::Good, Manner::Good)], address).await;
        let reach = probe_within(&link(), &fake.pod(), limits(true, true)).await;
        assert_eq!(reach.reason(), PROBE_FAILED, "{address}: {reach:?}");
    }
}

#[tokio::test]
async fn credentials_that_no_request_could_carry_are_left_out() {
    let mut target = build_target("127.0.0.1", &[("udp", 9)]);
    target.username_fragment = "x".repeat(70_000);
    let app = Router::new().route(PROBE_PATH, post(async || Json(ProbeTargets { seconds: 10, targets: vec![target] })));
    let fake = FakePod::serve(app, Vec::new()).await;
    assert_eq!(probe_within(&link(), &fake.pod(), limits(false, false)).await.reason(), PROBE_FAILED);
}

#[tokio::test]
async fn a_pod_that_opens_no_probe_is_not_called_unreachable() {
    let old = FakePod::serve(Router::new(), Vec::new()).await;
    let reach = probe(&link(), &old.pod()).await;
    assert_eq!((reach.reason(), reach.message()), (PROBE_FAILED, "the media pod runs a version without probe support"));
    let ill = Router::new().route(PROBE_PATH, post(async || StatusCode::SERVICE_UNAVAILABLE));
    let reach = probe(&link(), &FakePod::serve(ill, Vec::new()).await.pod()).await;
    assert_eq!((reach.reason(), reach.message()), (PROBE_FAILED, "the media pod did not open a probe (Refused)"));
}

//! Sends STUN requests to candidates and reports the result of each. It does only I/O; `judge` interprets the results.
//!
//! The pod names the candidates, so only addresses that the operator announced for it are probed, and only a bounded number.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use convene_protocol::admin::{ProbeCandidate, ProbeTarget, ProbeTargets};
use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UdpSocket},
    time::{Instant, timeout, timeout_at},
};

use super::{
    judge::{Answer, Protocol, Tried},
    stun::{TransactionId, build_binding_request, is_answer},
};

/// Maximum number of workers probed per pod, and of candidates per worker.
const MOST_TARGETS: usize = 64;
const MOST_CANDIDATES: usize = 16;
const AT_ONCE: usize = 64;
/// Maximum length of user name fragment and password (RFC 8839, section 5.4).
const LONGEST_CREDENTIAL: usize = 256;
/// Longer than any response to a binding request.
const LARGEST_ANSWER: usize = 1500;

/// Time limits for a candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    /// Pause after each request by UDP. Losing one packet is common; losing all of them is not.
    pub(super) retransmit: [Duration; 3],
    /// For opening a TCP connection.
    pub(super) connect: Duration,
    /// For the response on it.
    pub(super) answer: Duration,
}

pub(super) const TIME_LIMITS: TimeLimits = TimeLimits {
    retransmit: [Duration::from_millis(500), Duration::from_secs(1), Duration::from_millis(1500)],
    connect: Duration::from_secs(2),
    answer: Duration::from_secs(1),
};

/// A candidate to probe.
struct Question {
    target: usize,
    protocol: Protocol,
    to: SocketAddr,
    id: TransactionId,
    fragment: String,
    password: String,
}

/// Probes every candidate that has one of the `announced` addresses.
pub(super) async fn ask_targets(targets: &ProbeTargets, announced: &[String], limits: TimeLimits) -> Vec<Tried> {
    let announced: HashSet<IpAddr> = announced.iter().filter_map(|address| address.parse().ok()).collect();
    let targets = targets.targets.iter().take(MOST_TARGETS).enumerate();
    let questions: Vec<Question> =
        targets.flat_map(|(number, target)| list_questions(number, target, &announced)).collect();
    let requested = questions.into_iter().map(|question| ask(question, limits));
    stream::iter(requested).buffer_unordered(AT_ONCE).collect().await
}

fn list_questions(number: usize, target: &ProbeTarget, announced: &HashSet<IpAddr>) -> Vec<Question> {
    let is_sound = target.username_fragment.len().max(target.password.len()) <= LONGEST_CREDENTIAL;
    let candidates = target.candidates.iter().filter(|_| is_sound).take(MOST_CANDIDATES);
    let question = |candidate: &ProbeCandidate| {
        let address = candidate.address.parse().ok().filter(|address| announced.contains(address))?;
        Some(Question {
            target: number,
            protocol: Protocol::from_name(&candidate.protocol)?,
            to: SocketAddr::new(address, candidate.port),
            id: rand::random(),
            fragment: target.username_fragment.clone(),
            password: target.password.clone(),
        })
    };
    candidates.filter_map(question).collect()
}

async fn ask(question: Question, limits: TimeLimits) -> Tried {
    let answer = match question.protocol {
        Protocol::Udp => ask_by_udp(&question, limits).await,
        Protocol::Tcp => ask_by_tcp(&question, limits).await,
    };
    let answer = answer.unwrap_or_else(|error| judge_error(&error));
    Tried { target: question.target, protocol: question.protocol, to: question.to, answer }
}

/// If the operator itself has no route to the address (no IPv6, for example), that says nothing about the pod.
fn judge_error(error: &std::io::Error) -> Answer {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, ConnectionReset, NetworkUnreachable, TimedOut};
    match error.kind() {
        ConnectionRefused | ConnectionReset => Answer::Refused,
        NetworkUnreachable | AddrNotAvailable => Answer::NoWay,
        TimedOut => Answer::Silent,
        _ => {
            tracing::debug!(error = error as &dyn std::error::Error, "could not send a probe");
            Answer::Silent
        }
    }
}

/// The socket is connected, so an answer from another address is ignored: browsers would not accept it either (RFC 8445, section
/// 7.2.5.2.1).
async fn ask_by_udp(question: &Question, limits: TimeLimits) -> std::io::Result<Answer> {
    let any = if question.to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return Ok(Answer::NoWay) };
    socket.connect(question.to).await?;
    let request = build_binding_request(question.id, &question.fragment, &question.password);
    let mut answer = Answer::Silent;
    for pause in limits.retransmit {
        // Fails only with an error of an earlier request.
        let _ = socket.send(&request).await;
        answer = receive_udp(question, &socket, pause, answer).await;
        if answer == Answer::Good {
            break;
        }
    }
    Ok(answer)
}

/// Receives until the pause is over. `known` is the result of earlier requests.
async fn receive_udp(question: &Question, socket: &UdpSocket, pause: Duration, known: Answer) -> Answer {
    let end = Instant::now() + pause;
    let mut received = known;
    let mut bytes = [0; LARGEST_ANSWER];
    loop {
        match timeout_at(end, socket.recv(&mut bytes)).await {
            Err(_) => return received,
            Ok(Ok(length)) if is_answer(&bytes[..length], question.id, &question.password) => return Answer::Good,
            Ok(Ok(_)) => received = Answer::Wrong,
            Ok(Err(error)) => {
                // A rejected request gets no answer, but the next one may.
                tokio::time::sleep_until(end).await;
                return judge_error(&error);
            }
        }
    }
}

/// Each message is preceded by its length in two bytes (RFC 4571).
async fn ask_by_tcp(question: &Question, limits: TimeLimits) -> std::io::Result<Answer> {
    let socket = if question.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let Ok(socket) = socket else { return Ok(Answer::NoWay) };
    let Ok(connected) = timeout(limits.connect, socket.connect(question.to)).await else { return Ok(Answer::Silent) };
    let mut connection = connected?;
    let request = build_binding_request(question.id, &question.fragment, &question.password);
    let length = u16::try_from(request.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes()[..], &request].concat();
    let mut received = Answer::Silent;
    let talk = async {
        connection.write_all(&framed).await?;
        while !matches!(received, Answer::Good) {
            received = receive_tcp(question, &mut connection).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    match timeout(limits.answer, talk).await {
        Err(_) | Ok(Ok(())) => Ok(received),
        // A peer that accepts the connection and closes it before or during an answer is not the pod.
        Ok(Err(_)) => Ok(Answer::Wrong),
    }
}

async fn receive_tcp(question: &Question, connection: &mut TcpStream) -> std::io::Result<Answer> {
    let length = usize::from(connection.read_u16().await?);
    if length > LARGEST_ANSWER {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes).await?;
    Ok(if is_answer(&bytes, question.id, &question.password) { Answer::Good } else { Answer::Wrong })
}

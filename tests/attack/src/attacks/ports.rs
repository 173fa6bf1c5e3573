//! The media port: TCP connections that send nothing or garbage, and malformed datagrams.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};

use super::edges::{closes_within, is_closed};
use super::{Attack, Context};
use crate::failure::{Outcome, ensure};

/// The pod waits five seconds for a connection to identify its participant.
const SHOWN_BY: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(3);
const CONNECT_LIMIT: Duration = Duration::from_millis(200);

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "tcp-idle-2500",
            about: "2,500 idle TCP connections to the media port, from many addresses",
            run: |context| Box::pin(idle(context, 2500)),
        },
        Attack {
            name: "tcp-idle-5000",
            about: "5,000 idle TCP connections",
            run: |context| Box::pin(idle(context, 5000)),
        },
        Attack {
            name: "tcp-garbage",
            about: "TCP connections that start with ffff or half a STUN message",
            run: |context| Box::pin(garbage(context)),
        },
        Attack {
            name: "udp-garbage",
            about: "datagrams that look like STUN, DTLS, RTP and RTCP",
            run: |context| Box::pin(datagrams(context)),
        },
    ]
}

/// Connects from one of many local addresses.
async fn connect(to: SocketAddr, number: u16) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    let [high, low] = number.to_be_bytes();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 1, high, low.max(1)), 0))).ok()?;
    timeout(CONNECT_LIMIT, socket.connect(to)).await.ok()?.ok()
}

async fn idle(context: Context, count: u16) -> Outcome {
    let start = Instant::now();
    let mut crowd = Vec::new();
    for number in 0..count {
        // Many connections from each of many addresses, as from behind a NAT.
        crowd.extend(connect(context.pod.media, number / 50 + 1).await);
        if number % 100 == 0 {
            ensure(context.pod.is_healthy().await, || {
                format!("after {number} connections the pod does not respond to /healthz")
            })?;
        }
    }
    let opened = start.elapsed();
    let end = Instant::now() + SHOWN_BY + GRACE;
    while Instant::now() < end && !crowd.is_empty() {
        crowd.retain(|stream| !is_closed(stream));
        ensure(context.pod.is_healthy().await, || "the pod does not respond to /healthz".into())?;
        sleep(Duration::from_millis(250)).await;
    }
    crowd.retain(|stream| !is_closed(stream));
    let open = crowd.len();
    ensure(open == 0, || format!("{open} of {count} connections, opened in {opened:.1?}, are still open"))
}

/// RFC 4571 frames: a length, followed by what should be a STUN binding request.
fn openings() -> Vec<(&'static str, Vec<u8>)> {
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    vec![
        ("ffff", vec![0xff, 0xff]),
        ("ffff and padding", [&[0xff, 0xff][..], &[0; 4000]].concat()),
        ("half a STUN header", [&[0, 20][..], &stun[..10]].concat()),
        ("a STUN request of an unknown user", [&[0, 20][..], &stun[..]].concat()),
        ("empty frames", vec![0; 400]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    ]
}

async fn garbage(context: Context) -> Outcome {
    let mut tries = Vec::new();
    for round in 0..20 {
        for (index, (what, bytes)) in openings().into_iter().enumerate() {
            let number = u16::try_from(1000 + round * 10 + index).unwrap_or(1000);
            let Some(mut stream) = connect(context.pod.media, number).await else { continue };
            let _ = stream.write_all(&bytes).await;
            tries.push(tokio::spawn(async move { (what, closes_within(&mut stream, SHOWN_BY + GRACE).await) }));
        }
    }
    ensure(context.pod.is_healthy().await, || "the pod does not respond to /healthz".into())?;
    for tried in tries {
        let Ok((what, is_closed)) = tried.await else { continue };
        ensure(is_closed, || format!("a connection that started with {what} is still open"))?;
    }
    Ok(())
}

/// First bytes by which the worker distinguishes protocols (RFC 7983).
const HEADS: [&[u8]; 5] = [
    &[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42],
    &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40],
    &[0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 8, 0xae],
    &[0x81, 206, 0, 2, 0, 0, 8, 0xae],
    &[0xbf, 101, 0xff, 0xff],
];

async fn datagrams(context: Context) -> Outcome {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let mut random = StdRng::seed_from_u64(context.seed);
    let end = context.end();
    while Instant::now() < end {
        for _ in 0..50 {
            let head = HEADS[random.random_range(0..HEADS.len())];
            let mut datagram = [head, &[0; 1200][..random.random_range(0..1200)]].concat();
            let from = random.random_range(0..datagram.len());
            random.fill(&mut datagram[from..]);
            let _ = socket.send_to(&datagram, context.pod.media).await;
        }
        sleep(Duration::from_millis(5)).await;
    }
    ensure(context.pod.is_healthy().await, || "the pod does not respond to /healthz".into())
}

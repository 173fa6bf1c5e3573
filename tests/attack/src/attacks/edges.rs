//! The HTTP side: what it must not tell, connections that say nothing, and a log that cannot be written.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Attack, Ctx, is_answered};
use crate::failure::{Outcome, ensure, wrong};
use crate::http::{Asked, call};
use crate::keys::{self, NAMESPACE, meeting};
use crate::pod::{Pod, PodSpec};
use crate::trial::until_room_ends;

const SOON: Duration = Duration::from_secs(2);
/// The pod gives a request's head ten seconds.
const HEAD_LIMIT: Duration = Duration::from_secs(13);
const SLOW_CONNECTIONS: usize = 500;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "private-endpoints",
            about: "/stats, /metrics and the admin API without a token",
            run: |ctx| Box::pin(private_endpoints(ctx)),
        },
        Attack {
            name: "slow-loris",
            about: "500 HTTP connections that send a byte a second",
            run: |ctx| Box::pin(slow_loris(ctx)),
        },
        Attack {
            name: "room-panic",
            about: "a panic in one room, made on purpose",
            run: |ctx| Box::pin(room_panic(ctx)),
        },
        Attack { name: "log-full", about: "a pod whose log cannot be written", run: |ctx| Box::pin(full_log(ctx)) },
    ]
}

async fn private_endpoints(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let guest = ctx.pod.keys.admit(&meeting, &keys::nobody());
    for path in ["/stats", "/metrics", "/admin/v1/rooms", "/stats?x=1", "/stats/"] {
        for token in [None, Some(guest.as_str()), Some("x.y.z")] {
            let answer = call(ctx.pod.address, Asked { method: "GET", path, token, body: "" }).await?;
            ensure(matches!(answer.status, 401 | 403 | 404), || format!("{path} is answered with {}", answer.status))?;
            let tells = ["\"bob\"", "peers", "convene_media"].into_iter().any(|text| answer.body.contains(text));
            ensure(!tells, || format!("{path} tells: {:.80}", answer.body))?;
        }
    }
    let metrics = ctx.pod.metrics().await?;
    ensure(!metrics.contains("bob") && !metrics.contains(&meeting.name), || "metrics name people or meetings".into())?;
    ctx.pod.stats().await.map_err(|_| wrong("the operator gets no statistics"))?;
    is_answered(&mut bob, SOON).await
}

async fn slow_loris(ctx: Ctx) -> Outcome {
    let mut crowd = Vec::new();
    for _ in 0..SLOW_CONNECTIONS {
        crowd.push(Some(TcpStream::connect(ctx.pod.address).await?));
    }
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Header-That-Does-Not-End: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let (start, end) = (Instant::now(), ctx.end().max(Instant::now() + HEAD_LIMIT));
    for byte in request.iter().copied().cycle() {
        for place in &mut crowd {
            let is_open = match place {
                Some(stream) => stream.write_all(&[byte]).await.is_ok() && !is_closed(stream),
                None => false,
            };
            if !is_open {
                *place = None;
            }
        }
        ensure(ctx.pod.is_healthy().await, || "the pod does not answer /healthz".into())?;
        if Instant::now() > end || crowd.iter().all(Option::is_none) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let open = crowd.iter().flatten().count();
    ensure(open == 0, || format!("{open} slow connections are still open after {:?}", start.elapsed()))
}

/// Whether the other end has ended a connection on which nothing is to be read.
pub(super) fn is_closed(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 512]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// On a pod of its own: elsewhere a panic is a fault.
async fn room_panic(ctx: Ctx) -> Outcome {
    let spec = PodSpec { has_test_switches: true, ..ctx.pod.spec.clone() };
    let pod = std::sync::Arc::new(Pod::start(&spec).await?);
    let mine = Ctx { pod: std::sync::Arc::clone(&pod), ..ctx };
    let (broken, other) = (meeting("broken"), meeting("other"));
    let mut eve = mine.joined(&broken, "eve").await?;
    let mut bob = mine.joined(&other, "bob").await?;
    let path = format!("/admin/v1/rooms/{NAMESPACE}/broken/panic");
    let answer = call(pod.address, Asked::post(&path, "").with(&pod.keys.admin())).await?;
    ensure(answer.status == 204, || format!("the panic was answered with {}", answer.status))?;
    let closed = eve.closed_within(Duration::from_secs(5)).await;
    ensure(closed.as_ref().is_some_and(|(code, _)| *code == 1012), || format!("the room's sockets: {closed:?}"))?;
    until_room_ends(&pod, "broken").await?;
    is_answered(&mut bob, SOON).await?;
    ensure(pod.panics().await > 0, || "the panic is not counted".into())?;
    let _again = mine.joined(&broken, "eve").await?;
    ensure(pod.stats().await?["participants"] == 2, || "somebody of the broken room is still counted".into())
}

async fn full_log(ctx: Ctx) -> Outcome {
    let spec = PodSpec { log_is_full: true, ..ctx.pod.spec.clone() };
    let pod = std::sync::Arc::new(Pod::start(&spec).await?);
    let mine = Ctx { pod: std::sync::Arc::clone(&pod), ..ctx };
    let room = meeting("log");
    let mut bob = mine.joined(&room, "bob").await.map_err(|failure| wrong(format!("nobody can join: {failure}")))?;
    // Refused admissions are logged.
    for _ in 0..20 {
        let answer = call(pod.address, Asked::get("/admin/v1/rooms")).await?;
        ensure(answer.status == 401, || format!("a request that is logged was answered with {}", answer.status))?;
    }
    is_answered(&mut bob, SOON).await?;
    bob.ask("sendChatMessage", json!({ "text": "hello" })).await?;
    let ready = pod.get("/readyz").await?;
    ensure(ready.status == 503 && ready.body.contains("log"), || {
        format!("/readyz says nothing of the log: {} {:?}", ready.status, ready.body)
    })?;
    ensure(pod.is_healthy().await, || "the pod is not alive".into())
}

/// Reads until the other end closes, and says whether it did in time.
pub(super) async fn closes_within(stream: &mut TcpStream, time: Duration) -> bool {
    let mut buffer = [0; 512];
    let read = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    timeout(time, read).await.is_ok()
}

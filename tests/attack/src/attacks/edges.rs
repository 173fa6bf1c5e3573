//! The HTTP endpoints: data that must stay private, connections that send nothing, and a log that cannot be written.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Attack, Context, is_answered};
use crate::failure::{Outcome, ensure, wrong};
use crate::http::{Request, call};
use crate::keys::{self, NAMESPACE, meeting};
use crate::pod::{Pod, PodSpec};
use crate::trial::wait_for_room_end;

const SOON: Duration = Duration::from_secs(2);
/// The pod waits ten seconds for the headers of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(13);
const SLOW_CONNECTIONS: usize = 500;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "private-endpoints",
            about: "/stats, /metrics and the admin API without a token",
            run: |context| Box::pin(private_endpoints(context)),
        },
        Attack {
            name: "slow-loris",
            about: "500 HTTP connections that send one byte per second",
            run: |context| Box::pin(slow_loris(context)),
        },
        Attack {
            name: "room-panic",
            about: "a deliberate panic in one room",
            run: |context| Box::pin(room_panic(context)),
        },
        Attack {
            name: "log-full",
            about: "a pod whose log cannot be written",
            run: |context| Box::pin(full_log(context)),
        },
    ]
}

async fn private_endpoints(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let guest = context.pod.keys.admit(&meeting, &keys::anonymous());
    for path in ["/stats", "/metrics", "/admin/v1/rooms", "/stats?x=1", "/stats/"] {
        for token in [None, Some(guest.as_str()), Some("x.y.z")] {
            let answer = call(context.pod.address, Request { method: "GET", path, token, body: "" }).await?;
            ensure(matches!(answer.status, 401 | 403 | 404), || format!("{path} is answered with {}", answer.status))?;
            let leaks = ["\"bob\"", "peers", "convene_media"].into_iter().any(|text| answer.body.contains(text));
            ensure(!leaks, || format!("{path} leaks: {:.80}", answer.body))?;
        }
    }
    let metrics = context.pod.metrics().await?;
    ensure(!metrics.contains("bob") && !metrics.contains(&meeting.name), || {
        "metrics name participants or meetings".into()
    })?;
    context.pod.stats().await.map_err(|_| wrong("could not read /stats as the operator"))?;
    is_answered(&mut bob, SOON).await
}

async fn slow_loris(context: Context) -> Outcome {
    let mut crowd = Vec::new();
    for _ in 0..SLOW_CONNECTIONS {
        crowd.push(Some(TcpStream::connect(context.pod.address).await?));
    }
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Header-That-Does-Not-End: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let (start, end) = (Instant::now(), context.end().max(Instant::now() + HEAD_LIMIT));
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
        ensure(context.pod.is_healthy().await, || "the pod does not answer /healthz".into())?;
        if Instant::now() > end || crowd.iter().all(Option::is_none) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let open = crowd.iter().flatten().count();
    ensure(open == 0, || format!("{open} slow connections are still open after {:?}", start.elapsed()))
}

/// Whether the other end has closed a connection without unread data.
pub(super) fn is_closed(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 512]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Uses its own pod, because a panic in the shared one is a fault.
async fn room_panic(context: Context) -> Outcome {
    let spec = PodSpec { has_test_switches: true, ..context.pod.spec.clone() };
    let pod = std::sync::Arc::new(Pod::start(&spec).await?);
    let mine = Context { pod: std::sync::Arc::clone(&pod), ..context };
    let (broken, other) = (meeting("broken"), meeting("other"));
    let mut eve = mine.joined(&broken, "eve").await?;
    let mut bob = mine.joined(&other, "bob").await?;
    let path = format!("/admin/v1/rooms/{NAMESPACE}/broken/panic");
    let answer = call(pod.address, Request::post(&path, "").with(&pod.keys.admin())).await?;
    ensure(answer.status == 204, || format!("the panic was answered with {}", answer.status))?;
    let closed = eve.closed_within(Duration::from_secs(5)).await;
    ensure(closed.as_ref().is_some_and(|(code, _)| *code == 1012), || format!("the room's sockets: {closed:?}"))?;
    wait_for_room_end(&pod, "broken").await?;
    is_answered(&mut bob, SOON).await?;
    ensure(pod.panics().await > 0, || "the panic is not counted".into())?;
    let _again = mine.joined(&broken, "eve").await?;
    ensure(pod.stats().await?["participants"] == 2, || "a participant of the broken room is still counted".into())
}

async fn full_log(context: Context) -> Outcome {
    let spec = PodSpec { log_is_full: true, ..context.pod.spec.clone() };
    let pod = std::sync::Arc::new(Pod::start(&spec).await?);
    let mine = Context { pod: std::sync::Arc::clone(&pod), ..context };
    let room = meeting("log");
    let mut bob =
        mine.joined(&room, "bob").await.map_err(|failure| wrong(format!("a client could not join: {failure}")))?;
    // Refused admissions are logged.
    for _ in 0..20 {
        let answer = call(pod.address, Request::get("/admin/v1/rooms")).await?;
        ensure(answer.status == 401, || format!("a request that is logged was answered with {}", answer.status))?;
    }
    is_answered(&mut bob, SOON).await?;
    bob.ask("sendChatMessage", json!({ "text": "hello" })).await?;
    let ready = pod.get("/readyz").await?;
    ensure(ready.status == 503 && ready.body.contains("log"), || {
        format!("/readyz does not report the log: {} {:?}", ready.status, ready.body)
    })?;
    ensure(pod.is_healthy().await, || "the pod is not alive".into())
}

/// Reads until the other end closes; false if that does not happen in time.
pub(super) async fn closes_within(stream: &mut TcpStream, time: Duration) -> bool {
    let mut buffer = [0; 512];
    let read = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    timeout(time, read).await.is_ok()
}

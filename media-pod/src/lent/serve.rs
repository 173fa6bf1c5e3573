//! One link, seen from the pod that lends: reads requests, runs them one after the other, and returns outcomes and events.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::Lease;
use crate::actor::borrowed::{Borrowed, Reply};
use crate::actor::media::MediaPlane;
use crate::actor::media::settings::MediaSettings;
use crate::link::frames::{Done, Hello, HomeFrame, Received, SiteFrame, Welcome, read};
use crate::link::path;
use crate::metrics::Metrics;
use crate::room::{MediaError, Operation};
use crate::rooms::Rooms;
use crate::sfu::codecs::codecs_of;
use crate::sfu::workers::Workers;

/// Time limit for the first message.
const HELLO_LIMIT: Duration = Duration::from_secs(5);
/// Time without any message after which the other pod counts as gone.
const SILENCE: Duration = Duration::from_secs(15);
/// Time limit for sending a message.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Requests that wait; while there are more, the link is not read.
const INBOX: usize = 256;
/// Maximum number of codecs.
const MAX_CODECS: usize = 16;

/// What a link needs from this pod.
#[derive(Clone, Debug)]
pub(crate) struct Borrower {
    pub(crate) workers: Arc<Workers>,
    pub(crate) rooms: Arc<Rooms>,
    /// The pod's own settings, which the meeting's override.
    pub(crate) settings: MediaSettings,
    pub(crate) metrics: Metrics,
}

/// Serves a link until it ends. Everything that it has created ends with it.
pub(crate) async fn serve(socket: WebSocket, lease: Lease, borrower: Borrower) {
    let (mut sink, mut stream) = socket.split();
    let reason = match timeout(HELLO_LIMIT, receive(&mut stream)).await {
        Ok(Some(Received::Known(HomeFrame::Hello(hello)))) if hello.codecs.len() <= MAX_CODECS => {
            lend(&mut sink, &mut stream, &hello, &lease, &borrower).await
        }
        Ok(_) => "InvalidMessage",
        Err(_) => "Timeout",
    };
    let _ = timeout(SEND_LIMIT, sink.close()).await;
    borrower.metrics.links.with_label_values(&["in", reason]).inc();
}

async fn lend(
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    hello: &Hello,
    lease: &Lease,
    borrower: &Borrower,
) -> &'static str {
    let Hello { namespace, name, codecs, media, .. } = hello;
    let Ok(offer) = borrower.workers.offer(&codecs_of(codecs)).await else { return "NoWorker" };
    let (workers, settings) = (Arc::clone(&borrower.workers), borrower.settings.with(media));
    let metrics = borrower.metrics.clone();
    let (plane, events) = MediaPlane::for_other_pod(workers, offer.codecs, settings, metrics);
    tracing::info!(namespace, name, "lending media workers to a room of another pod");
    let (requests, received) = mpsc::channel(INBOX);
    let (replies, outgoing) = mpsc::channel(INBOX);
    let meeting = format!("{namespace}/{name}");
    let (welcome, echoes) = prepare_echo(hello.address, borrower).await;
    let _echoes = echoes.map(AbortOnDropHandle::new);
    let runs = Borrowed::new(plane).run(received, events, replies, &meeting, &borrower.metrics);
    let reason = tokio::select! {
        () = runs => "Ended",
        reason = read_requests(stream, &requests, lease, &borrower.rooms) => reason,
        () = write_replies(sink, outgoing, welcome) => "Ended",
    };
    tracing::info!(namespace, name, reason, "no longer lending media workers to a room of another pod");
    reason
}

async fn read_requests(
    stream: &mut SplitStream<WebSocket>,
    requests: &mpsc::Sender<Received>,
    lease: &Lease,
    rooms: &Rooms,
) -> &'static str {
    loop {
        let received = match timeout(SILENCE, receive(stream)).await {
            Ok(Some(received)) => received,
            Ok(None) => return "Ended",
            Err(_) => return "Silent",
        };
        if requests.send(allowed(received, lease, rooms)).await.is_err() {
            return "Ended";
        }
    }
}

/// Refuses what a room of another pod must not request.
fn allowed(received: Received, lease: &Lease, rooms: &Rooms) -> Received {
    let Received::Known(HomeFrame::Request(request)) = received else { return received };
    match refusal(&request.operation, lease, rooms) {
        Some((code, message)) => Received::Refused(request.id, MediaError { code, message: message.into() }),
        None => Received::Known(HomeFrame::Request(request)),
    }
}

/// Code and message. A pod that had the meeting earlier keeps what it has, until its participants have moved, and gets nothing new; the same while
/// this pod drains. Plain transports are at the pod that checks where they may send.
fn refusal(operation: &Operation, lease: &Lease, rooms: &Rooms) -> Option<(u16, &'static str)> {
    match operation {
        Operation::CreatePlainTransport { .. } | Operation::ConnectPlainTransport { .. } => {
            Some((403, "a plain transport must be at the pod of the meeting"))
        }
        Operation::CreateTransport { .. } if !lease.is_current() => {
            Some((409, "the meeting has moved: another pod has it since"))
        }
        Operation::CreateTransport { .. } if rooms.is_draining() => Some((503, "this media pod is draining")),
        _ => None,
    }
}

/// The next message; `None` at the end, and for what is none.
async fn receive(stream: &mut SplitStream<WebSocket>) -> Option<Received> {
    loop {
        match stream.next().await?.ok()? {
            Message::Text(text) => return read(&text),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return None,
        }
    }
}

/// Echoes for some seconds what the room's pod sends, so that it knows whether media would arrive.
async fn prepare_echo(home: IpAddr, borrower: &Borrower) -> (Welcome, Option<JoinHandle<()>>) {
    let Some(pipes) = borrower.workers.pipe_ports() else { return (Welcome::default(), None) };
    let Some(socket) = path::bind(pipes).await else { return (Welcome::default(), None) };
    let echo = socket.local_addr().ok().map(|address| address.port());
    (Welcome { echo }, Some(tokio::spawn(path::echo(socket, home))))
}

async fn write_replies(sink: &mut SplitSink<WebSocket, Message>, mut replies: mpsc::Receiver<Reply>, welcome: Welcome) {
    if !send(sink, &SiteFrame::Welcome(welcome)).await {
        return;
    }
    while let Some(reply) = replies.recv().await {
        let frame = match reply {
            Reply::Done(id, outcome) => SiteFrame::Done(Done { id, outcome }),
            Reply::Event(event) => SiteFrame::Event(event),
            Reply::Pong => SiteFrame::Pong,
        };
        if !send(sink, &frame).await {
            return;
        }
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, frame: &SiteFrame) -> bool {
    let Ok(text) = serde_json::to_string(frame) else { return false };
    matches!(timeout(SEND_LIMIT, sink.send(Message::text(text))).await, Ok(Ok(())))
}

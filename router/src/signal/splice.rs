//! Copies bytes in both directions between a client and its media pod until one side closes.
//!
//! It never reads payloads: pings and compression are between client and pod. It tracks frame boundaries of the pod, so that a router that
//! shuts down can send a close frame between two frames. Backpressure applies end to end: at most one read per direction is buffered, and
//! nothing while a socket is idle.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::signal::frames::{FrameTracker, close_frame};

/// Maximum size of one read: enough for the parameters of a few tracks.
const MAX_READ_BYTES: usize = 16 * 1024;
/// Close code 1012: the server restarts, clients reconnect.
const SERVICE_RESTART: u16 = 1012;
/// Time for the other direction to finish, for example with a close frame, once one side has closed.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    /// Read buffer, shared by all sockets of a thread and used only during one poll, so that idle sockets need no buffer.
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; MAX_READ_BYTES].into_boxed_slice());
}

/// Reasons a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpliceEnd {
    /// The client closed the connection, or it was lost.
    Client,
    /// The pod closed the connection, or it was lost.
    Pod,
    /// The pod was silent for longer than its ping interval.
    PodSilent,
    /// The pod no longer exists, or the meeting has lost it.
    PodGone,
    /// This router is shutting down.
    RouterStopping,
}

impl SpliceEnd {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Client => "ClientEnded",
            Self::Pod => "PodEnded",
            Self::PodSilent => "PodSilent",
            Self::PodGone => "PodGone",
            Self::RouterStopping => "RouterStopping",
        }
    }

    /// The reason in the close frame for the client, if the router closes the connection by itself, and how long that may take to come
    /// between two frames. A pod that is gone will not complete its last one.
    fn notice(self) -> Option<(&'static str, Duration)> {
        match self {
            Self::RouterStopping => Some(("this router is shutting down; reconnect", LINGER)),
            Self::PodGone => Some(("the media pod is gone; reconnect", Duration::ZERO)),
            Self::Client | Self::Pod | Self::PodSilent => None,
        }
    }
}

/// Result of a spliced socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spliced {
    /// The reason it was closed.
    pub(crate) end: SpliceEnd,
    /// Bytes from the client to the pod.
    pub(crate) from_client: u64,
    /// Bytes from the pod to the client.
    pub(crate) from_pod: u64,
}

/// Copies bytes until one side closes, the pod is silent for `silence`, or `stop` resolves.
pub(crate) async fn splice<C, P>(client: C, pod: P, silence: Duration, stop: impl Future<Output = SpliceEnd>) -> Spliced
where
    C: AsyncRead + AsyncWrite,
    P: AsyncRead + AsyncWrite,
{
    let (mut client_reader, mut client_writer) = tokio::io::split(client);
    let (mut pod_reader, mut pod_writer) = tokio::io::split(pod);
    let (mut from_client, mut from_pod) = (0, 0);
    let close_request = CloseRequest::default();
    let mut last_words = None;
    let end = {
        let mut upward = std::pin::pin!(pump_up(&mut client_reader, &mut pod_writer, &mut from_client));
        let mut downward =
            std::pin::pin!(pump_down(&mut pod_reader, &mut client_writer, silence, &close_request, &mut from_pod));
        tokio::select! {
            () = &mut upward => {
                let _ = timeout(LINGER, &mut downward).await;
                SpliceEnd::Client
            }
            end = &mut downward => {
                let _ = timeout(LINGER, &mut upward).await;
                match end { PumpEnd::Silent => SpliceEnd::PodSilent, PumpEnd::Done | PumpEnd::Between => SpliceEnd::Pod }
            }
            end = stop => {
                if let Some((reason, patience)) = end.notice() {
                    close_request.send();
                    let is_between = matches!(timeout(patience, &mut downward).await, Ok(PumpEnd::Between));
                    last_words = is_between.then_some(reason);
                }
                end
            }
        }
    };
    let _ = timeout(LINGER, close_client(&mut client_reader, &mut client_writer, last_words)).await;
    Spliced { end, from_client, from_pod }
}

enum PumpEnd {
    Done,
    Silent,
    /// It was requested to stop and is between two frames.
    Between,
}

/// Asks the direction to the client to stop between two frames.
#[derive(Debug, Default)]
struct CloseRequest {
    is_sent: AtomicBool,
    notify: Notify,
}

impl CloseRequest {
    fn send(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
        self.notify.notify_one();
    }
}

/// Client to pod. The end of the source is propagated to the destination (half close).
async fn pump_up(reader: &mut (impl AsyncRead + Unpin), writer: &mut (impl AsyncWrite + Unpin), passed: &mut u64) {
    loop {
        let bytes = read_some(reader).await;
        if bytes.is_empty() || write_all(writer, &bytes).await.is_err() {
            let _ = writer.shutdown().await;
            return;
        }
        *passed += bytes.len() as u64;
    }
}

/// Pod to client.
async fn pump_down(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    silence: Duration,
    close_request: &CloseRequest,
    passed: &mut u64,
) -> PumpEnd {
    let mut frames = FrameTracker::default();
    loop {
        let read = tokio::select! {
            biased;
            () = close_request.notify.notified(), if frames.is_between() => return leave(frames),
            read = timeout(silence, read_some(reader)) => read,
        };
        let Ok(read) = read else {
            let _ = writer.shutdown().await;
            return PumpEnd::Silent;
        };
        let end = close_request.is_sent.load(Ordering::Relaxed).then(|| frames.first_end(&read)).flatten();
        let bytes = &read[..end.unwrap_or(read.len())];
        frames.pass(bytes);
        if read.is_empty() || write_all(writer, bytes).await.is_err() {
            let _ = writer.shutdown().await;
            return PumpEnd::Done;
        }
        *passed += bytes.len() as u64;
        if end.is_some() {
            return leave(frames);
        }
    }
}

/// After a close frame of the pod, none of ours may follow.
fn leave(frames: FrameTracker) -> PumpEnd {
    if frames.has_closed() { PumpEnd::Done } else { PumpEnd::Between }
}

/// The received bytes; empty at the end of the stream or on an error.
async fn read_some(reader: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    poll_fn(|context| {
        READING.with_borrow_mut(|room| {
            let mut buffer = ReadBuf::new(room);
            let read = Pin::new(&mut *reader).poll_read(context, &mut buffer);
            read.map(|result| result.map_or_else(|_| Vec::new(), |()| buffer.filled().to_vec()))
        })
    })
    .await
}

async fn write_all(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

/// Closes the connection to the client, with a close frame if one may be sent at this point.
async fn close_client(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    last_words: Option<&'static str>,
) -> io::Result<()> {
    if let Some(reason) = last_words {
        write_all(writer, &close_frame(SERVICE_RESTART, reason)).await?;
    }
    writer.shutdown().await?;
    // Closing with unread bytes resets the connection, and the client might never receive the close frame.
    let mut rest = [0; 512];
    while last_words.is_some() && reader.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::duplex;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[tokio::test]
    async fn bytes_pass_both_ways_and_are_counted() {
        let (mut client, router_client) = duplex(64);
        let (mut pod, router_pod) = duplex(64);
        let task = tokio::spawn(splice(router_client, router_pod, LONG, pending()));
        client.write_all(b"hello pod").await.unwrap();
        let mut seen = [0; 9];
        pod.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"hello pod");
        pod.write_all(b"hi").await.unwrap();
        drop(pod);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"hi");
        drop(client);
        assert_eq!(task.await.unwrap(), Spliced { end: SpliceEnd::Pod, from_client: 9, from_pod: 2 });
    }

    #[tokio::test]
    async fn a_pod_that_does_not_read_stops_the_client_instead_of_filling_memory() {
        let (mut client, router_client) = duplex(64);
        let (pod, router_pod) = duplex(64);
        let task = tokio::spawn(splice(router_client, router_pod, LONG, pending()));
        // The write cannot complete while the pod does not read; it fails once the pod is closed.
        let bytes = vec![7; 1_000_000];
        let mut writer = Box::pin(client.write_all(&bytes));
        assert!(futures_util::poll!(&mut writer).is_pending());
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            assert!(futures_util::poll!(&mut writer).is_pending());
        }
        drop(pod);
        assert!(writer.await.is_err(), "the client notices");
        drop(client);
        let spliced = task.await.unwrap();
        assert!(spliced.from_client < 10_000, "{spliced:?}");
    }

    #[tokio::test]
    async fn a_silent_pod_is_disconnected() {
        let (mut client, router_client) = duplex(64);
        let (_pod, router_pod) = duplex(64);
        let task = tokio::spawn(splice(router_client, router_pod, Duration::from_millis(5), pending()));
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0, "the client sees the end");
        drop(client);
        assert_eq!(task.await.unwrap().end, SpliceEnd::PodSilent);
    }

    #[tokio::test]
    async fn a_client_whose_pod_is_gone_learns_it_at_once_unless_a_frame_is_incomplete() {
        let notice = close_frame(1012, "the media pod is gone; reconnect");
        for (sent, expected) in [(&b""[..], &notice[..]), (b"\x81\x02hi", &notice), (b"\x81\x05he", b"")] {
            let (mut client, router_client) = duplex(4096);
            let (mut pod, router_pod) = duplex(4096);
            let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
            let task = tokio::spawn(splice(router_client, router_pod, LONG, async {
                let _ = is_gone.await;
                SpliceEnd::PodGone
            }));
            pod.write_all(sent).await.unwrap();
            client.read_exact(&mut vec![0; sent.len()]).await.unwrap();
            gone.send(()).unwrap();
            let mut rest = Vec::new();
            timeout(LINGER / 2, client.read_to_end(&mut rest)).await.expect("it does not wait for the pod").unwrap();
            assert_eq!(rest, expected, "{sent:?}");
            drop(client);
            assert_eq!(task.await.unwrap().end, SpliceEnd::PodGone);
        }
    }

    #[tokio::test]
    async fn a_router_that_stops_says_so_between_two_frames_and_cuts_none() {
        let (mut client, router_client) = duplex(4096);
        let (mut pod, router_pod) = duplex(4096);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(splice(router_client, router_pod, LONG, async {
            let _ = stopped.await;
            SpliceEnd::RouterStopping
        }));
        // One complete frame and the start of another.
        pod.write_all(b"\x81\x02hi\x81\x05he").await.unwrap();
        let mut seen = [0; 8];
        client.read_exact(&mut seen).await.unwrap();
        stop.send(()).unwrap();
        pod.write_all(b"llo\x81\x03not").await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        let expected = [&b"llo"[..], &close_frame(1012, "this router is shutting down; reconnect")].concat();
        assert!(rest == expected || rest == [b"llo\x81\x03not", &expected[3..]].concat(), "{rest:?}");
        drop(client);
        assert_eq!(task.await.unwrap().end, SpliceEnd::RouterStopping);
    }
}

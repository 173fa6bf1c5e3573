//! The queue to a client: messages wait here until its WebSocket accepts them, bounded in count and bytes.
//!
//! A room never waits for a client. A client that falls behind misses optional messages first; one that does not read at all loses its
//! connection. The owner of an [`Outbox`] decides how the connection ends; if it is dropped without a decision, as by a panic, the
//! client is requested to reconnect. Nothing here reads or writes a socket.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use convene_protocol::frame::CLOSE_COME_BACK;
use tokio::sync::mpsc;

use super::quota::ByteQuota;

/// Maximum number of messages queued for one client.
const MOST_MESSAGES: usize = 4096;
/// Maximum bytes queued for one client: enough for what a new participant is sent in a room of hundreds.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// A client with more queued bytes than this has fallen behind.
const BEHIND_BYTES: usize = 128 * 1024;
/// A client with more queued messages than this has fallen behind.
const BEHIND_MESSAGES: usize = 512;
/// Bytes that may be queued for every client even when the quota of the room or pod is exhausted, so that clients that read are not
/// affected by those that do not.
const OWN_BYTES: usize = 64 * 1024;

/// Close code and reason of a WebSocket.
pub(crate) type Close = (u16, &'static str);

/// How the connection ends if its owner does not decide.
const UNEXPECTED: Close = (CLOSE_COME_BACK, "the meeting was interrupted: please reconnect");

/// The next thing to send on a client's WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// A protoo frame.
    Text(Utf8Bytes),
    /// A ping, to check that the client is alive.
    Ping,
    /// A close frame with code and reason.
    Close(u16, &'static str),
}

/// The queue is full: the client does not read its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
struct Shared {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    quota: ByteQuota,
    end: OnceLock<Close>,
    /// Queued messages are discarded.
    is_cut: AtomicBool,
    /// Whether the room waits for a sign of life from the client.
    is_pinged: AtomicBool,
}

#[derive(Debug)]
enum Item {
    Text(Utf8Bytes),
    Ping,
    End,
}

/// The room's side of the queue. The connection ends when it is dropped.
#[derive(Debug)]
pub struct Outbox(Sender);

/// An additional sending side of the same queue, which does not keep the connection open.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    queue: mpsc::UnboundedSender<Item>,
    shared: Arc<Shared>,
}

/// The receiving side of the queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: mpsc::UnboundedReceiver<Item>,
    shared: Arc<Shared>,
    /// Bytes of the message taken last, which are counted until it has been written to the socket.
    leaving: Option<usize>,
}

/// A queue to one client, with a quota shared with other queues.
pub(crate) fn channel(quota: ByteQuota) -> (Outbox, Inbox) {
    let (sender, queue) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        messages: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        quota,
        end: OnceLock::new(),
        is_cut: AtomicBool::new(false),
        is_pinged: AtomicBool::new(false),
    });
    let outbox = Outbox(Sender { queue: sender, shared: Arc::clone(&shared) });
    (outbox, Inbox { queue, shared, leaving: None })
}

impl Outbox {
    /// An additional sending side.
    pub(crate) fn sender(&self) -> Sender {
        self.0.clone()
    }

    /// Sends a message; fails if the client does not read.
    pub(crate) fn send(&self, text: Utf8Bytes) -> Result<(), Full> {
        self.0.send(text)
    }

    /// Sends a message unless the client has fallen behind.
    pub(crate) fn send_if_read(&self, text: Utf8Bytes) {
        if !self.0.shared.is_behind() {
            // Not behind, so not full.
            let _ = self.0.send(text);
        }
    }

    /// Pings the client to check that it is alive.
    pub(crate) fn ping(&self) {
        self.0.shared.is_pinged.store(true, Ordering::Relaxed);
        let _ = self.0.queue.send(Item::Ping);
    }

    /// Ends the connection after the queued messages have been sent.
    pub(crate) fn close(self, close: Close) {
        let _ = self.0.shared.end.set(close);
    }

    /// Ends the connection and discards the queued messages.
    pub(crate) fn cut(self, close: Close) {
        self.0.shared.is_cut.store(true, Ordering::Relaxed);
        self.close(close);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // Fails only if the receiving side is gone.
        let _ = self.0.queue.send(Item::End);
    }
}

impl Sender {
    /// Sends a message; fails if the client does not read.
    pub(crate) fn send(&self, text: Utf8Bytes) -> Result<(), Full> {
        let bytes = text.len();
        if !self.shared.takes(bytes) {
            return Err(Full);
        }
        self.shared.add(bytes);
        if self.queue.send(Item::Text(text)).is_err() {
            // The connection has already ended, which its task reports to the room.
            self.shared.remove(bytes);
        }
        Ok(())
    }
}

impl Sender {
    /// Ends the connection, after the queued messages have been sent.
    pub(crate) fn close(&self, close: Close) {
        let _ = self.shared.end.set(close);
        let _ = self.queue.send(Item::End);
    }

    /// Whether the room waits for a sign of life from the client; true once for each ping.
    pub(crate) fn takes_ping(&self) -> bool {
        self.shared.is_pinged.swap(false, Ordering::Relaxed)
    }
}

impl Shared {
    fn takes(&self, more: usize) -> bool {
        let messages = self.messages.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed) + more;
        // A single message that exceeds the limit is not the client's fault.
        let is_within = messages == 0 || (messages < MOST_MESSAGES && bytes <= MOST_BYTES);
        is_within && (bytes <= OWN_BYTES || messages == 0 || !self.quota.is_exhausted())
    }

    fn is_behind(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > BEHIND_BYTES || self.messages.load(Ordering::Relaxed) > BEHIND_MESSAGES
    }

    fn add(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.quota.take(bytes);
    }

    fn remove(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.quota.release(bytes);
    }
}

impl Inbox {
    /// The next thing to send. [`Out::Close`] is the last.
    pub(crate) async fn recv(&mut self) -> Out {
        self.release();
        loop {
            match self.queue.recv().await {
                Some(Item::Text(text)) => {
                    self.leaving = Some(text.len());
                    if !self.shared.is_cut.load(Ordering::Relaxed) {
                        return Out::Text(text);
                    }
                    self.release();
                }
                Some(Item::Ping) => return Out::Ping,
                Some(Item::End) | None => {
                    let (code, reason) = self.shared.end.get().copied().unwrap_or(UNEXPECTED);
                    return Out::Close(code, reason);
                }
            }
        }
    }

    /// The quota that the queued bytes count against.
    pub(crate) fn quota(&self) -> ByteQuota {
        self.shared.quota.clone()
    }

    fn release(&mut self) {
        if let Some(bytes) = self.leaving.take() {
            self.shared.remove(bytes);
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.release();
        self.queue.close();
        while let Ok(item) = self.queue.try_recv() {
            if let Item::Text(text) = item {
                self.shared.remove(text.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Utf8Bytes {
        "x".repeat(bytes).into()
    }

    #[tokio::test]
    async fn queued_messages_are_sent_before_the_close_frame() {
        let (outbox, mut inbox) = channel(ByteQuota::new(1000));
        outbox.send("a".into()).unwrap();
        outbox.ping();
        outbox.close((4000, "over"));
        assert_eq!(inbox.recv().await, Out::Text("a".into()));
        assert_eq!(inbox.recv().await, Out::Ping);
        assert_eq!(inbox.recv().await, Out::Close(4000, "over"));
    }

    #[tokio::test]
    async fn clients_of_a_dropped_room_may_reconnect() {
        let (outbox, mut inbox) = channel(ByteQuota::new(1000));
        let sender = outbox.sender();
        drop(outbox);
        assert_eq!(inbox.recv().await, Out::Close(UNEXPECTED.0, UNEXPECTED.1));
        assert_eq!(sender.send("late".into()), Ok(()));
    }

    #[tokio::test]
    async fn the_queue_of_a_client_that_does_not_read_is_full_and_discarded() {
        let quota = ByteQuota::new(usize::MAX);
        let (outbox, mut inbox) = channel(quota.clone());
        let sent = std::iter::repeat_with(|| outbox.send(text(1024))).take_while(Result::is_ok).count();
        assert_eq!(sent, MOST_BYTES / 1024);
        assert_eq!(quota.used(), MOST_BYTES);
        outbox.cut((1008, "does not read"));
        assert_eq!(inbox.recv().await, Out::Close(1008, "does not read"));
        assert_eq!(quota.used(), 0);
    }

    #[tokio::test]
    async fn small_messages_are_counted_too() {
        let (outbox, _inbox) = channel(ByteQuota::new(usize::MAX));
        assert_eq!(std::iter::repeat_with(|| outbox.send(text(1))).take_while(Result::is_ok).count(), MOST_MESSAGES);
    }

    #[tokio::test]
    async fn an_exhausted_quota_affects_only_clients_with_long_queues() {
        let quota = ByteQuota::new(10);
        let (greedy, _reads_nothing) = channel(quota.clone());
        let (honest, mut inbox) = channel(quota.clone());
        greedy.send(text(OWN_BYTES)).unwrap();
        assert_eq!(greedy.send(text(1)), Err(Full));
        for _ in 0..100 {
            honest.send(text(1000)).unwrap();
            assert_eq!(inbox.recv().await, Out::Text(text(1000)));
        }
    }

    #[tokio::test]
    async fn a_client_that_is_behind_misses_optional_messages() {
        let (outbox, mut inbox) = channel(ByteQuota::new(usize::MAX));
        outbox.send_if_read("seen".into());
        outbox.send(text(BEHIND_BYTES)).unwrap();
        outbox.send_if_read("missed".into());
        outbox.send("needed".into()).unwrap();
        outbox.close((4000, "over"));
        assert_eq!(inbox.recv().await, Out::Text("seen".into()));
        assert_eq!(inbox.recv().await, Out::Text(text(BEHIND_BYTES)));
        assert_eq!(inbox.recv().await, Out::Text("needed".into()));
    }

    #[tokio::test]
    async fn bytes_of_a_dropped_queue_are_released() {
        let quota = ByteQuota::new(usize::MAX);
        let (outbox, mut inbox) = channel(quota.clone());
        for _ in 0..3 {
            outbox.send(text(10)).unwrap();
        }
        inbox.recv().await;
        assert_eq!(quota.used(), 30, "the first may still wait for the socket");
        drop(inbox);
        assert_eq!(quota.used(), 0);
        outbox.send(text(10)).unwrap();
        assert_eq!(quota.used(), 0);
    }
}

//! Messages sent to one client that may have to be retransmitted. Pure.
//!
//! Messages are numbered from 0 in the order in which they were sent. The ring keeps the newest, bounded in count and bytes; it knows no
//! socket and no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

use crate::actor::quota::ByteQuota;

/// Messages kept.
const MAX_MESSAGES: usize = 2048;
/// Bytes kept.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes kept while the quota is exhausted.
const MIN_BYTES: usize = 16 * 1024;

/// The newest messages to one client.
#[derive(Debug)]
pub(super) struct Ring {
    kept: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// The number of the oldest message kept, or of the next one if there is none.
    first: u64,
    max_messages: usize,
    max_bytes: usize,
    quota: ByteQuota,
}

impl Ring {
    /// An empty ring, whose bytes count against a quota.
    pub(super) fn new(quota: ByteQuota) -> Self {
        Self::bounded(MAX_MESSAGES, MAX_BYTES, quota)
    }

    fn bounded(max_messages: usize, max_bytes: usize, quota: ByteQuota) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, first: 0, max_messages, max_bytes, quota }
    }

    /// Number of messages so far.
    pub(super) fn sent(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Adds the next message, and drops the oldest beyond the limits. The newest is always kept: it has not been sent yet.
    pub(super) fn push(&mut self, text: Utf8Bytes) {
        self.bytes += text.len();
        self.quota.take(text.len());
        self.kept.push_back(text);
        let max_bytes = if self.quota.is_exhausted() { MIN_BYTES.min(self.max_bytes) } else { self.max_bytes };
        while self.kept.len() > 1 && (self.kept.len() > self.max_messages || self.bytes > max_bytes) {
            self.drop_oldest();
        }
    }

    /// Drops messages that the client has received.
    pub(super) fn acknowledge(&mut self, received: u64) {
        while self.first < received && !self.kept.is_empty() {
            self.drop_oldest();
        }
    }

    /// Whether all messages from a number on can be retransmitted. False for numbers not sent yet.
    pub(super) fn holds(&self, received: u64) -> bool {
        (self.first..=self.sent()).contains(&received)
    }

    /// The message with a number.
    pub(super) fn get(&self, number: u64) -> Option<Utf8Bytes> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.get(index).cloned()
    }

    fn drop_oldest(&mut self) {
        if let Some(text) = self.kept.pop_front() {
            self.bytes -= text.len();
            self.quota.release(text.len());
            self.first += 1;
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.quota.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(count: u64) -> Ring {
        let mut ring = Ring::bounded(4, 100, ByteQuota::new(1000));
        (0..count).for_each(|number| ring.push(number.to_string().into()));
        ring
    }

    #[test]
    fn only_kept_messages_can_be_retransmitted() {
        let ring = filled(6);
        let cases = [(0, false), (1, false), (2, true), (5, true), (6, true), (7, false), (u64::MAX, false)];
        for (received, expected) in cases {
            assert_eq!(ring.holds(received), expected, "{received}");
        }
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let mut ring = Ring::bounded(100, 10, ByteQuota::new(1000));
        ring.push("12345678".into());
        ring.push("12345".into());
        assert_eq!((ring.first, ring.bytes, ring.sent()), (1, 5, 2));
        ring.push("longer than all there is room for".into());
        assert_eq!((ring.first, ring.sent()), (2, 3));
        assert!(!ring.holds(1) && ring.holds(2));
    }

    #[test]
    fn less_is_kept_while_the_quota_is_exhausted_and_all_is_released() {
        let quota = ByteQuota::new(100);
        let mut ring = Ring::bounded(1000, 10 * MIN_BYTES, quota.child(usize::MAX));
        for _ in 0..50 {
            ring.push("x".repeat(1024).into());
        }
        assert!(ring.bytes <= MIN_BYTES && ring.bytes == quota.used(), "{}", ring.bytes);
        drop(ring);
        assert_eq!(quota.used(), 0);
    }

    #[test]
    fn acknowledging_more_than_was_sent_changes_no_number() {
        let mut ring = filled(3);
        ring.acknowledge(u64::MAX);
        assert_eq!((ring.sent(), ring.bytes), (3, 0));
    }

    /// An event between the pod and a client.
    #[derive(Clone, Debug)]
    enum SocketEvent {
        Send,
        Deliver,
        Cut,
    }

    fn steps() -> impl Strategy<Value = Vec<SocketEvent>> {
        proptest::collection::vec(
            prop_oneof![4 => Just(SocketEvent::Send), 4 => Just(SocketEvent::Deliver), 1 => Just(SocketEvent::Cut)],
            0..200,
        )
    }

    proptest! {
        /// Whenever the socket is cut, the client receives each message once and in order, or the session is lost.
        #[test]
        fn each_message_arrives_once_and_in_order_or_the_session_is_lost(steps in steps()) {
            let mut ring = Ring::bounded(8, 1000, ByteQuota::new(1000));
            let mut on_the_wire: VecDeque<String> = VecDeque::new();
            let mut received_texts: Vec<String> = Vec::new();
            for step in steps {
                match step {
                    SocketEvent::Send => {
                        let text = ring.sent().to_string();
                        on_the_wire.push_back(text.clone());
                        ring.push(text.into());
                    }
                    SocketEvent::Deliver => received_texts.extend(on_the_wire.pop_front()),
                    SocketEvent::Cut => {
                        let received = received_texts.len() as u64;
                        if !ring.holds(received) {
                            prop_assert!(ring.sent() - received > 8, "lost although there was room");
                            return Ok(());
                        }
                        ring.acknowledge(received);
                        on_the_wire = (received..ring.sent()).filter_map(|number| ring.get(number).map(|text| text.to_string())).collect();
                    }
                }
            }
            received_texts.extend(on_the_wire);
            let expected: Vec<String> = (0..ring.sent()).map(|number| number.to_string()).collect();
            prop_assert_eq!(received_texts, expected);
        }
    }
}

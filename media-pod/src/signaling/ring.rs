//! What was sent to one client and may have to be sent again. Pure.
//!
//! Messages are numbered from 0 in the order in which they were sent. The ring keeps the newest of them, bounded in count and bytes; it
//! knows no socket and no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

use crate::budget::Budget;

/// Messages that are kept.
const MOST_MESSAGES: usize = 2048;
/// Bytes that are kept.
const MOST_BYTES: usize = 256 * 1024;
/// Bytes that are kept while the pod's budget is used up.
const FEWEST_BYTES: usize = 16 * 1024;

/// The newest messages to one client.
#[derive(Debug)]
pub(super) struct Ring {
    kept: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// The number of the oldest message that is kept; of the next one where none is.
    first: u64,
    most_messages: usize,
    most_bytes: usize,
    budget: Budget,
}

impl Ring {
    /// An empty one, whose bytes count in a budget.
    pub(super) fn within(budget: Budget) -> Self {
        Self::bounded(MOST_MESSAGES, MOST_BYTES, budget)
    }

    fn bounded(most_messages: usize, most_bytes: usize, budget: Budget) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, first: 0, most_messages, most_bytes, budget }
    }

    /// How many messages there have been.
    pub(super) fn sent(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Takes the next message, and forgets the oldest ones where it is too much. The newest is always kept: it has yet to leave.
    pub(super) fn push(&mut self, text: Utf8Bytes) {
        self.bytes += text.len();
        self.budget.take(text.len());
        self.kept.push_back(text);
        let most_bytes = if self.budget.is_spent() { FEWEST_BYTES.min(self.most_bytes) } else { self.most_bytes };
        while self.kept.len() > 1 && (self.kept.len() > self.most_messages || self.bytes > most_bytes) {
            self.forget_oldest();
        }
    }

    /// Forgets what the client has.
    pub(super) fn acknowledge(&mut self, received: u64) {
        while self.first < received && !self.kept.is_empty() {
            self.forget_oldest();
        }
    }

    /// Whether everything from a number on can be sent again. Nothing can that was never sent.
    pub(super) fn holds(&self, received: u64) -> bool {
        (self.first..=self.sent()).contains(&received)
    }

    /// The message of a number.
    pub(super) fn get(&self, number: u64) -> Option<Utf8Bytes> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.get(index).cloned()
    }

    fn forget_oldest(&mut self) {
        if let Some(text) = self.kept.pop_front() {
            self.bytes -= text.len();
            self.budget.give_back(text.len());
            self.first += 1;
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(count: u64) -> Ring {
        let mut ring = Ring::bounded(4, 100, Budget::new(1000));
        (0..count).for_each(|number| ring.push(number.to_string().into()));
        ring
    }

    #[test]
    fn what_is_kept_can_be_sent_again_and_nothing_else() {
        let ring = filled(6);
        let cases = [(0, false), (1, false), (2, true), (5, true), (6, true), (7, false), (u64::MAX, false)];
        for (received, expected) in cases {
            assert_eq!(ring.holds(received), expected, "{received}");
        }
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let mut ring = Ring::bounded(100, 10, Budget::new(1000));
        ring.push("12345678".into());
        ring.push("12345".into());
        assert_eq!((ring.first, ring.bytes, ring.sent()), (1, 5, 2));
        ring.push("longer than all there is room for".into());
        assert_eq!((ring.first, ring.sent()), (2, 3));
        assert!(!ring.holds(1) && ring.holds(2));
    }

    #[test]
    fn less_is_kept_while_the_budget_is_used_up_and_all_is_given_back() {
        let budget = Budget::new(100);
        let mut ring = Ring::bounded(1000, 10 * FEWEST_BYTES, budget.part(usize::MAX));
        for _ in 0..50 {
            ring.push("x".repeat(1024).into());
        }
        assert!(ring.bytes <= FEWEST_BYTES && ring.bytes == budget.used(), "{}", ring.bytes);
        drop(ring);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn acknowledging_more_than_was_sent_changes_no_number() {
        let mut ring = filled(3);
        ring.acknowledge(u64::MAX);
        assert_eq!((ring.sent(), ring.bytes), (3, 0));
    }

    /// One thing that happens between the pod and a client.
    #[derive(Clone, Debug)]
    enum Step {
        Send,
        Deliver,
        Cut,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        proptest::collection::vec(
            prop_oneof![4 => Just(Step::Send), 4 => Just(Step::Deliver), 1 => Just(Step::Cut)],
            0..200,
        )
    }

    proptest! {
        /// Whatever is cut when: the client sees each message once and in order, or the session is lost.
        #[test]
        fn each_message_arrives_once_and_in_order_or_the_session_is_lost(steps in steps()) {
            let mut ring = Ring::bounded(8, 1000, Budget::new(1000));
            let mut on_the_wire: VecDeque<String> = VecDeque::new();
            let mut seen: Vec<String> = Vec::new();
            for step in steps {
                match step {
                    Step::Send => {
                        let text = ring.sent().to_string();
                        on_the_wire.push_back(text.clone());
                        ring.push(text.into());
                    }
                    Step::Deliver => seen.extend(on_the_wire.pop_front()),
                    Step::Cut => {
                        let received = seen.len() as u64;
                        if !ring.holds(received) {
                            prop_assert!(ring.sent() - received > 8, "lost although there was room");
                            return Ok(());
                        }
                        ring.acknowledge(received);
                        on_the_wire = (received..ring.sent()).filter_map(|number| ring.get(number).map(|text| text.to_string())).collect();
                    }
                }
            }
            seen.extend(on_the_wire);
            let expected: Vec<String> = (0..ring.sent()).map(|number| number.to_string()).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}

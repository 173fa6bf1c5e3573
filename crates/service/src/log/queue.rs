//! The queue of log lines, bounded in bytes. Pure: no clock, no I/O.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// Several thousand lines: enough for a burst, and little memory for a process.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// Lines in the order in which they were logged.
#[derive(Debug, Default)]
pub(super) struct Queue(Vec<u8>);

impl Queue {
    /// Appends complete lines, or refuses all of them if there is no room.
    pub(super) fn push(&mut self, lines: &[u8]) -> bool {
        let has_room = lines.len() <= MAX_BYTES.saturating_sub(self.0.len());
        if has_room {
            self.0.extend_from_slice(lines);
        }
        has_room
    }

    /// Removes and returns all lines.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Whether there are no lines.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The number of lines in a text. A last line without an end counts too.
pub(super) fn count_lines(text: &[u8]) -> u64 {
    let ends = text.split(|byte| *byte == b'\n').count().saturating_sub(1);
    let is_open = text.last().is_some_and(|last| *last != b'\n');
    (ends + usize::from(is_open)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_and_one_without_room_is_refused_whole() {
        let mut queue = Queue::default();
        assert!(queue.push(b"first\n") && queue.push(b"second\n"));
        assert!(!queue.push(&vec![b'x'; MAX_BYTES]));
        assert!(queue.push(b"third\n"), "a short one has room");
        assert_eq!(queue.take(), b"first\nsecond\nthird\n");
        assert!(queue.is_empty() && queue.push(&vec![b'x'; MAX_BYTES]) && !queue.push(b"x"));
    }

    #[test]
    fn lines_are_counted_by_their_ends() {
        let cases: [(&[u8], u64); 5] = [(b"", 0), (b"\n", 1), (b"a\nb\n", 2), (b"a\nb", 2), (b"tail of a line\n", 1)];
        for (text, expected) in cases {
            assert_eq!(count_lines(text), expected, "{text:?}");
        }
    }
}

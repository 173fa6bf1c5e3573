//! The history in the form in which it travels to another pod.

use convene_protocol::handover::SnapshotChat;

use super::{History, bytes_of};

impl History {
    pub(crate) fn memory(&self) -> SnapshotChat {
        SnapshotChat { next_id: self.next_id, messages: self.messages.iter().cloned().collect() }
    }

    /// A history that has come from another pod, to be continued with [`History::restore`].
    pub(crate) fn remembered(memory: SnapshotChat) -> Self {
        let SnapshotChat { next_id, messages } = memory;
        let bytes = messages.iter().map(bytes_of).sum();
        Self { messages: messages.into(), bytes, limit: usize::MAX, next_id: next_id.max(1), opened_at: 0 }
    }
}

//! RTP capabilities of participants, once for all whose browsers have the same. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

/// Different ones that newcomers are compared with; there are about as many as browsers and versions in a room.
const MAX_KNOWN: usize = 16;

/// Capabilities in use. As a tree they take about 65 kB, more than all else that a room keeps of a participant.
#[derive(Debug, Default)]
pub(crate) struct KnownCapabilities(VecDeque<Arc<Value>>);

impl KnownCapabilities {
    /// The same capabilities of another participant, if there are any, or these.
    pub(crate) fn share(&mut self, capabilities: Value) -> Arc<Value> {
        self.0.retain(|known| Arc::strong_count(known) > 1);
        if let Some(known) = self.0.iter().find(|known| ***known == capabilities) {
            return Arc::clone(known);
        }
        if self.0.len() == MAX_KNOWN {
            self.0.pop_front();
        }
        let capabilities = Arc::new(capabilities);
        self.0.push_back(Arc::clone(&capabilities));
        capabilities
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_capabilities_are_kept_once_and_only_while_they_are_used() {
        let mut known = KnownCapabilities::default();
        let (one, same, other) = (known.share(json!([1])), known.share(json!([1])), known.share(json!([2])));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        drop((one, same, other));
        known.share(json!([3]));
        assert_eq!(known.0.len(), 1);
    }

    #[test]
    fn however_many_there_are_few_are_compared() {
        let mut known = KnownCapabilities::default();
        let used: Vec<_> = (0..100).map(|number| known.share(json!(number))).collect();
        assert_eq!((used.len(), known.0.len()), (100, MAX_KNOWN));
        assert!(Arc::ptr_eq(&used[99], &known.share(json!(99))));
    }
}

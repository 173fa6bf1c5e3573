//! The end of a worker as an event that fires once; callbacks added later are called immediately. It ends nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener_primitives::{BagOnce, HandlerId};

/// Calls each callback once, when a worker has ended or is retired.
#[derive(Clone, Debug, Default)]
pub(super) struct EndEvent {
    callbacks: BagOnce<Box<dyn FnOnce() + Send>>,
    has_ended: Arc<AtomicBool>,
}

impl EndEvent {
    /// Calls back when the event fires, or immediately if it has fired; not after the handler id is dropped.
    pub(super) fn add(&self, callback: impl FnOnce() + Send + 'static) -> HandlerId {
        let id = self.callbacks.add(Box::new(callback));
        // The bag does not remember that it was called. Whichever of `add` and `fire` comes later finds the callback in it.
        if self.has_ended.load(Ordering::SeqCst) {
            self.callbacks.call_simple();
        }
        id
    }

    pub(super) fn fire(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.callbacks.call_simple();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn each_callback_is_called_once_however_late_it_is_added() {
        let (event, calls) = (EndEvent::default(), Arc::new(AtomicUsize::new(0)));
        let listen = || {
            let calls = Arc::clone(&calls);
            event.add(move || {
                calls.fetch_add(1, Ordering::SeqCst);
            })
        };
        let _early = listen();
        drop(listen());
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        event.fire();
        assert_eq!(calls.load(Ordering::SeqCst), 1, "a dropped callback is not called");
        let _late = listen();
        event.fire();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}

//! The end of a worker, told once to everybody who wants to know, whenever they ask. It ends nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener_primitives::{BagOnce, HandlerId};

/// Called once each when a worker has ended or is to be used no more.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    callbacks: BagOnce<Box<dyn FnOnce() + Send>>,
    has_ended: Arc<AtomicBool>,
}

impl Ended {
    /// Calls back at the end, or at once if it is over; not after the handler's id is dropped.
    pub(super) fn add(&self, callback: impl FnOnce() + Send + 'static) -> HandlerId {
        let id = self.callbacks.add(Box::new(callback));
        // The bag forgets that it was called. Whichever of the two comes later finds the callback there.
        if self.has_ended.load(Ordering::SeqCst) {
            self.callbacks.call_simple();
        }
        id
    }

    pub(super) fn call(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.callbacks.call_simple();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn everybody_hears_of_the_end_once_however_late_they_ask() {
        let (ended, heard) = (Ended::default(), Arc::new(AtomicUsize::new(0)));
        let listen = || {
            let heard = Arc::clone(&heard);
            ended.add(move || {
                heard.fetch_add(1, Ordering::SeqCst);
            })
        };
        let _early = listen();
        drop(listen());
        assert_eq!(heard.load(Ordering::SeqCst), 0);
        ended.call();
        assert_eq!(heard.load(Ordering::SeqCst), 1, "who no longer listens is not called");
        let _late = listen();
        ended.call();
        assert_eq!(heard.load(Ordering::SeqCst), 2);
    }
}

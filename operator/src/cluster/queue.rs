//! The queue of Meetings to reconcile: each is queued at most once, in request order.
//!
//! The scheduler of kube's controller accepts every item and never releases the memory. It therefore gets a few items at a time; the
//! others wait here, where an item costs a pointer or two. The queue decides nothing and knows nothing about the cluster.

use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{Stream, stream};
use prometheus::IntGauge;
use tokio::sync::Notify;

/// Maximum number of items passed to the controller before it starts on the first of them.
const MOST_HANDED: usize = 64;

/// A queue without duplicates, for one consumer.
#[derive(Debug)]
pub(crate) struct WorkQueue<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    order: VecDeque<T>,
    waiting: HashSet<T>,
    /// Passed to the controller but not started yet.
    handed: HashSet<T>,
}

impl<T> Default for WorkQueue<T> {
    fn default() -> Self {
        let state = State { order: VecDeque::new(), waiting: HashSet::new(), handed: HashSet::new() };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<T: Clone + Eq + Hash> WorkQueue<T> {
    /// Adds an item. An item that was passed on but not started is queued again: the reconciliation may already have read its object.
    pub(crate) fn ask(&self, item: T) {
        let mut state = self.lock();
        if state.waiting.insert(item.clone()) {
            state.order.push_back(item);
            self.changed.notify_one();
        }
    }

    /// The reconciliation of `item` starts, or will never start because its object is gone.
    pub(crate) fn begin<Q>(&self, item: &Q)
    where
        T: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.lock().handed.remove(item) {
            self.changed.notify_one();
        }
    }

    /// Forgets the items that were passed on: after a list it is unknown which of those objects still exist. The limit is soft.
    pub(crate) fn begin_all(&self) {
        self.lock().handed.clear();
        self.changed.notify_one();
    }

    /// The next item, unless the queue is empty or too many items were passed on.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        if state.handed.len() >= MOST_HANDED {
            return None;
        }
        let item = state.order.pop_front()?;
        state.waiting.remove(&item);
        state.handed.insert(item.clone());
        if state.order.is_empty() {
            // Releases the memory of a burst: the queue is usually short.
            (state.order, state.waiting) = (VecDeque::new(), HashSet::new());
        }
        Some(item)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic while the lock was held leaves the state usable: each change is complete in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The items of `queue`, without end. `depth` is the number of waiting items.
pub(crate) fn stream_of<T: Clone + Eq + Hash + Send + 'static>(
    queue: Arc<WorkQueue<T>>,
    depth: IntGauge,
) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold((queue, depth), |(queue, depth)| async move {
        loop {
            let next = queue.take();
            depth.set(i64::try_from(queue.lock().order.len()).unwrap_or(i64::MAX));
            match next {
                Some(item) => return Some((item, (queue, depth))),
                None => queue.changed.notified().await,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn each_waits_once_and_in_order() {
        let queue = WorkQueue::default();
        for item in [1, 2, 1, 3, 2] {
            queue.ask(item);
        }
        assert_eq!(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn an_item_added_while_it_is_handed_over_is_queued_once_more() {
        let queue = WorkQueue::default();
        queue.ask(1);
        assert_eq!(queue.take(), Some(1));
        queue.ask(1);
        queue.begin(&1);
        assert_eq!(queue.take(), Some(1));
        queue.begin(&1);
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn more_are_handed_over_only_when_others_are_begun_or_gone() {
        let queue = WorkQueue::default();
        (0..=MOST_HANDED).for_each(|item| queue.ask(item));
        assert_eq!(std::iter::from_fn(|| queue.take()).count(), MOST_HANDED);
        queue.begin(&MOST_HANDED);
        assert_eq!(queue.take(), None, "it is not passed on yet");
        queue.begin(&0);
        assert_eq!(queue.take(), Some(MOST_HANDED));
    }

    #[tokio::test]
    async fn the_consumer_is_woken_by_a_request_and_by_a_beginning() {
        let queue = Arc::new(WorkQueue::default());
        let depth = IntGauge::new("depth", "depth").unwrap();
        let mut stream = Box::pin(stream_of(Arc::clone(&queue), depth.clone()));
        assert!(stream.next().now_or_never().is_none());
        (0..=MOST_HANDED).for_each(|item| queue.ask(item));
        for item in 0..MOST_HANDED {
            assert_eq!(stream.next().await, Some(item));
        }
        assert!(stream.next().now_or_never().is_none());
        assert_eq!(depth.get(), 1);
        queue.begin(&7);
        assert_eq!(stream.next().await, Some(MOST_HANDED));
    }
}

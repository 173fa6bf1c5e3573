//! The queue in front of the media plane of one room: operations run one after the other, in the order in which the room has requested
//! them, while the room continues. So operations on the same object keep their order.
//!
//! It decides nothing about operations, and knows no room.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::task::{Context as Waker, Poll, ready};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;

use crate::room::{MediaError, Operation, Outcome};

/// Executes operations.
pub(crate) trait Media: Send + 'static {
    /// Executes one operation.
    fn run(&mut self, operation: Operation) -> impl Future<Output = Result<Outcome, MediaError>> + Send;

    /// Samples statistics for the metrics.
    fn sample(&mut self) -> impl Future<Output = ()> + Send;

    /// How often [`Media::sample`] should be called.
    fn sample_interval(&self) -> Duration;

    /// Whether there is anything to sample.
    fn has_transports(&self) -> bool;
}

/// An outcome, with what its operation was for.
pub(super) type Done<C> = (C, Result<Outcome, MediaError>);

/// A running operation or sample. It owns the media plane until it completes or panics, and returns the outcome of an operation.
type Running<M, C> = Pin<Box<dyn Future<Output = (Box<M>, thread::Result<Option<Done<C>>>)> + Send>>;

/// A media plane with its queue. `C` says what an operation is for.
pub(super) struct MediaQueue<M, C> {
    // Exactly one of both is there.
    idle: Option<Box<M>>,
    running: Option<Running<M, C>>,
    waiting: VecDeque<(Operation, C)>,
    is_sample_due: bool,
    has_transports: bool,
    sample_interval: Duration,
}

impl<M: Media, C: Send + 'static> MediaQueue<M, C> {
    pub(super) fn new(media: M) -> Self {
        Self {
            has_transports: media.has_transports(),
            sample_interval: media.sample_interval(),
            idle: Some(Box::new(media)),
            running: None,
            waiting: VecDeque::new(),
            is_sample_due: false,
        }
    }

    pub(super) fn push(&mut self, operation: Operation, context: C) {
        self.waiting.push_back((operation, context));
    }

    /// Samples as soon as nothing runs.
    pub(super) fn sample(&mut self) {
        self.is_sample_due = true;
    }

    pub(super) fn sample_interval(&self) -> Duration {
        self.sample_interval
    }

    /// Whether there is anything to sample, after the last operation, and no sample is due.
    pub(super) fn wants_sample(&self) -> bool {
        self.has_transports && !self.is_sample_due
    }

    /// Whether no outcome is to come.
    pub(super) fn is_settled(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// Operations that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The next outcome; never, as long as there is no operation. May be dropped and called again: what runs is kept.
    pub(super) async fn next(&mut self) -> Done<C> {
        poll_fn(|waker| self.poll_next(waker)).await
    }

    pub(super) fn poll_next(&mut self, waker: &mut Waker<'_>) -> Poll<Done<C>> {
        loop {
            self.start_next();
            let Some(running) = &mut self.running else { return Poll::Pending };
            let (media, result) = ready!(running.as_mut().poll(waker));
            self.running = None;
            self.has_transports = self.idle.insert(media).has_transports();
            match result {
                Ok(Some(done)) => return Poll::Ready(done),
                Ok(None) => {}
                // Not before the media plane is back: if it were dropped during a panic, a second one would end the process.
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    /// Starts what is next, unless something runs.
    fn start_next(&mut self) {
        let Some(mut media) = self.idle.take_if(|_| self.is_sample_due || !self.waiting.is_empty()) else { return };
        if std::mem::take(&mut self.is_sample_due) {
            self.running = Some(Box::pin(async move {
                let result = AssertUnwindSafe(media.sample()).catch_unwind().await;
                (media, result.map(|()| None))
            }));
        } else if let Some((operation, context)) = self.waiting.pop_front() {
            self.running = Some(Box::pin(async move {
                let result = AssertUnwindSafe(media.run(operation)).catch_unwind().await;
                (media, result.map(|outcome| Some((context, outcome))))
            }));
        }
        if self.waiting.is_empty() {
            // A room that rests must be small.
            self.waiting = VecDeque::new();
        }
    }
}

impl<M, C: fmt::Debug> fmt::Debug for MediaQueue<M, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { running, waiting, .. } = self;
        formatter.debug_struct("MediaQueue").field("is_running", &running.is_some()).field("waiting", waiting).finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::room::{Context, CreatedTransport, TransportId};

    /// A media plane in which each operation that creates a transport waits until the test lets it end.
    #[derive(Clone, Debug)]
    pub(in crate::actor) struct Slow {
        /// One permit for each that may end.
        pub(in crate::actor) gate: Arc<Semaphore>,
        /// Everything that was started.
        pub(in crate::actor) started: Arc<Mutex<Vec<String>>>,
        pub(in crate::actor) has_transports: bool,
        /// Whether sampling and creating a voice panic.
        pub(in crate::actor) panics: bool,
    }

    impl Slow {
        pub(in crate::actor) fn new() -> Self {
            Self { gate: Arc::new(Semaphore::new(0)), started: Arc::default(), has_transports: false, panics: false }
        }

        pub(in crate::actor) fn started(&self) -> Vec<String> {
            self.started.lock().unwrap().clone()
        }

        fn note(&self, what: String) {
            self.started.lock().unwrap().push(what);
        }
    }

    impl Media for Slow {
        async fn run(&mut self, operation: Operation) -> Result<Outcome, MediaError> {
            match operation {
                Operation::CreateTransport { .. } => {
                    self.note("create".into());
                    self.gate.acquire().await.unwrap().forget();
                    self.has_transports = true;
                    let id = TransportId::from("transport");
                    let empty = || json!({});
                    Ok(Outcome::Transport(Box::new(CreatedTransport {
                        id,
                        ice_parameters: empty(),
                        ice_candidates: json!([]),
                        dtls_parameters: empty(),
                        sctp_parameters: None,
                    })))
                }
                Operation::CreateVoice if self.panics => panic!("requested by the test"),
                Operation::BotSay(text) => {
                    self.note(text);
                    Ok(Outcome::Done)
                }
                _ => Ok(Outcome::Done),
            }
        }

        async fn sample(&mut self) {
            assert!(!self.panics, "requested by the test");
            self.note("sample".into());
        }

        fn sample_interval(&self) -> Duration {
            Duration::from_hours(1)
        }

        fn has_transports(&self) -> bool {
            self.has_transports
        }
    }

    fn create() -> Operation {
        Operation::CreateTransport { direction: None, force_tcp: false }
    }

    fn queue(slow: &Slow) -> MediaQueue<Slow, Context> {
        MediaQueue::new(slow.clone())
    }

    #[tokio::test]
    async fn one_runs_at_a_time_and_in_order() {
        let slow = Slow::new();
        let mut queue = queue(&slow);
        assert!(queue.is_settled() && queue.next().now_or_never().is_none());
        queue.push(create(), Context::None);
        queue.push(Operation::BotSay("after".into()), Context::None);
        assert!(queue.next().now_or_never().is_none() && !queue.is_settled());
        assert_eq!(slow.started(), ["create"]);
        slow.gate.add_permits(1);
        assert!(matches!(queue.next().await, (Context::None, Ok(Outcome::Transport(_)))));
        assert_eq!(queue.next().await, (Context::None, Ok(Outcome::Done)));
        assert_eq!(slow.started(), ["create", "after"]);
        assert!(queue.is_settled() && queue.wants_sample());
    }

    #[tokio::test]
    async fn an_operation_survives_that_no_one_waits_for_it() {
        let slow = Slow::new();
        let mut queue = queue(&slow);
        queue.push(create(), Context::None);
        for _ in 0..3 {
            assert!(queue.next().now_or_never().is_none());
        }
        slow.gate.add_permits(1);
        assert!(queue.next().await.1.is_ok());
        assert_eq!(slow.started(), ["create"], "once");
    }

    #[tokio::test]
    async fn samples_are_taken_between_operations() {
        let slow = Slow::new();
        let mut queue = queue(&slow);
        queue.push(create(), Context::None);
        assert!(queue.next().now_or_never().is_none());
        queue.push(Operation::BotSay("after".into()), Context::None);
        queue.sample();
        assert!(!queue.wants_sample());
        slow.gate.add_permits(1);
        queue.next().await.1.unwrap();
        queue.next().await.1.unwrap();
        assert_eq!(slow.started(), ["create", "sample", "after"]);
    }

    #[tokio::test]
    async fn a_panic_leaves_the_media_plane_in_the_queue() {
        for is_sample in [false, true] {
            let mut queue = queue(&Slow { panics: true, ..Slow::new() });
            if is_sample {
                queue.sample();
            } else {
                queue.push(Operation::CreateVoice, Context::None);
            }
            assert!(AssertUnwindSafe(queue.next()).catch_unwind().await.is_err());
            assert!(queue.idle.is_some() && queue.running.is_none(), "it was dropped during the panic");
        }
    }

    #[tokio::test]
    async fn it_counts_what_waits_and_is_small_when_empty() {
        let slow = Slow::new();
        let mut queue = queue(&slow);
        for waiting in 0..1000 {
            assert_eq!(queue.waiting(), waiting);
            queue.push(Operation::BotSay(String::new()), Context::None);
        }
        for _ in 0..1000 {
            queue.next().await.1.unwrap();
        }
        assert_eq!((queue.is_settled(), queue.waiting.capacity()), (true, 0));
    }
}

//! The media plane that another pod uses for its room: runs its requests in order, one after the other. A panic ends only this.
//!
//! It knows no room, and reads no socket.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::media::MediaPlane;
use super::media_queue::{Media, MediaQueue};
use crate::link::frames::{HomeFrame, Received, unsupported};
use crate::metrics::Metrics;
use crate::room::{MediaError, MediaEvent, Outcome};

/// Requests that wait for the media plane; while there are more, no further ones are taken.
const FULL: usize = 1_000;

/// A message to the room's pod.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The outcome of a request.
    Done(u64, Result<Outcome, MediaError>),
    /// An event.
    Event(Box<MediaEvent>),
    /// A sign of life.
    Pong,
}

/// A media plane that is lent.
#[derive(Debug)]
pub(crate) struct Borrowed<M = MediaPlane> {
    media: MediaQueue<M, u64>,
}

impl<M: Media> Borrowed<M> {
    pub(crate) fn new(media: M) -> Self {
        Self { media: MediaQueue::new(media) }
    }

    /// Runs until `requests` or `replies` ends, or the media plane panics.
    pub(crate) async fn run(
        mut self,
        requests: mpsc::Receiver<Received>,
        events: mpsc::UnboundedReceiver<Box<MediaEvent>>,
        replies: mpsc::Sender<Reply>,
        meeting: &str,
        metrics: &Metrics,
    ) {
        let result = AssertUnwindSafe(self.serve(requests, events, replies)).catch_unwind().await;
        if result.is_err() {
            metrics.room_panics.inc();
            tracing::error!(meeting, "the media plane of a room of another pod panicked; the link is closed");
        }
    }

    async fn serve(
        &mut self,
        mut requests: mpsc::Receiver<Received>,
        mut events: mpsc::UnboundedReceiver<Box<MediaEvent>>,
        replies: mpsc::Sender<Reply>,
    ) {
        let mut samples = tokio::time::interval(self.media.sample_interval());
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (wants_sample, is_full) = (self.media.wants_sample(), self.media.waiting() >= FULL);
            let reply = tokio::select! {
                (id, outcome) = self.media.next() => Some(Reply::Done(id, outcome)),
                Some(event) = events.recv() => match *event {
                    // Everything on it is gone: the room's pod notices by the end of the link.
                    MediaEvent::WorkerDied => return,
                    MediaEvent::Volumes(_) | MediaEvent::DominantSpeaker(_) | MediaEvent::SiteLost(_) => None,
                    _ => Some(Reply::Event(event)),
                },
                received = requests.recv(), if !is_full => match received {
                    Some(received) => self.take(received),
                    None => return,
                },
                _ = samples.tick(), if wants_sample => {
                    self.media.sample();
                    None
                }
            };
            if let Some(reply) = reply
                && replies.send(reply).await.is_err()
            {
                return;
            }
        }
    }

    fn take(&mut self, received: Received) -> Option<Reply> {
        match received {
            Received::Known(HomeFrame::Request(request)) => {
                self.media.push(request.operation, request.id);
                None
            }
            Received::Known(HomeFrame::Ping) => Some(Reply::Pong),
            Received::Known(HomeFrame::Hello(_)) | Received::Other => None,
            Received::Unknown(id) => Some(Reply::Done(id, Err(unsupported()))),
            Received::Refused(id, error) => Some(Reply::Done(id, Err(error))),
        }
    }
}

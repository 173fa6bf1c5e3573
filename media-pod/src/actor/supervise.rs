//! Starts a room's actor and runs it to its end. A panic ends the room and nothing else: it is counted, logged with the meeting's name, its
//! clients are requested to reconnect, and the moderators' decisions are passed on.
//!
//! It handles no inputs and no effects.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use convene_service::clock::unix_milliseconds;
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::mpsc;

use super::handle::RoomHandle;
use super::input::Input;
use super::media::MediaPlane;
use super::observed::{Observed, Publisher, Reports};
use super::quota::ByteQuota;
use super::room_actor::RoomActor;
use crate::link::Dial;
use crate::metrics::Metrics;
use crate::room::{Limits, MediaEvent, MeetingSettings, Room, Snapshot};
use crate::sfu::workers::MEDIASOUP_VERSION;

/// Inputs queued for a room before its clients are slowed down.
const INBOX: usize = 256;

/// The parameters of a new room.
#[derive(Debug)]
pub(crate) struct RoomSpec {
    /// Namespace and name of its meeting, for the log.
    pub(crate) meeting: String,
    /// The room's limits.
    pub(crate) limits: Limits,
    /// mediasoup's `RtpCapabilities` of the room's routers.
    pub(crate) capabilities: Arc<Value>,
    /// The meeting's settings.
    pub(crate) settings: MeetingSettings,
    /// The state passed on by an earlier room of the same meeting.
    pub(crate) snapshot: Option<Snapshot>,
    /// Memory for messages queued for its clients.
    pub(crate) quota: ByteQuota,
    /// Opens links to other pods; `None` if the pod opens none.
    pub(crate) dial: Option<Dial>,
}

/// How a room has ended.
#[derive(Debug)]
pub(crate) struct RoomEnd {
    /// The state that the room passes to its successor; `None` if the meeting is over.
    pub(crate) snapshot: Option<Snapshot>,
}

/// Starts a room; `on_end` runs when the room has ended, for whatever reason.
pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
    spec: RoomSpec,
    media: MediaPlane,
    events: mpsc::UnboundedReceiver<Box<MediaEvent>>,
    reports: Reports,
    on_end: impl FnOnce(RoomEnd) -> F + Send + 'static,
) -> RoomHandle {
    let RoomSpec { meeting, limits, capabilities, settings, snapshot, quota, dial } = spec;
    let (inbox, inputs) = mpsc::channel(INBOX);
    let room = Room::new(limits, settings, capabilities, MEDIASOUP_VERSION.to_owned(), unix_milliseconds(), snapshot);
    let metrics = reports.metrics.clone();
    let (publisher, observed) = Publisher::new(&room, reports);
    let Observed { stats, settings, people, moves, streams, backup, sites } = observed;
    let handle = RoomHandle { inbox, stats, settings, people, moves, streams, backup, sites, quota };
    // Boxed: its task would hold it twice.
    let actor = Box::new(RoomActor::new(room, media, dial, publisher, metrics.clone()));
    tokio::spawn(async move { on_end(run(actor, metrics, inputs, events, meeting).await).await });
    handle
}

/// Runs the actor until the room is over.
async fn run(
    mut actor: Box<RoomActor<MediaPlane>>,
    metrics: Metrics,
    inputs: mpsc::Receiver<Box<Input>>,
    events: mpsc::UnboundedReceiver<Box<MediaEvent>>,
    meeting: String,
) -> RoomEnd {
    let note = |panic: &(dyn Any + Send)| {
        metrics.room_panics.inc();
        tracing::error!(
            meeting,
            panic = text_of(panic),
            "a room panicked and has ended; its clients reconnect to a new one"
        );
    };
    let outcome = AssertUnwindSafe(actor.run(inputs, events)).catch_unwind().await;
    let is_interrupted = outcome.is_err();
    if let Err(panic) = outcome {
        note(panic.as_ref());
    }
    // A panic may leave inconsistent state behind, and dropping the handles may panic too.
    let snapshot = catch_unwind(AssertUnwindSafe(|| actor.snapshot(is_interrupted)));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(actor)));
    if let Err(panic) = dropped {
        note(panic.as_ref());
    }
    RoomEnd {
        snapshot: snapshot.unwrap_or_else(|panic| {
            note(panic.as_ref());
            None
        }),
    }
}

/// The text of a panic, shortened: it may quote what a client sent.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_panic_is_short() {
        let text = |act: fn()| text_of(catch_unwind(act).unwrap_err().as_ref());
        assert_eq!(text(|| panic!("plain")), "plain");
        assert_eq!(text(|| panic!("{}", "x".repeat(1000))).len(), 200);
        assert_eq!(text(|| std::panic::panic_any(7)), "no text");
    }
}

//! Runs a room to its end, whatever that is. A panic ends the room and nothing else: it is counted, logged with the meeting's name, its
//! clients hear that they may come back, and what moderators decided is handed on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{Input, Shell};
use crate::room::{MediaEvent, Snapshot};

/// How a room has ended.
#[derive(Debug)]
pub struct Ended {
    /// What a successor of the room is to remember; nothing where the meeting is over.
    pub keepsake: Option<Snapshot>,
}

/// Runs the room until it is over.
pub(super) async fn run(
    mut shell: Shell,
    inputs: mpsc::Receiver<Input>,
    events: mpsc::UnboundedReceiver<MediaEvent>,
    meeting: String,
) -> Ended {
    let metrics = shell.metrics.clone();
    let note = |panic: &(dyn Any + Send)| {
        metrics.room_panics.inc();
        tracing::error!(
            meeting,
            panic = text_of(panic),
            "a room panicked and has ended; its clients come back to a new one"
        );
    };
    let outcome = AssertUnwindSafe(shell.run(inputs, events)).catch_unwind().await;
    let is_broken = outcome.is_err();
    if let Err(panic) = outcome {
        note(panic.as_ref());
    }
    // What a panic has left behind may be inconsistent, and dropping the handles may panic too.
    let kept = catch_unwind(AssertUnwindSafe(|| shell.room.snapshot(is_broken)));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(shell)));
    if let Err(panic) = dropped {
        note(panic.as_ref());
    }
    Ended {
        keepsake: kept.unwrap_or_else(|panic| {
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

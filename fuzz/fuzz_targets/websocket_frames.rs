//! Any bytes as one direction of a WebSocket, cut at a place that their first byte chooses: wherever they are cut, the router's reader
//! finds the same frame boundaries.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself: the router as a dependency would be compiled with all of its own for a minute of arithmetic.
#[path = "../../router/src/signal/frames.rs"]
mod frames;

use frames::{FrameTracker, close_frame};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let mut whole = FrameTracker::default();
    whole.pass(bytes);
    let mut parts = FrameTracker::default();
    parts.pass(head);
    check_first_end(parts, tail);
    parts.pass(tail);
    assert_eq!(parts, whole);
    check_close_frame(whole);
});

/// `first_end` is the first boundary that is found byte by byte.
fn check_first_end(mut tracker: FrameTracker, bytes: &[u8]) {
    let end = tracker.first_end(bytes);
    let mut passed = 0;
    while !tracker.is_between() && passed < bytes.len() {
        tracker.pass(&bytes[passed..=passed]);
        passed += 1;
    }
    assert_eq!(end, tracker.is_between().then_some(passed));
}

/// A close frame between two frames is recognized, whatever has passed before.
fn check_close_frame(mut tracker: FrameTracker) {
    if tracker.is_between() {
        tracker.pass(&close_frame(1012, "restart"));
        assert!(tracker.is_between() && tracker.has_closed());
    }
}

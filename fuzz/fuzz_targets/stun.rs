//! Any bytes as the start of an ICE-TCP connection: however many have arrived, the media pod's reader decides the same, and never reads
//! beyond the first frame.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself: the media pod as a dependency would compile the media worker.
#[rustfmt::skip] // formatted where it is at home, beside its tests
#[path = "../../media-pod/src/sfu/tcp/stun.rs"]
mod stun;

use stun::{MAX_FRAME_BYTES, read_first_frame};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let head = &bytes[..usize::from(*cut).min(bytes.len())];
    let whole = read_first_frame(bytes);
    match read_first_frame(head) {
        Ok(None) => assert!(head.len() < MAX_FRAME_BYTES, "a whole frame has arrived"),
        decided => assert_eq!(decided, whole, "more bytes change nothing"),
    }
    if let Ok(Some(request)) = whole {
        assert!(!request.username_fragment.is_empty() && !request.username_fragment.contains(':'));
        // The password of no seed.
        assert!(!request.is_signed_with("wrong"));
    }
});

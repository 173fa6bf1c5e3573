//! The streams of one subscriber: those that the server announced are counted, others are refused. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{HashMap, HashSet};

use crate::stats::sequence::{Packets, Sequence};

/// Streams that were not announced, after which a connection is given up. A server has one for its probes, and one may arrive before
/// its announcement is processed.
const MAX_UNKNOWN: usize = 16;

/// Streams by SSRC.
#[derive(Debug, Default)]
pub(super) struct Received {
    streams: HashMap<u32, Sequence>,
    /// Those whose first key frame has arrived.
    pictures: HashSet<u32>,
    unknown: HashSet<u32>,
}

/// A packet of an announced stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Whether it is the first of its stream.
    pub(super) is_first: bool,
    /// Whether it is of the time that is counted.
    pub(super) is_counted: bool,
}

impl Received {
    /// The server announced a stream.
    pub(super) fn announce(&mut self, ssrc: u32) {
        self.unknown.remove(&ssrc);
        self.streams.entry(ssrc).or_default();
    }

    /// Whether a stream was announced.
    pub(super) fn is_announced(&self, ssrc: u32) -> bool {
        self.streams.contains_key(&ssrc)
    }

    /// A packet of a stream that was not announced. False when there are too many such streams.
    pub(super) fn tolerate(&mut self, ssrc: u32) -> bool {
        self.unknown.insert(ssrc);
        self.unknown.len() <= MAX_UNKNOWN
    }

    /// A packet with an extended sequence number; nothing if its stream was not announced.
    pub(super) fn arrive(&mut self, ssrc: u32, number: u64) -> Option<Arrival> {
        let sequence = self.streams.get_mut(&ssrc)?;
        let is_first = !sequence.has_begun();
        Some(Arrival { is_first, is_counted: sequence.arrive(number) })
    }

    /// A key frame of an announced stream. Whether it is the first.
    pub(super) fn begin_pictures(&mut self, ssrc: u32) -> bool {
        self.is_announced(ssrc) && self.pictures.insert(ssrc)
    }

    /// Counts from now on.
    pub(super) fn restart(&mut self) {
        self.streams.values_mut().for_each(Sequence::restart);
    }

    pub(super) fn packets(&self) -> Packets {
        self.streams.values().fold(Packets::default(), |mut sum, sequence| {
            sum += sequence.packets();
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_announced_streams_count() {
        let mut received = Received::default();
        assert_eq!(received.arrive(7, 1), None);
        received.announce(7);
        assert_eq!(received.arrive(7, 1), Some(Arrival { is_first: true, is_counted: true }));
        received.announce(7);
        assert_eq!(received.arrive(7, 2), Some(Arrival { is_first: false, is_counted: true }), "announced twice");
        received.restart();
        assert_eq!(received.arrive(7, 2).map(|arrival| arrival.is_counted), Some(false), "of the time before");
        assert_eq!((received.arrive(8, 1), received.packets()), (None, Packets::default()));
    }

    #[test]
    fn the_first_key_frame_of_a_stream_is_seen_once() {
        let mut received = Received::default();
        assert!(!received.begin_pictures(7), "not announced");
        received.announce(7);
        assert!(received.begin_pictures(7) && !received.begin_pictures(7));
    }

    #[test]
    fn a_few_unknown_streams_are_tolerated_and_no_more_are_kept() {
        let mut received = Received::default();
        assert!((0..1000).all(|_| received.tolerate(1234)), "one stream, many packets");
        assert!((1..16).all(|ssrc| received.tolerate(ssrc)));
        assert!(!received.tolerate(16));
        received.announce(1);
        assert!(received.tolerate(1234) && received.is_announced(1) && !received.is_announced(16));
    }
}

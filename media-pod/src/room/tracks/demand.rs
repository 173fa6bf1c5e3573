//! The demand for the layers of one simulcast stream: its sender need not encode layers above the highest one that is received.
//!
//! A higher layer is requested at once, because a participant waits for it; a lower one only after a while, because a layer that starts
//! again takes a key frame. The lowest layer is always requested: it is what a newcomer gets first. Plain values; nothing is sent here.

use std::time::Duration;

/// How long a layer must be unused before its sender is notified.
const UNWANTED_FOR: Duration = Duration::from_secs(3);

/// What a receiver does with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It receives nothing for now.
    Pause,
    /// It receives again.
    Resume,
    /// It receives no higher layer than this one.
    UpTo(u8),
}

/// The wish of one consumer; at first it may get everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    is_paused: bool,
    up_to: Option<u8>,
}

impl Wanted {
    pub(super) fn apply(&mut self, wish: Wish) {
        match wish {
            Wish::Pause => self.is_paused = true,
            Wish::Resume => self.is_paused = false,
            Wish::UpTo(layer) => self.up_to = Some(layer),
        }
    }

    /// The highest layer that it receives.
    pub(super) fn layer(self) -> u8 {
        if self.is_paused { 0 } else { self.up_to.unwrap_or(u8::MAX) }
    }
}

/// The layers of one stream, and the highest that is requested from its sender.
#[derive(Debug)]
pub(super) struct Demand {
    top: u8,
    requested: u8,
    /// When the highest received layer became lower than that.
    lower_since: Option<Duration>,
}

impl Demand {
    /// Senders begin with all layers.
    pub(super) fn new(layers: u8) -> Self {
        let top = layers.saturating_sub(1);
        Self { top, requested: top, lower_since: None }
    }

    pub(super) fn has_layers(&self) -> bool {
        self.top > 0
    }

    /// A receiver gets `layer`; returns what to request, if that is new.
    pub(super) fn raise(&mut self, layer: u8) -> Option<u8> {
        let wanted = layer.min(self.top);
        if wanted < self.requested {
            return None;
        }
        self.lower_since = None;
        (std::mem::replace(&mut self.requested, wanted) != wanted).then_some(wanted)
    }

    /// `layer` is the highest that is received; returns what to request, if that is new.
    pub(super) fn settle(&mut self, layer: u8, now: Duration) -> Option<u8> {
        let wanted = layer.min(self.top);
        if wanted >= self.requested {
            return self.raise(wanted);
        }
        let since = *self.lower_since.get_or_insert(now);
        if now.saturating_sub(since) < UNWANTED_FOR {
            return None;
        }
        (self.requested, self.lower_since) = (wanted, None);
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn more_is_requested_at_once_and_less_after_a_while() {
        let mut demand = Demand::new(3);
        assert_eq!(demand.raise(u8::MAX), None, "it sends everything");
        assert_eq!(demand.settle(0, SECOND), None);
        assert_eq!(demand.settle(1, SECOND * 3), None);
        assert_eq!(demand.settle(1, SECOND * 4), Some(1), "what is wanted now");
        assert_eq!(demand.settle(1, SECOND * 9), None);
        assert_eq!(demand.raise(0), None);
        assert_eq!(demand.raise(9), Some(2));
        assert_eq!(demand.settle(0, SECOND * 10), None);
        assert_eq!(demand.raise(2), None, "wanted again in time");
        assert_eq!(demand.settle(0, SECOND * 13), None);
        assert_eq!(demand.settle(0, SECOND * 16), Some(0));
    }

    #[test]
    fn a_stream_of_one_layer_has_no_demand() {
        for layers in [0, 1] {
            let mut demand = Demand::new(layers);
            assert!(!demand.has_layers());
            assert_eq!(demand.raise(3), None);
        }
    }
}
